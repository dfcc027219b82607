"""zmd.testing, as those who test their programs with it use it."""

import asyncio
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import zmd
import zmd.testing

PROGRAM = """
import zmd

def main():
    with zmd.Client.from_env() as client:
        return client.wait("Leads", 1001, timeout=10, check=True).deleted_count
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
                async with service.async_client(timeout=5) as client:
                    return await client.wait("Leads", 1)

            self.assertEqual(asyncio.run(main()), status)
            for wrong in ({"total": -1}, {"rate": "x"}, {"state": zmd.State.RUNNING}, {"job_id": "1:2"}):
                with self.assertRaises(ValueError):
                    service.add_job(**{"module": "Leads", "job_id": 1, **wrong})
            client.set_access_token("1000.another")
            with self.assertRaises(zmd.UnauthorizedError):
                client.status("Leads", 1)
        service.close()

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
