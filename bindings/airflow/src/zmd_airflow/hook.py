"""The connection type ``zoho_crm`` and its client."""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import zmd
from airflow.sdk import BaseHook

if TYPE_CHECKING:
    from airflow.sdk import Connection

_SETTINGS = frozenset(inspect.signature(zmd.Client).parameters)
# A connection that is written as a URI has them as text.
_NUMBERS = {"max_concurrency": int, "max_retries": int} | dict.fromkeys(
    ("timeout", "connect_timeout", "poll_min", "poll_max", "unreachable"), float
)
_RENEWABLE = frozenset({"client_id", "refresh_token", "org_id"})


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
            settings = settings_of(self.get_connection(self.zoho_crm_conn_id))
            self._client = zmd.Client(**with_provider(settings, self._read_token))
        return self._client

    def _read_token(self) -> str:
        return access_token_of(settings_of(self.get_connection(self.zoho_crm_conn_id)))

    def test_connection(self) -> tuple[bool, str]:
        """Behind the button Test of Airflow's connection form: queries a job that does not exist."""
        try:
            self.get_conn().status("Leads", "0")
        except zmd.JobNotFoundError:
            pass
        except (zmd.Error, ValueError) as error:
            return False, str(error)
        return True, "Zoho CRM accepts the credentials"

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


def settings_of(connection: Connection) -> dict[str, Any]:
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


def has_foreign_token(settings: dict[str, Any]) -> bool:
    """Whether the access token is renewed elsewhere."""
    return "access_token" in settings and not settings.keys() & _RENEWABLE


def with_provider(settings: dict[str, Any], read_token: Callable[[], str]) -> dict[str, Any]:
    """Has the client read an access token again that it can't renew by itself."""
    if not has_foreign_token(settings):
        return settings

    def provide(refused: str | None) -> str:
        token = read_token()
        if token == refused:
            raise ValueError("Zoho refused the access_token of the Airflow connection, which still has the same one")
        return token

    return {**settings, "access_token": provide}


def access_token_of(settings: dict[str, Any]) -> str:
    """The access token of a connection which had one."""
    token = settings.get("access_token")
    if not isinstance(token, str):
        raise ValueError("the Airflow connection has no access_token any more")
    return token
