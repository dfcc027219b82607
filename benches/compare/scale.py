#!/usr/bin/env python3
"""How libzmd scales: threads on one client beside as many handles of libcurl, and calls for many jobs beside the least
time that they can take. `make bench-scale` runs it; the results are in target/bench.
"""

import argparse
import math
import sys

import lab
from compare import Failed, progress, run
from lab import median

THREADS = [1, 2, 4, 8, 16, 32, 64]

# Jobs, pause of the server in ms, calls in flight. A line takes two minutes at the most.
MANY = [
    (1_000, 20, 5),
    (1_000, 20, 20),
    *((jobs, pause, 100) for pause in (1, 20, 100) for jobs in (1_000, 10_000, 100_000)),
]

# The most that is allowed over the ideal, beside the time that a connection takes.
TOLERANCE = 1.05


def threads(peers, environment, launch, queries, rounds):
    """Queries a second, and the processor's time for each, by the number of threads."""
    results = {peer.name: {count: [] for count in THREADS} for peer in peers}
    for turn in range(rounds):
        for count in THREADS:
            for peer in peers:
                number = queries // count * count
                words = run([launch, *peer.command, str(number), str(count)], environment).stdout.split()
                wall, cpu, _, _, memory = map(int, words)
                results[peer.name][count].append((number / (wall / 1e9), cpu / number / 1e3, memory / 1024))
            progress(f"{count} threads", turn, rounds)
    return {
        name: [
            dict(zip(("threads", "per_second", "cpu_us", "memory"), (count, *map(median, zip(*figures)))))
            for count, figures in by_count.items()
        ]
        for name, by_count in results.items()
    }


def many(certificates, program, launch, lines, rounds):
    """Calls for many jobs: seconds, beside the ideal."""
    for pause in sorted({pause for _, pause, _ in lines}):
        server = lab.delayed(certificates, pause)
        environment = lab.environment(server, certificates)
        first = [int(run([program, "1"], environment).stdout.split()[0]) / 1e6 - pause for _ in range(9)]
        for jobs, _, in_flight in (line for line in lines if line[1] == pause):
            for call in ("status_many", "wait_many"):
                figures = []
                # The long ones are steady: each once.
                for _ in range(rounds if jobs / in_flight * pause < 3000 else 1):
                    before = server.cpu()
                    words = run([launch, program, call, str(jobs)],
                                {**environment, "ZMD_MAX_CONCURRENCY": str(in_flight)}).stdout.split()  # fmt: skip
                    wall, cpu, _, _, memory = map(int, words)
                    figures.append((wall / 1e9, cpu / jobs / 1e3, memory / 1024, (server.cpu() - before) / jobs * 1e6))
                wall, cpu, memory, server_cpu = map(median, zip(*figures))
                ideal = math.ceil(jobs / in_flight) * pause / 1e3
                print(f"{call} of {jobs} at {pause} ms, {in_flight} in flight: {wall:.3f} s, ideal {ideal:.3f}", file=sys.stderr)
                yield {
                    "call": call, "jobs": jobs, "pause_ms": pause, "in_flight": in_flight, "seconds": wall, "ideal": ideal,
                    "allowed": ideal * TOLERANCE + median(first) / 1e3, "connection_ms": median(first), "cpu_us": cpu,
                    "memory": memory, "server_cpu_us": server_cpu,
                }  # fmt: skip
        server.stop()


def server_cost(certificates, floor, queries):
    """What the server of the curves takes of the processor for a query, and how long one takes with it."""
    server = lab.delayed(certificates, 0)
    environment = lab.environment(server, certificates)
    run([*floor.command, "1"], environment)
    before = server.cpu()
    run([*floor.command, str(queries)], environment)
    cost = (server.cpu() - before) / queries * 1e6
    server.stop()
    return cost


