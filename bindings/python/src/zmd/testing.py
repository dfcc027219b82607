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

import dataclasses
import json
import math
import os
import subprocess
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Type, Union
from urllib.parse import parse_qs, urlsplit

from ._program import find
from ._settings import JobId, one_job
from .client import Client
from .status import State

if TYPE_CHECKING:
    from .async_client import AsyncClient

__all__ = ["Request", "Response", "Service", "zmd_service"]

_GRANT = {
    "refresh_token": "1000.00112233445566778899aabbccddeeff.ffeeddccbbaa99887766554433221100",
    "client_id": "1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123",
    "client_secret": "0123456789abcdef0123456789abcdef0123456789",
}
_TOKEN = "1000.0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210"


@dataclasses.dataclass(frozen=True)
class Response:
    """A response to script with :meth:`Service.respond`."""

    status: int = 200
    """The HTTP status."""
    body: str = ""
    """Its text."""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Headers besides those that HTTP needs, such as ``Retry-After``."""

    @classmethod
    def of_job(cls, state: Union[State, str], *, total: int = 9, deleted: int = 0, failed: int = 0) -> "Response":
        """The service's response about a job in any state. A ``str`` is a state that this version may not know."""
        counts = {"Total_Count": total, "Deleted_Count": deleted, "Failed_Count": failed}
        row = {"Status": state.name if isinstance(state, State) else state, **counts}
        return cls(200, json.dumps({"data": [row]}), {"Content-Type": "application/json"})


@dataclasses.dataclass(frozen=True)
class Request:
    """A request that a :class:`Service` got, from the CRM's or the accounts server's client."""

    method: str
    """Such as ``GET``."""
    path: str
    """Such as ``/crm/v7/Leads/actions/mass_delete``."""
    query: Mapping[str, str]
    """The parameters of the URL."""
    headers: Mapping[str, str]
    """The headers, with their names in lower case."""
    body: str
    """The body, of a request for an access token its form."""

    @property
    def job_id(self) -> Optional[str]:
        """The id of the job that it is about; None: it is about none."""
        return self.query.get("job_id")


class Service:
    """A stand-in for Zoho CRM: the program ``zmd-sim``, which comes with this package, on a free port of 127.0.0.1.

    It is a context manager, which ends the program. It starts without jobs.
    """

    url: str
    """Its base URL."""

    def __init__(self) -> None:
        # A job in an unused module: without any job, the program adds its own.
        command = [find("zmd-sim"), "--until-stdin-closes", "--token", _TOKEN, "--job", "-:-:0:0"]
        command += ["--refresh", ":".join(_GRANT.values())]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True, bufsize=1
        )
        self._latency = 0.0
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
        :param state: how it ends, :attr:`State.COMPLETED` or :attr:`State.FAILED`; in any other it stays
        """
        if state not in (State.COMPLETED, State.FAILED):
            return self.respond(module, job_id, Response.of_job(state, total=total, failed=failed))
        module, job_id = one_job(module, job_id)
        end = ":failed" if state == State.FAILED else ""
        self._command(f"job {module}:{job_id}:{total}:{rate}:{failed}{end}")

    def respond(self, module: str, job_id: JobId, *responses: Union[Response, State, str]) -> None:
        """Scripts the responses to the requests for the status of a job; the last one is repeated.

        :param module: the module's API name
        :param job_id: the job's id
        :param responses: each a :class:`Response`, a state, or the name of an error or fault that ``zmd-sim --help`` lists,
            such as ``"error-NO_PERMISSION"`` or ``"fault-reset"``; none: the job is again as it was added
        """
        module, job_id = one_job(module, job_id)
        replies = [Response.of_job(each) if isinstance(each, State) else each for each in responses]
        shown = [each if isinstance(each, str) else dataclasses.asdict(each) for each in replies]
        self._command(f"script {module}:{job_id} {json.dumps(shown)}")

    @property
    def latency(self) -> float:
        """Seconds before every response; 0 at first. It can be set."""
        return self._latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._command(f"delay {math.ceil(seconds * 1000)}")
        self._latency = seconds

    def expire_tokens(self) -> None:
        """Makes the access token of :attr:`settings`, and those that were issued since, invalid. :attr:`grant` gets others."""
        self._command("expire")

    @property
    def requests(self) -> List[Request]:
        """What was requested so far, at most the last 10,000 requests."""
        requests = []
        for each in json.loads(self._ask("requests")):
            target = urlsplit(each["target"])
            query = {name: values[0] for name, values in parse_qs(target.query).items()}
            headers = {name.lower(): value for name, value in each["headers"]}
            requests.append(Request(each["method"], target.path, query, headers, each["body"]))
        return requests

    @property
    def settings(self) -> Dict[str, Any]:
        """Arguments for a client that uses it, and polls often: ``zmd.Client(**service.settings)``."""
        return {"access_token": _TOKEN, "api_domain": self.url, "poll_min": 0.01, "max_retries": 0}

    @property
    def grant(self) -> Dict[str, str]:
        """Further arguments, with which a client gets an access token when it has none, or it has expired:
        ``service.client(**service.grant)``. In the environment they are ``ZMD_REFRESH_TOKEN`` and so on."""
        return {**_GRANT, "accounts_url": self.url}

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

    def async_client(self, **settings: Any) -> "AsyncClient":
        """A client for asyncio that uses it; keywords replace some of :attr:`settings`."""
        from .async_client import AsyncClient

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

    def _command(self, command: str) -> None:
        answer = self._ask(command)
        if answer != "ok":
            raise ValueError(answer)

    def _ask(self, command: str) -> str:
        assert self._process.stdin is not None
        print(command, file=self._process.stdin)
        return self._read_line()

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
