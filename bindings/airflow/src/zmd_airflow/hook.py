"""The connection type ``zoho_crm`` and its clients."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import json
import time
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import zmd
from asgiref.sync import sync_to_async

from ._compat import BaseHook

if TYPE_CHECKING:
    from airflow.sdk import Connection

_SETTINGS = frozenset(inspect.signature(zmd.Client).parameters)
# A connection that is written as a URI has them as text.
_NUMBERS = {"max_concurrency": int, "max_retries": int} | dict.fromkeys(
    ("timeout", "connect_timeout", "poll_min", "poll_max", "unreachable", "stalled"), float
)
_RENEWABLE = frozenset({"client_id", "refresh_token", "org_id"})
# How long a connection that was read counts as fresh: thousands of triggers start at once when a triggerer does.
_FRESH_S = 60


class ZohoMassDeleteHook(BaseHook):
    """Gives the :class:`zmd.Client` of an Airflow connection.

    The connection's login is ``client_id`` and its password ``client_secret``. Every other setting of
    :class:`zmd.Client` is a key of its extra, by the same name.

    A connection with nothing but an ``access_token`` is read again when the service refuses that token, so that
    whoever renews it, such as a secrets backend, need not restart anything.

    :param zoho_crm_conn_id: the Airflow connection
    """

    conn_name_attr = "zoho_crm_conn_id"
    default_conn_name = "zoho_crm_default"
    conn_type = "zoho_crm"
    hook_name = "Zoho CRM"

    def __init__(self, zoho_crm_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.zoho_crm_conn_id = zoho_crm_conn_id
        self._client: zmd.Client | None = None

    def get_conn(self) -> zmd.Client:
        """The client, made by the first call. It belongs to this hook: close that.

        Raises ``ValueError`` where the connection has a bad setting; a :class:`zmd.ConfigError` is one.
        """
        if self._client is None:
            self._client = zmd.Client(**_with_provider(self._read(), lambda: _access_token_of(self._read())))
        return self._client

    def get_status(self, module: str, job_id: str | int) -> zmd.Status:
        """Queries how far a job is. Raises :class:`zmd.Error`."""
        return self.get_conn().status(module, job_id)

    async def aget_conn(self) -> zmd.AsyncClient:
        """The connection's client in this event loop, which all hooks and triggers there share: do not close it."""
        return await _by_loop.setdefault(asyncio.get_running_loop(), _Clients()).get(self.zoho_crm_conn_id)

    async def aget_status(self, module: str, job_id: str | int) -> zmd.Status:
        """:meth:`get_status` for asyncio."""
        return await (await self.aget_conn()).status(module, job_id)

    def test_connection(self) -> tuple[bool, str]:
        """Behind the button Test of Airflow's connection form: queries a job that does not exist."""
        try:
            self.get_status("Leads", "0")
        except zmd.JobNotFoundError:
            pass
        except (zmd.Error, ValueError) as error:
            return False, str(error)
        finally:
            self.close()
        return True, "Zoho CRM accepts the credentials"

    def module_url(self, module: str) -> str:
        """Where people see the module's records in Zoho CRM, in a browser."""
        return _module_url(self._read(), module)

    def close(self) -> None:
        """Closes the client."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def __enter__(self) -> ZohoMassDeleteHook:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> dict[str, Any]:
        return _settings_of(self.get_connection(self.zoho_crm_conn_id))

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The form's fields, for Airflow before 3.2; later ones read those of the provider's info."""
        from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
        from wtforms import PasswordField, StringField

        def widget(field: dict[str, Any]) -> Any:
            is_secret = field["schema"].get("format") == "password"
            kind, look = (PasswordField, BS3PasswordFieldWidget) if is_secret else (StringField, BS3TextFieldWidget)
            return kind(field["label"], widget=look(), description=field["description"])

        return {name: widget(field) for name, field in _connection_type()["conn-fields"].items()}

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The form's other fields, likewise."""
        behaviour = _connection_type()["ui-field-behaviour"]
        return {key.replace("-", "_"): value for key, value in behaviour.items()}


