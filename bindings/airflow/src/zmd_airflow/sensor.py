"""Sensors that succeed when the records of mass-delete jobs are deleted."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import zmd

from ._compat import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    StartTriggerArgs,
    conf,
)
from ._limit import deadline_of
from .hook import ZohoMassDeleteHook
from .links import KEY, ZohoModuleLink
from .trigger import SLACK, ZohoMassDeleteJobsTrigger, ZohoMassDeleteTrigger, rows

if TYPE_CHECKING:
    from airflow.sdk import Context

    from .trigger import _Trigger


class _Sensor(BaseSensorOperator):
    """What the sensors have in common."""

    ui_color = "#f4d9d6"
    operator_extra_links = (ZohoModuleLink(),)
    start_from_trigger = False

    def __init__(
        self,
        *,
        zoho_crm_conn_id: str = ZohoMassDeleteHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        retries_reset_timeout: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.zoho_crm_conn_id = zoho_crm_conn_id
        self.deferrable = deferrable
        self.retries_reset_timeout = retries_reset_timeout
        self._hook: ZohoMassDeleteHook | None = None
        self._ended: dict[tuple[str, str], zmd.Status | zmd.Error] = {}

    def _jobs(self) -> list[tuple[str, str]]:
        raise NotImplementedError

    def _trigger(self, deadline: float) -> _Trigger:
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        """Defers, or pokes."""
        try:
            return self._start(context)
        except (AirflowFailException, AirflowSensorTimeout) as error:
            if self.soft_fail:
                raise AirflowSkipException(str(error)) from error
            raise
        finally:
            if self._hook is not None:
                self._hook.close()

    def _start(self, context: Context) -> Any:
        if not self._jobs():
            return self._result([])
        self._push_link(context)
        deadline = time.time() + self.timeout
        if not self.retries_reset_timeout:
            deadline = deadline_of(context, self.timeout)
        left = deadline - time.time()
        if left <= 0 < self.timeout:
            raise AirflowSensorTimeout(f"the time limit of {self.timeout:.0f} s, for all tries together, is over")
        if self.deferrable:
            self.defer(
                trigger=self._trigger(deadline),
                method_name="execute_complete",
                timeout=timedelta(seconds=left) + SLACK,
            )
        if not self.reschedule:
            # In mode reschedule Airflow counts from the first try by itself.
            self.timeout = left
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Ends the task by what the trigger found."""
        event = event or {"error": "the trigger ended without an event"}
        if "error" in event:
            raise AirflowException(event["error"])
        if self.start_from_trigger:
            self._push_link(context)
        return self._result(event["jobs"])

    def poke(self, context: Context) -> PokeReturnValue:
        """Polls the jobs that have not ended, once."""
        if self._hook is None:
            self._hook = ZohoMassDeleteHook(self.zoho_crm_conn_id)
        all_jobs = self._jobs()
        jobs = [job for job in all_jobs if job not in self._ended]
        for job, outcome in zip(jobs, self._hook.get_conn().status_many(jobs)):
            is_over = outcome.has_ended if isinstance(outcome, zmd.Status) else not outcome.is_transient
            if is_over:
                is_left = isinstance(outcome, zmd.Status) and not outcome.is_successful
                self._ended[job] = zmd.JobFailedError(outcome) if is_left else outcome
            else:
                self.log.info("%s", outcome)
        if len(self._ended) < len(set(all_jobs)):
            return PokeReturnValue(is_done=False)
        found = rows(all_jobs, [self._ended[job] for job in all_jobs])
        return PokeReturnValue(is_done=True, xcom_value=self._result(found))

    def _result(self, found: list[dict[str, Any]]) -> Any:
        """The status of each job; or fails, without retries where the result would be the same."""
        for outcome, error in (
            ("failed", AirflowFailException),
            ("timeout", AirflowSensorTimeout),
            ("error", AirflowException),
        ):
            if any(row["outcome"] == outcome for row in found):
                raise error(_summary(found))
        for row in found:
            self.log.info("%s %s: %s records are deleted", row["module"], row["job_id"], row["deleted_count"])
            del row["outcome"], row["message"]
        return found

    def _push_link(self, context: Context) -> None:
        """Raises where the connection is missing or wrong: before anything is deferred."""
        url = ZohoMassDeleteHook(self.zoho_crm_conn_id).module_url(self._jobs()[0][0])
        context["ti"].xcom_push(key=KEY, value=url)


