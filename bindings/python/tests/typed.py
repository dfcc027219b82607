"""What mypy must accept; what it must not is marked, and an unused mark is an error."""

import datetime
import pathlib
from typing import List, Optional, Union

import zmd
import zmd.testing


def asks(client: zmd.Client) -> int:
    status: zmd.Status = client.status("Leads", 1001, timeout=2.5)
    outcomes: List[Union[zmd.Status, zmd.Error]] = client.status_many([("Leads", "1001"), ("Leads", 1002)])
    for outcome in [*outcomes, *client.as_completed([("Leads", 1001)], check=True)]:
        if isinstance(outcome, zmd.Error):
            raise outcome
        deleted: Optional[int] = outcome.deleted_count
        print(deleted, outcome.job_id.upper(), outcome.is_successful)
    client.wait("Leads", 1001, timeout=1, progress=print)
    client.wait("Leads", 1001, timeout=datetime.timedelta(hours=4), progress=lambda progress: progress.index)
    client.wait_many(iter([("Leads", 1001)]), timeout=0.5, progress=shows, check=True)
    statuses: List[zmd.Status] = client.wait_many([("Leads", 1001)], raise_on_error=True)
    statuses = client.wait_many([("Leads", 1001)])  # type: ignore[assignment]
    print([each.is_successful for each in statuses], list(client.as_completed([("Leads", 1001)], progress=shows)))
    for progress in client.watch("Leads", 1001):
        print(progress.to_dict()["remaining"], progress.remaining)
    print(status.to_dict(), client.counters.polls, client.counters.waited / 2, (client.credits_remaining or 0) + 1)
    client.status("Leads", None)  # type: ignore[arg-type]
    client.status_many(["Leads"])  # type: ignore[list-item]
    client.wait("Leads", 1001, timeout="1")  # type: ignore[arg-type]
    return status.state.value


def shows(progress: zmd.Progress) -> None:
    progress.status.deleted_count  # type: ignore[union-attr]
    if progress.status is not None:
        print(progress.status.deleted_count)
    else:
        print(progress.error.code)
    if progress.error is None:
        print(progress.status.deleted_count, progress.elapsed + 1)
    if isinstance(progress, zmd.PollFailed):
        print(progress.error.is_transient)
    else:
        print(progress.status.has_ended)


async def asks_in_asyncio() -> Optional[int]:
    async with zmd.AsyncClient("1000.x", timeout=datetime.timedelta(seconds=5)) as client:
        status: zmd.Status = await client.wait("Leads", 1001, progress=shows, check=True)
        async for outcome in client.as_completed([("Leads", 1001)]):
            if isinstance(outcome, zmd.Status):
                print(outcome.is_successful)
        async for progress in client.watch("Leads", 1001, timeout=0.5):
            shows(progress)
        client.wait("Leads", 1001).state  # type: ignore[attr-defined]
        return status.deleted_count


async def provides(refused: Optional[str]) -> str:
    return "1000.x" if refused is None else "1000.y"


def makes() -> None:
    with zmd.Client("1000.x", token_cache=pathlib.Path("cache"), timeout=5, poll_min=0.5) as client:
        asks(client)
    zmd.Client.from_env(ca_file="ca.pem").close()
    zmd.AsyncClient.from_env(profile="sandbox").cancel()
    zmd.Client("1000.x", data_center="eu", environment="sandbox").close()
    zmd.Client("1000.x", data_center="mars")  # type: ignore[arg-type]
    zmd.Client("1000.x", log_file="stderr", log_level="warning").close()
    zmd.Client("1000.x", log_level="loud")  # type: ignore[arg-type]
    zmd.AsyncClient(provides, environment="production").cancel()
    zmd.Client("1000.x", timeout="5")  # type: ignore[arg-type]
    zmd.Client(no_such_key=1)  # type: ignore[call-arg]


def fails(error: zmd.Timeout, failure: zmd.JobFailedError) -> str:
    last: Optional[zmd.Status] = error.last_status
    module: Optional[str] = error.module
    print(failure.status.failed_count, module)
    return error.api_code if last is None else last.state_text


def tests(zmd_service: zmd.testing.Service) -> None:
    zmd_service.add_job("Leads", 1001, total=300, state=zmd.State.FAILED)
    asks(zmd_service.client())
