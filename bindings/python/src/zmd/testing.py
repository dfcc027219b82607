"""For tests of programs that use this package: a stand-in for Zoho CRM on this machine, also as a pytest fixture.

In ``conftest.py``::

    pytest_plugins = ["zmd.testing"]

In a test, of a program that makes its client with :meth:`zmd.Client.from_env`::

    def test_it_stops_when_records_are_left(zmd_service):
        zmd_service.add_job("Leads", 1001, total=300, failed=1)
        with pytest.raises(zmd.JobFailedError):
            my_program.main()

It answers with the errors that Zoho documents where the job id is ``error-`` and the code, such as
``error-NO_PERMISSION``, and with a broken answer where it is ``fault-`` and a name, such as
``fault-stall-in-body``: ``zmd-sim --help`` lists them.
"""

import math
import os
import subprocess
from types import TracebackType
from typing import Any, Dict, Iterator, Optional, Type

from ._program import find
from ._settings import JobId, one_job
from .async_client import AsyncClient
from .client import Client
from .status import State

__all__ = ["Service", "zmd_service"]

_TOKEN = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210"


class Service:
    """A stand-in for Zoho CRM: the program ``zmd-sim``, which comes with this package, on a free port of 127.0.0.1.

    It is a context manager, which ends the program. It starts without jobs.
    """

    url: str
    """Its base URL."""

    def __init__(self) -> None:
        # A job in an unused module: without any job, the program adds its own.
        command = [find("zmd-sim"), "--until-stdin-closes", "--token", _TOKEN, "--job", "-:-:0:0"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True, bufsize=1
        )
        self.url = self._read_line().split()[-1]

    def add_job(
        self,
        module: str,
        job_id: JobId,
        *,
        total: int = 9,
        rate: float = math.inf,
        failed: int = 0,
        state: State = State.COMPLETED,
    ) -> None:
        """Begins a job, also in place of another.

        :param module: the module's API name
        :param job_id: the job's id
        :param total: how many records it is to delete
        :param rate: records a second; ``math.inf``: it has ended at once, 0: it never does
        :param failed: how many of the records cannot be deleted
        :param state: how it ends, :attr:`State.COMPLETED` or :attr:`State.FAILED`
        """
        module, job_id = one_job(module, job_id)
        if state not in (State.COMPLETED, State.FAILED):
            raise ValueError(f"state must be COMPLETED or FAILED, not {state}")
        end = ":failed" if state == State.FAILED else ""
        assert self._process.stdin is not None
        print(f"job {module}:{job_id}:{total}:{rate}:{failed}{end}", file=self._process.stdin)
        answer = self._read_line()
        if answer != "ok":
            raise ValueError(answer)

    @property
    def settings(self) -> Dict[str, Any]:
        """Arguments for a client that uses it, and polls often: ``zmd.Client(**service.settings)``."""
        return {"access_token": _TOKEN, "api_domain": self.url, "poll_min": 0.01, "max_retries": 0}

    @property
    def environment(self) -> Dict[str, str]:
        """The same as environment variables, for :meth:`zmd.Client.from_env` and the command ``zmd``."""
        return {
            "ZMD_ACCESS_TOKEN": _TOKEN,
            "ZMD_API_DOMAIN": self.url,
            "ZMD_POLL_MIN_MS": "10",
            "ZMD_MAX_RETRIES": "0",
        }

    def client(self, **settings: Any) -> Client:
        """A client that uses it; keywords replace some of :attr:`settings`."""
        return Client(**{**self.settings, **settings})

    def async_client(self, **settings: Any) -> AsyncClient:
        """A client for asyncio that uses it; keywords replace some of :attr:`settings`."""
        return AsyncClient(**{**self.settings, **settings})

    def close(self) -> None:
        """Ends it. One that is closed already may be closed again."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def __enter__(self) -> "Service":
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise OSError("zmd-sim has ended")
        return line.rstrip("\n")


try:
    import pytest
except ImportError:
    pass
else:

    @pytest.fixture
    def zmd_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
        """A :class:`Service`, and during the test the environment in which :meth:`zmd.Client.from_env` uses it. The
        configuration file of whoever runs the test is not read."""
        with Service() as service:
            for name in os.environ:
                if name.startswith("ZMD_") and name != "ZMD_LIBRARY":
                    monkeypatch.delenv(name)
            for name, value in service.environment.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("ZMD_CONFIG_FILE", os.devnull)
            yield service