class ZohoMassDeleteSensor(_Sensor):
    """Waits until the records of a mass-delete job are deleted.

    Deferred, it holds no worker while it waits: the triggerer polls, for all sensors of a connection together.
    Otherwise it pokes, in ``mode="poke"`` or ``"reschedule"``; each of its processes then makes an access token of its
    own, unless the connection has a ``token_cache``, and Zoho allows 10 in 10 minutes.

    It returns the last status as a dict with ``state``, ``total_count``, ``deleted_count`` and ``failed_count``.

    A job that failed, left records or does not exist fails the task, without retries: the response would be the same.
    Other errors, such as refused credentials, fail it in a manner that ``retries`` apply to. A transient error of the
    network or the service does not end the wait.

    :param module: the module's API name, such as ``"Leads"``; templated
    :param job_id: the ``job_id`` that scheduling the mass delete answered; templated
    :param zoho_crm_conn_id: the Airflow connection, of the type ``zoho_crm``; templated
    :param deferrable: whether the triggerer waits; ``[operators] default_deferrable`` unless set. ``poke_interval``
        and ``mode`` do not matter then: how often to poll depends on the job's progress, between the settings
        ``poll_min`` and ``poll_max``
    :param start_from_trigger: with ``deferrable``: the triggerer starts the task, and no worker. Where it can't, a
        worker does: for mapped tasks, templates that pull an XCom, and before Airflow 3.3 any template
    :param timeout: as for every sensor: the limit for the wait, in seconds or a ``timedelta``
    :param retries_reset_timeout: whether ``timeout`` begins anew with each retry. Otherwise it is the limit for all
        tries together, where Airflow can tell when the first began: 2.10, 2.11, and 3.3 and later
    """

    template_fields: Sequence[str] = ("module", "job_id", "zoho_crm_conn_id")
    start_trigger_args = StartTriggerArgs(
        trigger_cls="zmd_airflow.trigger.ZohoMassDeleteTrigger",
        next_method="execute_complete",
        trigger_kwargs={},
        next_kwargs=None,
        timeout=None,
    )

    def __init__(self, *, module: str, job_id: str | int, start_from_trigger: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.module = module
        self.job_id = job_id
        values = {name: getattr(self, name) for name in self.template_fields}
        self.start_from_trigger = start_from_trigger and self.deferrable and _can_start_from_trigger(values)
        if self.start_from_trigger:
            self.start_trigger_args = dataclasses.replace(
                self.start_trigger_args, trigger_kwargs=values, timeout=timedelta(seconds=self.timeout) + SLACK
            )

    def _jobs(self) -> list[tuple[str, str]]:
        # A template whose XCom is not there gives the text None.
        if self.job_id in (None, "", "None"):
            raise AirflowFailException("job_id is empty: no task has returned one to its template")
        return [(self.module, str(self.job_id))]

    def _trigger(self, deadline: float) -> _Trigger:
        return ZohoMassDeleteTrigger(self.module, str(self.job_id), self.zoho_crm_conn_id, deadline)

    def _result(self, found: list[dict[str, Any]]) -> Any:
        (row,) = super()._result(found)
        del row["module"], row["job_id"]
        return row


class ZohoMassDeleteJobsSensor(_Sensor):
    """Waits until the records of several mass-delete jobs are deleted: one task, and one trigger, for all of them.

    It returns a list with a dict for each job, in their order: ``module``, ``job_id``, ``state``, ``total_count``,
    ``deleted_count`` and ``failed_count``. It waits for every job before it fails because of one.

    :param jobs: pairs of a module and a job id, or dicts with ``module`` and ``job_id``; templated. None are fine.

    The other parameters are those of :class:`ZohoMassDeleteSensor`, but for ``start_from_trigger``.
    """

    template_fields: Sequence[str] = ("jobs", "zoho_crm_conn_id")

    def __init__(self, *, jobs: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.jobs = jobs

    def _jobs(self) -> list[tuple[str, str]]:
        try:
            pairs = [(job["module"], job["job_id"]) if isinstance(job, dict) else tuple(job) for job in self.jobs]
            return [(str(module), str(job_id)) for module, job_id in pairs]
        except (TypeError, KeyError, ValueError):
            raise AirflowFailException(
                "jobs must be a list of pairs of a module and a job id, or of dicts with module and job_id"
            ) from None

    def _trigger(self, deadline: float) -> _Trigger:
        return ZohoMassDeleteJobsTrigger(self._jobs(), self.zoho_crm_conn_id, deadline)


def _can_start_from_trigger(values: dict[str, Any]) -> bool:
    """Airflow 3.3 and later renders templates in the triggerer, but there one that pulls an XCom never ends."""
    from airflow import __version__

    version = tuple(int(part) for part in __version__.split(".")[:2])
    is_text = all(isinstance(value, (str, int)) for value in values.values())
    unfit = "xcom" if version >= (3, 3) else "{"
    return is_text and not any(unfit in str(value) for value in values.values())


def _summary(found: list[dict[str, Any]]) -> str:
    messages = [row["message"] for row in found if row["outcome"] != "deleted"]
    if len(found) == 1:
        return str(messages[0])
    more = f"; and {len(messages) - 5} more" if len(messages) > 5 else ""
    return f"{len(messages)} of {len(found)} jobs: " + "; ".join(messages[:5]) + more
