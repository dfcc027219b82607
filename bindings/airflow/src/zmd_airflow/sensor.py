"""A sensor that succeeds when the records of a mass-delete job are deleted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import zmd
from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSensorTimeout

from .hook import ZohoMassDeleteHook
from .trigger import ZohoMassDeleteTrigger, plain

if TYPE_CHECKING:
    from airflow.sdk import Context

# The trigger keeps the time limit; Airflow's own is for the case that no triggerer runs.
_SLACK = timedelta(minutes=5)


class ZohoMassDeleteSensor(BaseSensorOperator):
    """Waits until the records of a mass-delete job are deleted.

    Deferred, which is the default, it holds no worker while it waits: the triggerer polls, for all sensors of a
    connection together. With ``deferrable=False`` it pokes, in ``mode="poke"`` or ``"reschedule"``; each of its
    processes then makes an access token of its own, unless the connection has a ``token_cache``, and Zoho allows 10 in
    10 minutes.

    It returns the last status as a dict with ``state``, ``total_count``, ``deleted_count`` and ``failed_count``.

    A job that failed or left records fails the task, without retries: the answer would be the same. Other errors, such
    as refused credentials, fail it in a manner that ``retries`` apply to. A transient error of the network or the
    service does not end the wait.

    :param module: the module's API name, such as ``"Leads"``; templated
    :param job_id: the ``job_id`` that scheduling the mass delete answered; templated
    :param zoho_crm_conn_id: the Airflow connection, of the type ``zoho_crm``; templated
    :param deferrable: whether the triggerer waits. ``poke_interval`` and ``mode`` do not matter then: how often to ask
        is chosen by the job's progress, between the settings ``poll_min`` and ``poll_max``
    :param timeout: as for every sensor: the limit for the wait, in seconds or a ``timedelta``
    """

    template_fields: Sequence[str] = ("module", "job_id", "zoho_crm_conn_id")
    ui_color = "#f4d9d6"

    def __init__(
        self,
        *,
        module: str,
        job_id: str,
        zoho_crm_conn_id: str = ZohoMassDeleteHook.default_conn_name,
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.module = module
        self.job_id = job_id
        self.zoho_crm_conn_id = zoho_crm_conn_id
        self.deferrable = deferrable
        self._hook: ZohoMassDeleteHook | None = None

    def execute(self, context: Context) -> Any:
        """Defers, or pokes."""
        # A template whose XCom is not there gives the text None.
        if self.job_id in (None, "", "None"):
            raise AirflowFailException("job_id is empty: no task has returned one to its template")
        if self.deferrable:
            trigger = ZohoMassDeleteTrigger(
                module=self.module,
                job_id=str(self.job_id),
                zoho_crm_conn_id=self.zoho_crm_conn_id,
                deadline=time.time() + self.timeout,
            )
            timeout = timedelta(seconds=self.timeout) + _SLACK
            self.defer(trigger=trigger, method_name="execute_complete", timeout=timeout)
        try:
            return super().execute(context)
        finally:
            if self._hook is not None:
                self._hook.close()

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ends the task by what the trigger found."""
        event = event or {"result": "error", "message": "the trigger ended without an event"}
        if event["result"] == "deleted":
            return self._deleted(event["status"])
        raise {"failed": AirflowFailException, "timeout": AirflowSensorTimeout}.get(event["result"], AirflowException)(
            event["message"]
        )

    def poke(self, context: Context) -> PokeReturnValue:
        """Polls once."""
        if self._hook is None:
            self._hook = ZohoMassDeleteHook(self.zoho_crm_conn_id)
        client = self._hook.get_conn()
        try:
            status = client.status(self.module, self.job_id)
        except zmd.Error as error:
            if not error.is_transient:
                raise
            self.log.warning("%s", error)
            return PokeReturnValue(is_done=False)
        if not status.has_ended:
            self.log.info("%s", status)
            return PokeReturnValue(is_done=False)
        if not status.is_successful:
            raise AirflowFailException(str(zmd.JobFailedError(status)))
        return PokeReturnValue(is_done=True, xcom_value=self._deleted(plain(status)))

    def _deleted(self, status: dict[str, Any]) -> dict[str, Any]:
        self.log.info("%s %s: %s records are deleted", self.module, self.job_id, status["deleted_count"])
        return status
