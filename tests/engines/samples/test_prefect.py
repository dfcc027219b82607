"""The sample of doc/prefect.md in a real Prefect, with the server that it starts for a test."""

import asyncio
import os
import threading

import zmd.testing
from prefect.testing.utilities import prefect_test_harness
from prefect_night import night

with zmd.testing.Service() as service, prefect_test_harness(server_startup_timeout=300):
    os.environ.update(service.environment)
    service.add_job("Leads", 1001)
    service.add_job("Leads", 1003, failed=2)
    service.add_job("Deals", 1002, rate=3)
    # 50 tasks wait in this one process, with one client.
    jobs = [("Leads", "1001"), ("Deals", "1002")] * 25
    assert asyncio.run(night(jobs)) == [9] * 50
    assert sum(thread.name == "zmd-waits" for thread in threading.enumerate()) <= 1

    # A job that leaves records fails its task, and the flow; it is not retried.
    state = asyncio.run(night([("Leads", "1003"), ("Leads", "1001")], return_state=True))
    assert state.is_failed(), state
    try:
        asyncio.run(state.result())
    except zmd.JobFailedError as error:
        assert "7 of 9 deleted, 2 failed" in str(error), error
    else:
        raise AssertionError(state)
print("ok")
