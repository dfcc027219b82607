"""The data source ``zmd`` and the table function ``zmd_status``: what Spark calls, in Python processes of its own."""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import zmd
from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceStreamReader, InputPartition
from pyspark.sql.types import Row, StringType, StructField, StructType
from pyspark.sql.udtf import AnalyzeArgument, AnalyzeResult

from . import _worker
from ._columns import COLUMNS, check

try:
    from pyspark.sql.streaming.datasource import SupportsTriggerAvailableNow
except ImportError:  # Spark 4.0 and 4.1

    class SupportsTriggerAvailableNow:  # type: ignore[no-redef]
        """Not there: a stream then runs until it is stopped."""


# How many rows a table function collects before it queries their jobs.
_BATCH = 1000

Job = tuple[str, str]


class Source(DataSource):
    """The data source. A subclass has the settings."""

    task: ClassVar[_worker.Task]

    def schema(self) -> StructType:
        return StructType([StructField("module", StringType()), StructField("job_id", StringType()), *COLUMNS])

    def reader(self, schema: StructType) -> DataSourceReader:
        is_wait = self.options.get("wait", "false").lower() == "true"
        return Reader(self._jobs(), dataclasses.replace(self.task, is_wait=is_wait, timeout=self._timeout()))

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:
        return StreamReader(self._jobs(), dataclasses.replace(self.task, timeout=self._timeout()))

    def _timeout(self) -> float | None:
        text = self.options.get("timeout")
        return None if text is None else float(text)

    def _jobs(self) -> list[Job]:
        if "jobs" in self.options:
            words = self.options["jobs"].replace(",", " ").split()
            pairs = [word.partition(":") for word in words]
            return [(module, job_id) for module, _, job_id in pairs]
        if "path" not in self.options:
            # Spark runs this without a session, which alone knows the tables.
            raise ValueError(
                "zmd: the option jobs (Leads:1001,Leads:1002) or a path is needed; for a table, use"
                " SELECT * FROM zmd_status(TABLE(name)), or zmd_spark.status(spark.table(name))"
            )
        import pyarrow.dataset

        files = pyarrow.dataset.dataset(self.options["path"], format=self.options.get("fileformat", "parquet"))
        table = files.to_table(columns=["module", "job_id"])
        return [job for batch in table.to_batches() for job in _worker.jobs_of(batch)]


class Reader(DataSourceReader):
    """A partition for each share of ``max_concurrency``."""

    def __init__(self, jobs: list[Job], task: _worker.Task) -> None:
        self._jobs, self._task = jobs, task

    def partitions(self) -> Sequence[InputPartition]:
        shares = self._task.shares
        parts = [(share, self._jobs[at :: len(shares)]) for at, share in enumerate(shares)]
        return [InputPartition(part) for part in parts if part[1]] or [InputPartition((1, []))]

    def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]]:
        share, jobs = partition.value
        client = _worker.client_of({**self._task.settings, "max_concurrency": share})
        return iter(_rows(jobs, _worker.outcomes(client, jobs, self._task)))


class StreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """Waits, in the driver's Python process, and gives each job's row when it has ended.

    An offset lists the jobs that have ended until then, in the order of their ends.
    """

    def __init__(self, jobs: list[Job], task: _worker.Task) -> None:
        self._jobs, self._task = list(dict.fromkeys(jobs)), task
        self._client: zmd.Client | None = None
        self._ended: list[int] = []
        self._rows: dict[int, tuple[Any, ...]] = {}
        self._is_to_end = False

    def prepareForTriggerAvailableNow(self) -> None:
        self._is_to_end = True

    def initialOffset(self) -> dict[str, list[int]]:
        return {"ended": []}

    def latestOffset(self, start: Any = None, limit: Any = None) -> dict[str, list[int]]:
        if self._client is None:
            self._begin(start or self.initialOffset())
        if self._is_to_end and len(self._ended) < len(self._jobs) and self._events.empty():
            self._note(self._events.get())
        while not self._events.empty():
            self._note(self._events.get())
        return {"ended": list(self._ended)}

    def partitions(self, start: Any, end: Any) -> Sequence[InputPartition]:
        indices = end["ended"][len(start["ended"]) :]
        # Those of a batch that is repeated after a restart.
        unknown = [index for index in indices if index not in self._rows]
        if unknown:
            jobs = [self._jobs[index] for index in unknown]
            client = _worker.client_of({**self._task.settings, "max_concurrency": sum(self._task.shares)})
            self._rows.update(zip(unknown, _rows(jobs, client.status_many(jobs))))
        return [InputPartition([self._rows[index] for index in indices])]

    def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]]:
        return iter(partition.value)

    def stop(self) -> None:
        if self._client is not None:
            self._client.close()

    def __getstate__(self) -> dict[str, Any]:
        # What goes to the executors.
        return {"_jobs": [], "_task": None, "_client": None, "_ended": [], "_rows": {}, "_is_to_end": False}

    def _begin(self, start: Any) -> None:
        self._client = zmd.Client(**self._task.settings, max_concurrency=sum(self._task.shares))
        self._ended = list(start["ended"])
        self._events: queue.SimpleQueue[zmd.Status | zmd.Error] = queue.SimpleQueue()
        ended = set(self._ended)
        jobs = [job for index, job in enumerate(self._jobs) if index not in ended]
        self._index = {job: index for index, job in enumerate(self._jobs)}
        outcomes = self._client.as_completed(jobs, timeout=self._task.timeout)
        threading.Thread(target=lambda: [self._events.put(outcome) for outcome in outcomes], daemon=True).start()

    def _note(self, outcome: zmd.Status | zmd.Error) -> None:
        job = (outcome.module, outcome.job_id)
        index = self._index[job]
        self._ended.append(index)
        (self._rows[index],) = _rows([job], [outcome])


class Function:
    """The table function ``zmd_status(TABLE(jobs))``. A subclass has the settings.

    Spark gives all rows to one instance, so that ``max_concurrency`` holds.
    """

    task: ClassVar[_worker.Task]

    @staticmethod
    def analyze(
        jobs: AnalyzeArgument, wait: AnalyzeArgument | None = None, timeout: AnalyzeArgument | None = None
    ) -> AnalyzeResult:
        if not isinstance(jobs.dataType, StructType):
            raise TypeError("the first argument must be a table: zmd_status(TABLE(jobs))")
        check(jobs.dataType)
        return AnalyzeResult(schema=StructType(jobs.dataType.fields + COLUMNS), withSinglePartition=True)

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._task = self.task

    def eval(self, jobs: Row, wait: bool = False, timeout: float | None = None) -> Iterator[tuple[Any, ...]]:
        limit = None if timeout is None else float(timeout)
        self._task = dataclasses.replace(self.task, is_wait=bool(wait), timeout=limit)
        self._rows.append(jobs)
        # All jobs are waited for together.
        if not wait and len(self._rows) == _BATCH:
            yield from self._flush()

    def terminate(self) -> Iterator[tuple[Any, ...]]:
        yield from self._flush()

    def _flush(self) -> Iterator[tuple[Any, ...]]:
        rows, self._rows = self._rows, []
        jobs = [_worker.job(row["module"], row["job_id"]) for row in rows]
        client = _worker.client_of({**self._task.settings, "max_concurrency": sum(self._task.shares)})
        for row, outcome in zip(rows, _worker.outcomes(client, jobs, self._task)):
            yield (*row, *_worker.row(outcome))


def _rows(jobs: Sequence[Job], outcomes: Sequence[zmd.Status | zmd.Error]) -> list[tuple[Any, ...]]:
    return [(*job, *_worker.row(outcome)) for job, outcome in zip(jobs, outcomes)]
