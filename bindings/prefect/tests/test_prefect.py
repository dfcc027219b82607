"""The package in a real Prefect, with the server that it starts for a test. Its argument is an empty directory, PREFECT_HOME."""

import asyncio
import logging
import os
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import zmd.testing
from night import night
from prefect import flow
from prefect.plugins import load_prefect_collections
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from prefect.testing.utilities import prefect_test_harness
from prefect_zmd import ZohoCRMCredentials, wait_for_mass_delete

SECRET = zmd.testing._GRANT["refresh_token"]
tempfile.tempdir = sys.argv[1]


lines = []


class Lines(logging.Handler):
    """What the runs of tasks log."""

    def emit(self, record: logging.LogRecord) -> None:
        lines.append(record.getMessage())


@flow
async def fails(job_id: str, timeout: float) -> zmd.Status:
    async with ZohoCRMCredentials(profile=None).get_client() as client:
        return await wait_for_mass_delete.with_options(retry_delay_seconds=0)(client, "Leads", job_id, timeout)


def main(service: zmd.testing.Service) -> None:
    assert "prefect_zmd" in load_prefect_collections()
    # What Prefect asks of blocks, but for a logo.
    standards = {name: test for name, test in vars(BlockStandardTestSuite).items() if name.startswith("test_")}
    del standards["test_has_a_valid_image"]
    assert len(standards) > 3
    for test in standards.values():
        test(None, ZohoCRMCredentials)

    grant = service.grant
    settings = {"api_domain": service.url, "accounts_url": grant.pop("accounts_url"), "poll_min": 0.01}
    block = ZohoCRMCredentials(**grant, settings=settings)
    assert SECRET not in repr(block)
    block.save("night")

    # 50 tasks wait in this one process, with one client.
    jobs = [("Leads", "1001"), ("Deals", "1002")] * 25
    assert asyncio.run(night(jobs)) == 9 * 50
    assert sum(thread.name == "zmd-waits" for thread in threading.enumerate()) <= 1
    tokens = {request.headers["authorization"] for request in service.requests if request.job_id}
    assert len(tokens) == 1, tokens
    assert lines.count("Deals 1002: COMPLETED, 9 of 9 deleted, 0 failed") == 25, lines
    assert lines.count("Deals 1002: RUNNING, 0 of 9 deleted, 0 failed") == 1, lines

    # What would be the same is not retried; the rest is.
    os.environ.update(service.environment)
    for job_id, timeout, error, polls in [
        ("1003", 60, zmd.JobFailedError, 1),
        ("unknown", 60, zmd.JobNotFoundError, 1),
        ("slow", 0, zmd.Timeout, 1),
        ("denied", 60, zmd.ForbiddenError, 3),
    ]:
        before = len(service.requests)
        with pytest.raises(error):
            asyncio.run(fails(job_id, timeout))
        assert len(service.requests) - before == polls, (job_id, service.requests[before:])


with zmd.testing.Service() as service, prefect_test_harness(server_startup_timeout=300):
    service.add_job("Leads", 1001)
    service.add_job("Leads", 1003, failed=2)
    service.add_job("Leads", "slow", rate=0)
    service.respond("Leads", "denied", "error-NO_PERMISSION")
    service.respond("Deals", 1002, zmd.State.RUNNING, zmd.testing.Response.of_job("COMPLETED", deleted=9))
    logging.getLogger("prefect.task_runs").addHandler(Lines())
    main(service)
    # The server's database and logs have no secret.
    files = [path for path in Path(sys.argv[1]).rglob("*") if path.is_file()]
    assert files and not [path for path in files if SECRET.encode() in path.read_bytes()]
print("ok")
