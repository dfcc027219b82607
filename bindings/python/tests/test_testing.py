"""zmd.testing, as those who test their programs with it use it."""

import asyncio
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

import zmd
import zmd.testing

PROGRAM = """
import zmd

def main():
    with zmd.Client.from_env() as client:
        return client.wait("Leads", 1001, timeout=300, check=True).deleted_count
"""

TESTS = """
import os, subprocess
import pytest, zmd, program

def test_the_records_are_gone(zmd_service):
    zmd_service.add_job("Leads", 1001, total=300)
    assert program.main() == 300

def test_it_stops_when_records_are_left(zmd_service):
    zmd_service.add_job("Leads", 1001, total=300, failed=1)
    with pytest.raises(zmd.JobFailedError):
        program.main()

def test_it_knows_no_job_at_first(zmd_service):
    with pytest.raises(zmd.JobNotFoundError):
        program.main()

def test_what_the_machine_sets_does_not_count(zmd_service):
    assert "ZMD_TIMEOUT_MS" not in os.environ
    assert zmd_service.client().status_many([]) == []

def test_the_command_asks_it_too(zmd_service):
    zmd_service.add_job("Leads", 1001)
    subprocess.run(["zmd", "wait", "Leads", "1001"], check=True)

def test_without_the_fixture_the_environment_is_as_before():
    assert os.environ["ZMD_TIMEOUT_MS"] == "never"
    assert "ZMD_ACCESS_TOKEN" not in os.environ
"""


class Testing(unittest.TestCase):
    def test_a_service(self):
        with zmd.testing.Service() as service, service.client() as client:
            with self.assertRaises(zmd.JobNotFoundError):
                client.status("Leads", 1)
            service.add_job("Leads", 1)
            self.assertTrue(client.status("Leads", 1).is_successful)
            service.add_job("Leads", 1, total=100, rate=0)
            self.assertEqual(client.status("Leads", 1).state, zmd.State.RUNNING)
            service.add_job("Leads", 1, total=100, rate=200.5, failed=3, state=zmd.State.FAILED)
            status = client.wait("Leads", 1)
            self.assertEqual((status.state, status.deleted_count, status.failed_count), (zmd.State.FAILED, 97, 3))

            async def main():
                async with service.async_client(timeout=60) as client:
                    return await client.wait("Leads", 1)

            self.assertEqual(asyncio.run(main()), status)
            for wrong in ({"total": -1}, {"rate": "x"}, {"state": zmd.State.RUNNING, "job_id": "1:2"}, {"job_id": "1:2"}):
                with self.assertRaises(ValueError):
                    service.add_job(**{"module": "Leads", "job_id": 1, **wrong})
            client.set_access_token("1000.another")
            with self.assertRaises(zmd.UnauthorizedError):
                client.status("Leads", 1)
        service.close()

    def test_every_state(self):
        with zmd.testing.Service() as service, service.client() as client:
            for state in zmd.State:
                service.add_job("Leads", 1, state=state, total=7, rate=0 if state == zmd.State.RUNNING else math.inf)
                status = client.status("Leads", 1)
                self.assertEqual((status.state, status.total_count), (state, 7))
            service.respond("Leads", 1, zmd.testing.Response.of_job("ARCHIVED", deleted=4))
            status = client.status("Leads", 1)
            self.assertEqual((status.state, status.state_text, status.deleted_count), (zmd.State.UNKNOWN, "ARCHIVED", 4))

    def test_scripted_responses(self):
        with zmd.testing.Service() as service, service.client() as client:
            service.respond(
                "Leads",
                1,
                zmd.State.SCHEDULED,
                "error-INTERNAL_ERROR",
                "fault-garbage",
                zmd.testing.Response(429, "slow down", {"X-A": "b"}),
                zmd.testing.Response.of_job(zmd.State.COMPLETED, total=3, deleted=3),
            )
            polls = [poll.error.__class__ if poll.error else poll.status.state for poll in client.watch("Leads", 1)]
            self.assertEqual(
                polls,
                [zmd.State.SCHEDULED, zmd.ServerError, zmd.NetworkError, zmd.RateLimitedError, zmd.State.COMPLETED],
            )
            self.assertEqual(client.status("Leads", 1).deleted_count, 3)
            service.respond("Leads", 1)
            with self.assertRaises(zmd.JobNotFoundError):
                client.status("Leads", 1)
            with self.assertRaisesRegex(ValueError, "no-such-name"):
                service.respond("Leads", 1, "no-such-name")

    def test_latency(self):
        with zmd.testing.Service() as service, service.client() as client:
            service.add_job("Leads", 1)
            self.assertEqual(service.latency, 0)
            service.latency = 0.3
            self.assertEqual(service.latency, 0.3)
            begin = time.monotonic()
            client.status("Leads", 1)
            self.assertGreaterEqual(time.monotonic() - begin, 0.3)
            with self.assertRaises(zmd.Timeout):
                client.status("Leads", 1, timeout=0.1)

    def test_tokens_expire(self):
        with zmd.testing.Service() as service, service.client() as client, service.client(**service.grant) as renewing:
            service.add_job("Leads", 1)
            for each in (client, renewing):
                each.status("Leads", 1)
            service.expire_tokens()
            with self.assertRaises(zmd.UnauthorizedError):
                client.status("Leads", 1)
            for _ in range(2):
                self.assertTrue(renewing.status("Leads", 1).is_successful)
                service.expire_tokens()
            self.assertEqual(renewing.counters.token_requests, 2)

    def test_what_was_requested(self):
        with zmd.testing.Service() as service, service.client(api_version="v8", **service.grant) as client:
            self.assertEqual(service.requests, [])
            service.add_job("Leads", 1)
            client.status("Leads", 1)
            (request,) = service.requests
            self.assertEqual((request.method, request.path), ("GET", "/crm/v8/Leads/actions/mass_delete"))
            self.assertEqual((request.job_id, request.query, request.body), ("1", {"job_id": "1"}, ""))
            self.assertTrue(request.headers["authorization"].startswith("Zoho-oauthtoken 1000."))
            service.expire_tokens()
            client.status("Leads", 1)
            (token,) = [each for each in service.requests if each.job_id is None]
            self.assertEqual((token.method, token.path), ("POST", "/oauth/v2/token"))
            self.assertIn("grant_type=refresh_token", token.body)

    def test_the_fixture(self):
        with tempfile.TemporaryDirectory() as directory:
            pathlib.Path(directory, "program.py").write_text(PROGRAM)
            pathlib.Path(directory, "conftest.py").write_text('pytest_plugins = ["zmd.testing"]\n')
            pathlib.Path(directory, "test_program.py").write_text(TESTS)
            path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
            tests = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
                cwd=directory,
                env={**os.environ, "PATH": path, "ZMD_TIMEOUT_MS": "never"},
                stdout=subprocess.PIPE,
                universal_newlines=True,
            )
            self.assertEqual(tests.returncode, 0, tests.stdout)
            self.assertIn("6 passed", tests.stdout)

    def test_without_the_program_it_says_so(self):
        with unittest.mock.patch("sysconfig.get_path", lambda *_: "/nonexistent"):
            with self.assertRaisesRegex(FileNotFoundError, "zmd-sim, a part of this package, is in none of /nonexist"):
                zmd.testing.Service()


if __name__ == "__main__":
    unittest.main()