def report(results):
    text = []
    if results["threads"]:
        names = {"zmd": "libzmd", "curl": "libcurl"}
        head = ["threads"] + [f"{names[name]}, {what}" for name in results["threads"]
                              for what in ("queries/s", "CPU us", "MB")]  # fmt: skip
        rows = [
            [str(lines[0]["threads"])] + [f"{line[what]:{form}}" for line in lines
                                          for what, form in (("per_second", ",.0f"), ("cpu_us", ".0f"), ("memory", ".1f"))]
            for lines in zip(*results["threads"].values())
        ]  # fmt: skip
        text.append(lab.table(head, rows))
    head = ["call", "jobs", "latency", "in flight", "seconds", "ideal", "over ideal", "", "CPU us a job", "server's", "MB"]
    rows = [
        [
            line["call"],
            f"{line['jobs']:,}",
            f"{line['pause_ms']} ms",
            str(line["in_flight"]),
            f"{line['seconds']:.2f}",
            f"{line['ideal']:.2f}",
            f"{line['seconds'] / line['ideal'] - 1:.1%}",
            verdict(line),
            f"{line['cpu_us']:.0f}",
            f"{line['server_cpu_us']:.0f}",
            f"{line['memory']:.1f}",
        ]
        for line in results["many"]
    ]
    text.append(lab.table(head, rows))
    for call in ("status_many", "wait_many"):
        by_jobs = {line["jobs"]: line["memory"] for line in results["many"] if line["call"] == call and line["in_flight"] == 100}
        if len(by_jobs) > 1:
            few, most = min(by_jobs), max(by_jobs)
            each = (by_jobs[most] - by_jobs[few]) * 1024 * 1024 / (most - few)
            text.append(f"{call}: {each:.0f} bytes a job, 84 of them the caller's own.")
    text.append(f"The server takes {results['server_cpu_us']:.0f} us of the processor for a query, without a pause.")
    text.append("; ".join(f"{key}: {value}" for key, value in results["machine"].items()))
    return "\n\n".join(text)


def verdict(line):
    """Both programs share this machine's cores: what they take together is a limit that no client can pass."""
    if line["seconds"] <= line["allowed"]:
        return "met"
    cores = int(lab.machine()["cores"])
    bound = line["jobs"] * (line["cpu_us"] + line["server_cpu_us"]) / 1e6 / cores
    return "no idle core" if bound > line["ideal"] * 0.8 else "missed"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--queries", type=int, default=20_000, help="for each number of threads")
    parser.add_argument("--most", type=int, default=100_000, help="jobs at once, at the most")
    parser.add_argument("--parts", default="threads,many", help="what to measure, of %(default)s")
    options = parser.parse_args()

    peers = [peer for peer in lab.peers() if peer.name in ("floor", "zmd", "curl")]
    for peer in (peer for peer in peers if peer.missing):
        print(f"left out: {peer.label}: {peer.missing}", file=sys.stderr)
    peers = {peer.name: peer for peer in peers if not peer.missing}
    certificates = lab.Certificates()
    # An RSA signature takes a server a millisecond, which this one would take from its client: they share the cores.
    quick = lab.Certificates("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    launch = lab.compile_program("launch")
    results = {"machine": lab.machine(), "threads": {}, "many": []}
    try:
        if "threads" in options.parts:
            server = lab.nginx(certificates)
            both = [peers[name] for name in ("zmd", "curl") if name in peers]
            results["threads"] = threads(both, lab.environment(server, certificates), launch, options.queries, options.rounds)
            server.stop()
        results["server_cpu_us"] = server_cost(quick, peers["floor"], options.queries)
        lines = [line for line in MANY if line[0] <= options.most] if "many" in options.parts else []
        results["many"] = list(many(quick, peers["zmd"].command[0], launch, lines, options.rounds))
    except Failed as failed:
        sys.exit(f"FAILED: {failed}")
    text = report(results)
    print(text)
    lab.save("scale", results, text)


if __name__ == "__main__":
    main()
