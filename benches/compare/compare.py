#!/usr/bin/env python3
"""Compares libzmd with its peers: what a fresh process, a warm query and an installation cost. `make bench` runs it.

All programs query the same nginx on this machine, over TLS 1.3 and connections that stay open, and take turns, so that
whatever else the machine does meets all of them. The figures are medians; the results are in target/bench.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys

import lab
from lab import median, percentile

# What is to hold, as a share of another program's figure: what, the figure, whose, and the most.
GOALS = [
    ("zmd", "warm_wall", "curl", 0.75),
    ("zmd", "warm_cpu", "curl", 0.65),
    ("zmd", "warm_wall", "floor", 1.20),
    ("zmd", "first", "curl", 0.20),
    ("zmd", "life", "curl", 0.20),
    ("zmd", "memory", "curl", 0.40),
    ("package", "warm_wall", "requests", 0.25),
    ("package", "warm_wall", "sdk", 0.06),
]

NAMES = {
    "first": "first query",
    "life": "whole process",
    "warm_wall": "warm query, wall",
    "warm_cpu": "warm query, CPU",
    "memory": "peak memory",
}


class Failed(Exception):
    """A program did not do what it is for."""


def run(command, environment, **options):
    done = subprocess.run([str(word) for word in command], env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **options)  # fmt: skip
    if done.returncode != 0:
        raise Failed(f"{command}: {done.stderr.strip()}")
    return done


def fresh(peers, environments, rounds, launch):
    """The first query of a process, its whole life, and its memory."""
    results = {peer.name: [] for peer in peers}
    for turn in range(rounds + 1):
        for peer in peers:
            lines = run([launch, *peer.command, "1"], environments[peer.name]).stdout.split()
            if turn > 0:  # after the first, all files are in memory
                results[peer.name].append([int(word) for word in lines])
        progress("fresh process", turn, rounds)
    for peer in peers:
        first, life, cpu, memory = zip(*results[peer.name])
        yield peer.name, {
            "first": median(first) / 1e6,
            "life": median(life) / 1e6,
            "life_cpu": median(cpu) / 1e6,
            "memory": median(memory) / 1024,
        }


def warm(peers, environments, rounds):
    """A query on a connection that is open: milliseconds, of the clock and of the processor."""
    processes = {
        peer.name: subprocess.Popen(peer.command, env=environments[peer.name], text=True, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)  # fmt: skip
        for peer in peers
    }
    results = {peer.name: [] for peer in peers}
    for turn in range(rounds + 1):
        for peer in peers:
            process = processes[peer.name]
            process.stdin.write(f"{peer.turn}\n")
            process.stdin.flush()
            lines = [process.stdout.readline() for _ in range(peer.turn)]
            if not lines[-1]:
                raise Failed(f"{peer.label} has ended")
            if turn > 0:
                results[peer.name] += [[int(word) for word in line.split()] for line in lines[peer.warm_up :]]
        progress("warm query", turn, rounds)
    for peer in peers:
        processes[peer.name].stdin.close()
        if processes[peer.name].wait() != 0:
            raise Failed(f"{peer.label} ended with an error")
        wall, cpu = zip(*results[peer.name])
        yield peer.name, {
            "warm_wall": median(wall) / 1e6,
            "warm_wall_p99": percentile(wall, 0.99) / 1e6,
            "warm_cpu": median(cpu) / 1e6,
            "warm_cpu_p99": percentile(cpu, 0.99) / 1e6,
            "warm_queries": len(wall),
        }


def counts(peers, environments, what, count):
    """What a query takes, and what a process with one takes, of something that can be counted exactly."""
    for number, peer in enumerate(peers):
        progress(what, number, len(peers))
        few, many = 10 if peer.counted > 10 else 2, peer.counted
        one, low, high = (count([*peer.command, str(n)], environments[peer.name]) for n in (1, few, few + many))
        yield peer.name, {what: (high - low) / many, f"{what}_process": one}


def instructions(command, environment):
    done = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command], environment)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def calls(command, environment):
    done = run(["strace", "-f", "-c", "-o", "/dev/stderr", *command], environment)
    return int(re.search(r"^100\.00 .*?(\d+)(\s+\d+)? total$", done.stderr, re.MULTILINE).group(1))


def progress(what, done, of):
    if sys.stderr.isatty():
        print(f"\r\033[K{what}: {done} of {of}", end="" if done < of else "\r\033[K", file=sys.stderr, flush=True)


def cell(result, name, form):
    return format(result[name], form) if name in result else "-"


def time_of(ms):
    return f"{ms * 1000:.0f} us" if ms < 1 else f"{ms:.2f} ms" if ms < 10 else f"{ms:.0f} ms"


def times(result, name):
    if name not in result:
        return "-"
    tail = f"{name}_p99"
    return time_of(result[name]) + (f" ({time_of(result[tail])})" if tail in result else "")


def report(results):
    head = ["", "first query", "whole process", "warm query (p99)", "its CPU time (p99)", "instructions", "system calls",
            "peak memory", "size"]  # fmt: skip
    rows = [
        [
            result["label"],
            times(result, "first"),
            times(result, "life"),
            times(result, "warm_wall"),
            times(result, "warm_cpu"),
            cell(result, "instructions", ",.0f"),
            cell(result, "calls", ".1f"),
            cell(result, "memory", ".1f") + " MB" * ("memory" in result),
            cell(result, "size", ".1f") + " MB" * ("size" in result),
        ]
        for result in results["peers"].values()
    ]
    text = lab.table(head, rows)
    goals = list(goals_of(results["peers"]))
    if goals:
        text += "\n\n" + lab.table(
            ["", "of", "measured", "at most", ""],
            [[f"{what}: {NAMES[figure]}", of, f"{ratio:.2f}", f"{most:.2f}", "met" if ratio <= most else "missed"]
             for what, figure, of, ratio, most in goals],  # fmt: skip
        )
    text += "\n\n" + "; ".join(f"{key}: {value}" for key, value in results["machine"].items())
    text += "".join(f"\nleft out: {label}: {why}" for label, why in results["missing"].items())
    return text


def goals_of(results):
    for what, figure, of, most in GOALS:
        if figure in results.get(what, {}) and figure in results.get(of, {}):
            yield what, figure, of, results[what][figure] / results[of][figure], most


PARTS = ["size", "fresh", "warm", "calls", "instructions"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure, of %(default)s")
    parser.add_argument("--only", help="the programs to run, by their names: floor,zmd,curl,...")
    parser.add_argument("--rounds", type=int, default=30, help="how often each program's turn comes")
    parser.add_argument("--smoke", action="store_true", help="few repetitions: shows that all programs work")
    options = parser.parse_args()
    parts = options.parts.split(",")
    rounds = 2 if options.smoke else options.rounds

    found = lab.peers()
    if options.only:
        found = [peer for peer in found if peer.name in options.only.split(",")]
    missing = {peer.label: peer.missing for peer in found if peer.missing}
    peers = [peer for peer in found if not peer.missing]
    for label, why in missing.items():
        print(f"left out: {label}: {why}", file=sys.stderr)
    if missing and os.environ.get("ZMD_CI") == "1":
        sys.exit("ZMD_CI=1: every program has to be there")

    certificates = lab.Certificates()
    server = lab.nginx(certificates)
    common = lab.environment(server, certificates)
    environments = {peer.name: {**common, **peer.environment} for peer in peers}
    launch = lab.compile_program("launch")
    results = {"machine": lab.machine(), "missing": missing, "peers": {
        peer.name: {"label": peer.label, "version": peer.version} for peer in peers}}  # fmt: skip

    def take(figures):
        for name, figure in figures:
            results["peers"][name].update(figure)

    try:
        if "size" in parts:
            take((peer.name, {"size": peer.size() / 1e6}) for peer in peers)
        if "fresh" in parts:
            take(fresh(peers, environments, rounds, launch))
        if "warm" in parts:
            take(warm(peers, environments, rounds))
        for part, tool, count in [("calls", "strace", calls), ("instructions", "valgrind", instructions)]:
            if part in parts and shutil.which(tool):
                take(counts(peers, environments, part, count))
            elif part in parts:
                print(f"left out: {part}: {tool} is not installed", file=sys.stderr)
    except Failed as failed:
        sys.exit(f"FAILED: {failed}")
    text = report(results)
    print(text)
    lab.save("compare", results, text)


if __name__ == "__main__":
    main()
