"""Waits for mass-delete jobs in the triggerer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import zmd
from airflow.triggers.base import BaseTrigger, TriggerEvent

from .hook import ZohoMassDeleteHook

# The trigger keeps the time limit; Airflow's own is for the case that no triggerer runs.
SLACK = timedelta(minutes=5)


class _Trigger(BaseTrigger):
    """All triggers of a connection share a client in the triggerer: its connections, its access token and its
    ``max_concurrency``.
    """

    _fields: tuple[str, ...]

    def __init__(self, zoho_crm_conn_id: str, deadline: float | None) -> None:
        super().__init__()
        self.zoho_crm_conn_id = zoho_crm_conn_id
        self.deadline = deadline
        self._last: dict[int, str] = {}

    def jobs(self) -> list[tuple[str, str]]:
        """What it waits for."""
        raise NotImplementedError

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow stores; no credentials."""
        kwargs = {key: getattr(self, key) for key in (*self._fields, "zoho_crm_conn_id", "deadline")}
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event: ``{"jobs": [...]}``, with a :func:`row` for each job, or ``{"error": ...}``."""
        try:
            client = await ZohoMassDeleteHook(self.zoho_crm_conn_id).aget_conn()
            jobs = self.jobs()
            outcomes = await client.wait_many(jobs, timeout=self._left(), progress=self._report, check=True)
            if any(isinstance(outcome, zmd.Timeout) and outcome.last_status is None for outcome in outcomes):
                # There was no time for a response. One poll, which has a limit of its own, tells how far they are.
                outcomes = await client.wait_many(jobs, timeout=0, progress=self._report, check=True)
        except Exception as error:
            # Whatever it is, the task is to fail with these words, and not with a traceback of the triggerer.
            yield TriggerEvent({"error": f"{type(error).__name__}: {error}"})
        else:
            yield TriggerEvent({"jobs": rows(jobs, outcomes)})

    def _left(self) -> float | None:
        deadline = self.deadline
        if deadline is None:
            # Without a worker before it, it is Airflow that has noted when the wait began.
            ends = getattr(self, "timeout_after", None) or getattr(self.task_instance, "trigger_timeout", None)
            if ends is None:
                return None
            deadline = (ends - SLACK).timestamp()
        return max(0.0, deadline - time.time())

    def _report(self, progress: zmd.Progress) -> None:
        """Logs what has changed; the rest is for level DEBUG."""
        # The error of a poll names the job itself.
        what = str(progress.error or f"{progress.module} {progress.job_id}: {_counts(progress.status)}")
        has_changed = self._last.get(progress.index) != what
        self._last[progress.index] = what
        if progress.remaining is not None:
            what += f"; it may end in {_duration(progress.remaining)}"
        if progress.next_poll is not None:
            what += f"; next poll in {_duration(progress.next_poll)}"
        (self.log.info if has_changed else self.log.debug)(what)


class ZohoMassDeleteTrigger(_Trigger):
    """Waits until a mass-delete job has ended.

    :param module: the module's API name
    :param job_id: the job
    :param zoho_crm_conn_id: the Airflow connection
    :param deadline: when to give up, in seconds since 1970, which holds over restarts of the triggerer; None: Airflow's
        own limit for the trigger
    """

    _fields = ("module", "job_id")

    def __init__(self, module: str, job_id: str | int, zoho_crm_conn_id: str, deadline: float | None = None) -> None:
        super().__init__(zoho_crm_conn_id, deadline)
        self.module = module
        self.job_id = job_id

    def jobs(self) -> list[tuple[str, str]]:
        return [(self.module, str(self.job_id))]


class ZohoMassDeleteJobsTrigger(_Trigger):
    """Waits until several mass-delete jobs have ended.

    :param jobs: pairs of a module and a job id; the rest is as for :class:`ZohoMassDeleteTrigger`
    """

    _fields = ("pairs",)

    def __init__(self, pairs: Sequence[Sequence[str]], zoho_crm_conn_id: str, deadline: float | None = None) -> None:
        super().__init__(zoho_crm_conn_id, deadline)
        self.pairs = [list(pair) for pair in pairs]

    def jobs(self) -> list[tuple[str, str]]:
        return [(module, job_id) for module, job_id in self.pairs]


def rows(jobs: Sequence[tuple[str, str]], outcomes: Sequence[zmd.Status | zmd.Error]) -> list[dict[str, Any]]:
    """The outcome of each job as JSON has it: its last status, and in ``outcome`` what that means.

    ``deleted``: every record is; ``failed``: they will not be, whoever asks again; ``timeout``; ``running``: not yet;
    ``error``: it is not known.
    """
    return [_row(*job, outcome) for job, outcome in zip(jobs, outcomes)]


def _row(module: str, job_id: str, outcome: zmd.Status | zmd.Error) -> dict[str, Any]:
    status = outcome if isinstance(outcome, zmd.Status) else getattr(outcome, "last_status", None)
    if isinstance(outcome, zmd.JobFailedError):
        status = outcome.status
    message = None if isinstance(outcome, zmd.Status) else str(outcome)
    if isinstance(outcome, zmd.Timeout) and status is not None:
        message = f"{message} (last: {_counts(status)})"
    return {
        "module": module,
        "job_id": job_id,
        "state": status and status.state.name,
        "total_count": status and status.total_count,
        "deleted_count": status and status.deleted_count,
        "failed_count": status and status.failed_count,
        "outcome": _meaning(outcome),
        "message": message,
    }


def _meaning(outcome: zmd.Status | zmd.Error) -> str:
    if isinstance(outcome, zmd.Status):
        return "deleted" if outcome.is_successful else "failed" if outcome.has_ended else "running"
    if isinstance(outcome, (zmd.JobFailedError, zmd.JobNotFoundError, zmd.InvalidModuleError, zmd.ArgumentError)):
        return "failed"
    return "timeout" if isinstance(outcome, zmd.Timeout) else "error"


def _counts(status: zmd.Status) -> str:
    """The status without the job's name."""
    return str(status).removeprefix(f"{status.module} {status.job_id}: ")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
