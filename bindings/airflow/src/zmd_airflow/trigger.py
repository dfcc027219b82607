"""Waits for mass-delete jobs in the triggerer."""

from __future__ import annotations

import asyncio
import dataclasses
import time
import weakref
from collections.abc import AsyncIterator
from typing import Any

import zmd
from airflow.sdk import BaseHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

from .hook import access_token_of, has_foreign_token, settings_of, with_provider

# How long a connection that was read counts as fresh: thousands of triggers start at once when a triggerer does.
_FRESH_S = 60


class ZohoMassDeleteTrigger(BaseTrigger):
    """Waits until a mass-delete job has ended.

    All triggers of a connection share a client in the triggerer: its connections, its access token and its
    ``max_concurrency``.

    :param module: the module's API name
    :param job_id: the job
    :param zoho_crm_conn_id: the Airflow connection
    :param deadline: when to give up, in seconds since 1970; it holds over restarts of the triggerer
    """

    def __init__(self, module: str, job_id: str, zoho_crm_conn_id: str, deadline: float) -> None:
        super().__init__()
        self.module = module
        self.job_id = job_id
        self.zoho_crm_conn_id = zoho_crm_conn_id
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow stores; no credentials."""
        kwargs = {key: getattr(self, key) for key in ("module", "job_id", "zoho_crm_conn_id", "deadline")}
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event: ``{"result": "deleted" | "failed" | "timeout" | "error", "message": ..., "status": ...}``."""
        yield TriggerEvent(await self._wait())

    async def _wait(self) -> dict[str, Any]:
        try:
            client = await _clients().get(self.zoho_crm_conn_id)
            left = max(0.0, self.deadline - time.time())
            status = await client.wait(self.module, self.job_id, timeout=left, check=True)
        except zmd.JobFailedError as error:
            return {"result": "failed", "message": str(error), "status": plain(error.status)}
        except zmd.Timeout as error:
            return {"result": "timeout", "message": str(error)}
        except Exception as error:
            # Whatever it is, the task is to fail with these words, and not with a traceback of the triggerer.
            return {"result": "error", "message": f"{type(error).__name__}: {error}"}
        return {"result": "deleted", "status": plain(status)}


def plain(status: zmd.Status) -> dict[str, Any]:
    """A status as the sensor returns it: for XCom, JSON and templates."""
    return {
        "state": status.state.name,
        "total_count": status.total_count,
        "deleted_count": status.deleted_count,
        "failed_count": status.failed_count,
    }


@dataclasses.dataclass
class _Account:
    settings: dict[str, Any]
    client: zmd.AsyncClient
    read_at: float


class _Clients:
    """A client for each Airflow connection, kept as long as the triggerer runs: few access tokens may be made."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, conn_id: str) -> zmd.AsyncClient:
        async with self._locks.setdefault(conn_id, asyncio.Lock()):
            account = self._accounts.get(conn_id)
            now = time.monotonic()
            if account is not None and now - account.read_at < _FRESH_S:
                return account.client
            settings = settings_of(await BaseHook.aget_connection(conn_id))
            # The client reads a token that was renewed elsewhere by itself.
            kept = {**settings, "access_token": None} if has_foreign_token(settings) else settings
            if account is None or account.settings != kept:
                # Triggers that wait with the old one keep it until they have ended.
                client = zmd.AsyncClient(**with_provider(settings, _token_reader(conn_id)))
                account = self._accounts[conn_id] = _Account(kept, client, now)
            account.read_at = now
            return account.client


def _token_reader(conn_id: str) -> Any:
    """Reads a connection's access token again, from a thread of the library's."""
    loop = asyncio.get_running_loop()

    async def read() -> str:
        return access_token_of(settings_of(await BaseHook.aget_connection(conn_id)))

    return lambda: asyncio.run_coroutine_threadsafe(read(), loop).result()


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients] = weakref.WeakKeyDictionary()


def _clients() -> _Clients:
    return _by_loop.setdefault(asyncio.get_running_loop(), _Clients())
