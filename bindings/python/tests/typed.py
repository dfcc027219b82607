"""What mypy must accept; what it must not is marked, and an unused mark is an error."""

import datetime
import pathlib
from typing import List, Optional, Union

import zmd


def asks(client: zmd.Client) -> int:
    status: zmd.Status = client.status("Leads", 1001)
    outcomes: List[Union[zmd.Status, zmd.Error]] = client.status_many([("Leads", "1001"), ("Leads", 1002)])
    for outcome in outcomes:
        if isinstance(outcome, zmd.Error):
            raise outcome
        deleted: Optional[int] = outcome.deleted_count
        print(deleted)
    client.wait("Leads", 1001, timeout=1, progress=print)
    client.wait("Leads", 1001, timeout=datetime.timedelta(hours=4), progress=lambda progress: progress.index)
    client.wait_many(iter([("Leads", 1001)]), timeout=0.5)
    client.status("Leads", None)  # type: ignore[arg-type]
    client.status_many(["Leads"])  # type: ignore[list-item]
    client.wait("Leads", 1001, timeout="1")  # type: ignore[arg-type]
    return status.state.value


def makes() -> None:
    with zmd.Client("1000.x", token_cache=pathlib.Path("cache"), timeout_ms=5) as client:
        asks(client)
    zmd.Client.from_env(ca_file="ca.pem").close()
    zmd.Client("1000.x", timeout_ms="5")  # type: ignore[arg-type]
    zmd.Client(no_such_key=1)  # type: ignore[call-arg]


def fails(error: zmd.Timeout) -> str:
    last: Optional[zmd.Status] = error.last_status
    return error.api_code if last is None else last.state_text
