"""How every program of the comparison is run: see bench.h."""

import time

START = time.perf_counter_ns()

import os  # noqa: E402  (the clock first)
import sys  # noqa: E402

URL, MODULE, JOB, TOKEN = (os.environ["BENCH_" + name] for name in ("URL", "MODULE", "JOB", "TOKEN"))
PATH = f"/crm/v7/{MODULE}/actions/mass_delete?job_id={JOB}"

# What the server answers: state, total, deleted, failed.
EXPECTED = ("COMPLETED", 9, 9, 0)


def check(answer):
    if answer != EXPECTED:
        sys.exit(f"another answer: {answer}")


def check_json(answer):
    job = answer["data"][0]
    check((job["Status"], job["Total_Count"], job["Deleted_Count"], job["Failed_Count"]))


def run(query):
    if len(sys.argv) > 1:
        query()
        print(time.perf_counter_ns() - START)
        for _ in range(int(sys.argv[1]) - 1):
            query()
        return
    for line in sys.stdin:
        took = []
        for _ in range(int(line)):
            wall, cpu = time.perf_counter_ns(), time.process_time_ns()
            query()
            took.append((time.perf_counter_ns() - wall, time.process_time_ns() - cpu))
        for wall, cpu in took:
            print(wall, cpu)
        sys.stdout.flush()
