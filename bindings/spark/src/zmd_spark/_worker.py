"""What runs in the Python workers of the executors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pyarrow
import zmd
from pyspark import TaskContext

TYPES = [
    pyarrow.string(),
    pyarrow.int64(),
    pyarrow.int64(),
    pyarrow.int64(),
    pyarrow.bool_(),
    pyarrow.string(),
    pyarrow.string(),
]
NAMES = ["state", "total_count", "deleted_count", "failed_count", "is_successful", "error", "message"]


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to be done with every partition."""

    settings: dict[str, Any] = dataclasses.field(repr=False)
    shares: list[int]
    is_wait: bool
    timeout: float | None


# A worker runs one task at a time, and many after another: the client stays for the next.
_kept: tuple[dict[str, Any], zmd.Client] | None = None


def client_of(settings: dict[str, Any]) -> zmd.Client:
    """This process's client."""
    global _kept
    if _kept is None or _kept[0] != settings:
        if _kept is not None:
            _kept[1].close()
            _kept = None
        _kept = settings, zmd.Client(**settings)
    return _kept[1]


def run(task: Task, batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
    """Adds the columns to every batch of a partition."""
    context = TaskContext.get()
    share = task.shares[context.partitionId()] if context else 1
    client = client_of({**task.settings, "max_concurrency": share})
    if not task.is_wait:
        for batch in batches:
            yield with_columns(batch, outcomes(client, jobs_of(batch), task))
        return
    # All of the partition's jobs are waited for together.
    known = list(batches)
    found = iter(outcomes(client, [job for batch in known for job in jobs_of(batch)], task))
    for batch in known:
        yield with_columns(batch, [next(found) for _ in range(batch.num_rows)])


def outcomes(client: zmd.Client, jobs: list[tuple[str, str]], task: Task) -> list[zmd.Status | zmd.Error]:
    """Queries the jobs, or waits for them."""
    return client.wait_many(jobs, timeout=task.timeout) if task.is_wait else client.status_many(jobs)


def jobs_of(batch: pyarrow.RecordBatch) -> list[tuple[str, str]]:
    """The jobs of a batch."""
    modules, ids = (batch.column(batch.schema.get_field_index(name)).to_pylist() for name in ("module", "job_id"))
    return [job(*pair) for pair in zip(modules, ids, strict=True)]


def job(module: str | None, job_id: str | int | None) -> tuple[str, str]:
    """A null is an empty text, which the library refuses for that job alone."""
    return module or "", "" if job_id is None else str(job_id)


def with_columns(batch: pyarrow.RecordBatch, outcomes: list[zmd.Status | zmd.Error]) -> pyarrow.RecordBatch:
    """The batch with the status columns."""
    rows = [row(outcome) for outcome in outcomes]
    columns = [pyarrow.array([row[index] for row in rows], type) for index, type in enumerate(TYPES)]
    return pyarrow.RecordBatch.from_arrays([*batch.columns, *columns], names=[*batch.schema.names, *NAMES])


def row(outcome: zmd.Status | zmd.Error) -> tuple[Any, ...]:
    """The status columns of one job."""
    error = outcome if isinstance(outcome, zmd.Error) else None
    status: zmd.Status | None = getattr(outcome, "last_status", None) if isinstance(outcome, zmd.Error) else outcome
    known = (
        (None,) * 5
        if status is None
        else (
            status.state.name,
            status.total_count,
            status.deleted_count,
            status.failed_count,
            None if error else status.is_successful,
        )
    )
    return (*known, type(error).__name__ if error else None, str(error) if error else None)