def _connection_type() -> dict[str, Any]:
    from . import get_provider_info

    kind: dict[str, Any] = get_provider_info()["connection-types"][0]
    return kind


def _settings_of(connection: Connection) -> dict[str, Any]:
    """The keywords for a client that an Airflow connection has. Errors do not show secrets."""
    where = f"Airflow connection {connection.conn_id}"
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise ValueError(f"{where}: its extra is not a JSON object")
    # A form sends its empty fields too.
    settings = {key: value for key, value in extra.items() if value not in (None, "")}
    unknown = sorted(settings.keys() - _SETTINGS)
    if unknown:
        raise ValueError(
            f"{where}: {unknown[0]!r} in its extra is no setting of zmd: one of {', '.join(sorted(_SETTINGS))}"
        )
    for key in settings.keys() & _NUMBERS:
        # What is no number is for the library to refuse.
        with contextlib.suppress(ValueError, TypeError):
            settings[key] = _NUMBERS[key](settings[key])
    for key, value in (("client_id", connection.login), ("client_secret", connection.password)):
        if value:
            settings[key] = value
    return settings


def _has_foreign_token(settings: dict[str, Any]) -> bool:
    """Whether the access token is renewed elsewhere."""
    return "access_token" in settings and not settings.keys() & _RENEWABLE


def _with_provider(settings: dict[str, Any], read_token: Callable[[], str]) -> dict[str, Any]:
    """Has the client read an access token again that it can't renew by itself."""
    if not _has_foreign_token(settings):
        return settings

    def provide(refused: str | None) -> str:
        token = read_token()
        if token == refused:
            raise ValueError("Zoho refused the access_token of the Airflow connection, which still has the same one")
        return token

    return {**settings, "access_token": provide}


def _access_token_of(settings: dict[str, Any]) -> str:
    """The access token of a connection which had one."""
    token = settings.get("access_token")
    if not isinstance(token, str):
        raise ValueError("the Airflow connection has no access_token any more")
    return token


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
            settings = await _aread(conn_id)
            # The client reads a token that was renewed elsewhere by itself.
            kept = {**settings, "access_token": None} if _has_foreign_token(settings) else settings
            if account is None or account.settings != kept:
                # Triggers that wait with the old one keep it until they have ended.
                client = zmd.AsyncClient(**_with_provider(settings, _token_reader(conn_id)))
                account = self._accounts[conn_id] = _Account(kept, client, now)
            account.read_at = now
            return account.client


async def _aread(conn_id: str) -> dict[str, Any]:
    # Airflow's own aget_connection() does not exist before 3.1, and does not find connections of the database in
    # ``airflow dags test``.
    return _settings_of(await sync_to_async(BaseHook.get_connection)(conn_id))


def _token_reader(conn_id: str) -> Callable[[], str]:
    """Reads a connection's access token again, from a thread of the library's."""
    loop = asyncio.get_running_loop()

    async def read() -> str:
        return _access_token_of(await _aread(conn_id))

    return lambda: asyncio.run_coroutine_threadsafe(read(), loop).result()


_by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients] = weakref.WeakKeyDictionary()

# The hosts of Zoho CRM's pages, and what their addresses call modules whose API name is another.
_PAGES = {
    "us": "zoho.com",
    "au": "zoho.com.au",
    "cn": "zoho.com.cn",
    "ca": "zohocloud.ca",
}
_TABS = {
    "Deals": "Potentials",
    "Price_Books": "PriceBooks",
    "Purchase_Orders": "PurchaseOrders",
    "Sales_Orders": "SalesOrders",
}
_STANDARD = frozenset(
    "Accounts Campaigns Cases Contacts Invoices Leads Products Quotes Solutions Tasks Vendors".split()
)


def _module_url(settings: dict[str, Any], module: str) -> str:
    center = settings.get("data_center", "us")
    prefix = {"sandbox": "crmsandbox"}.get(settings.get("environment", "production"), "crm")
    base = f"https://{prefix}.{_PAGES.get(center, f'zoho.{center}')}/crm"
    # The address of a custom module has a number that the API name does not tell.
    tab = _TABS.get(module, module if module in _STANDARD else None)
    return base if tab is None else f"{base}/tab/{tab}"
