"""What one triggerer holds of a night with 100,000 jobs of 500 organizations, when there are ten of them.

    scale.py ORGANIZATIONS JOBS [SECONDS]

It waits for JOBS jobs, in one event loop, with a client for each of ORGANIZATIONS, as the triggers of Airflow do, and
after SECONDS prints what the process holds. The jobs do not end. Run with ``500 10000``, where every triggerer has jobs
of every organization, and with ``50 10000``, where each organization belongs to one triggerer.
"""

import asyncio
import json
import os
import resource
import sys
import time

import zmd
import zmd.testing

ORGANIZATIONS, JOBS = int(sys.argv[1]), int(sys.argv[2])
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 60.0


def held() -> dict[str, float]:
    with open("/proc/self/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return {
        "megabytes": round(int(fields["VmRSS"].split()[0]) / 1024),
        "threads": int(fields["Threads"]),
        "descriptors": len(os.listdir("/proc/self/fd")),
    }


async def main(service: zmd.testing.Service) -> None:
    before = held()
    polls = 0

    def count(_: zmd.Progress) -> None:
        nonlocal polls
        polls += 1

    settings = {**service.settings, "poll_min": 1, "poll_max": 60}
    clients = [zmd.AsyncClient(**settings) for _ in range(ORGANIZATIONS)]
    begin = time.monotonic()
    waits = [
        asyncio.create_task(clients[number % ORGANIZATIONS].wait("Leads", 1, progress=count)) for number in range(JOBS)
    ]
    while polls < JOBS:
        await asyncio.sleep(0.1)
    first = time.monotonic() - begin
    await asyncio.sleep(SECONDS)
    after = held()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "organizations": ORGANIZATIONS,
                "jobs": JOBS,
                "before": before,
                "after": after,
                "kilobytes_a_job": round((after["megabytes"] - before["megabytes"]) * 1024 / JOBS, 1),
                "first_polls_s": round(first, 1),
                "polls": polls,
                "processor_s": round(usage.ru_utime + usage.ru_stime, 1),
            }
        )
    )
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    await asyncio.gather(*(client.close() for client in clients))


with zmd.testing.Service() as service:
    service.add_job("Leads", 1, rate=0)
    asyncio.run(main(service))
