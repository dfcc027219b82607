"""The base of both clients: settings, credentials, and closing."""

from typing import Any, Callable, Dict, NoReturn, Optional, Type, TypeVar, Union

from ._exit import block_when_exiting, clients_with_tokens
from ._handle import Root, check
from ._library import library
from ._log import follow_log_level
from ._settings import DataCenter, Environment, LogLevel, Organization, Path, Seconds, open_client, token_setting
from ._tokens import TokenProvider, TokenSource
from .counters import Counters, counters_of
from .errors import ArgumentError

ClientT = TypeVar("ClientT", bound="BaseClient")


class BaseClient:
    """Settings, credentials, and closing."""

    # Set by from_env().
    _environment: Optional[Environment] = None

    def __init__(
        self,
        access_token: Union[str, TokenProvider, None] = None,
        *,
        refresh_token: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        org_id: Optional[str] = None,
        token_cache: Optional[Path] = None,
        data_center: Optional[DataCenter] = None,
        environment: Optional[Organization] = None,
        api_domain: Optional[str] = None,
        accounts_url: Optional[str] = None,
        api_version: Optional[str] = None,
        timeout: Optional[Seconds] = None,
        connect_timeout: Optional[Seconds] = None,
        max_retries: Optional[int] = None,
        max_concurrency: Optional[int] = None,
        poll_min: Optional[Seconds] = None,
        poll_max: Optional[Seconds] = None,
        unreachable: Optional[Seconds] = None,
        stalled: Optional[Seconds] = None,
        proxy: Optional[str] = None,
        ca_file: Optional[Path] = None,
        extra_ca_file: Optional[Path] = None,
        client_cert: Optional[Path] = None,
        client_key: Optional[Path] = None,
        log_file: Optional[Path] = None,
        log_level: Optional[LogLevel] = None,
    ) -> None:
        """A client with these settings; None is the default. A credential is required: ``access_token``, or
        ``client_id`` and ``client_secret`` together with ``refresh_token`` or ``org_id``. Environment variables named
        ``ZMD_`` are not read: see :meth:`from_env`. Nothing is sent yet.

        :param access_token: The access token to use, without the word ``Zoho-oauthtoken``. Takes 1 to 4096 visible
            ASCII characters, without a blank or a line end. Or a function that returns a token, for example from a
            vault: it is called when a token is needed, with the token that the service refused, or None; on a thread of
            its own, one call at a time. It may block: a call that waits for it ends at its time limit. An exception in
            it becomes an :class:`OAuthError` of that call, whose ``__cause__`` it is. That of an :class:`AsyncClient`
            may be a coroutine function, which runs in the event loop.
        :param refresh_token: With ``client_id`` and ``client_secret``: the library requests and renews access tokens
            itself. Takes 1 to 4096 visible ASCII characters, without a blank or a line end.
        :param client_id: The client id of the API console; see ``refresh_token`` and ``org_id``. Takes 1 to 4096
            visible ASCII characters, without a blank or a line end.
        :param client_secret: The secret of ``client_id``. Takes 1 to 4096 visible ASCII characters, without a blank or
            a line end.
        :param org_id: With ``client_id`` and ``client_secret``, instead of ``refresh_token``: the client-credentials
            grant, for the organization with this id. Takes the digits of an organization's id, up to 32, with or
            without `ZohoCRM.` in front.
        :param token_cache: A file in which processes share access tokens and the limit ``max_concurrency``; its
            directory must exist, or nothing is shared. Takes the path of a file, which need not exist.
        :param data_center: The data center of the Zoho account; tokens are valid only there. Takes one of us, eu, in,
            au, cn, jp, ca, sa, uk, ae, sg; for another data center set accounts_url and api_domain; the default is
            ``us``.
        :param environment: The kind of Zoho CRM organization. Takes one of production, sandbox, developer; the default
            is ``production``.
        :param api_domain: The base URL of the API, instead of that of the accounts server, or of ``data_center`` and
            ``environment``. Takes an https URL: a host, optionally a port and a path, no user, query or fragment (http
            only for localhost and 127.0.0.1).
        :param accounts_url: The base URL of the server that issues access tokens, instead of that of ``data_center``.
            Takes an https URL: a host, optionally a port and a path, no user, query or fragment (http only for
            localhost and 127.0.0.1).
        :param api_version: The version of the API. Takes v4 or later, such as v7; the default is ``v7``.
        :param timeout: The limit for a whole status call, with retries, pauses and requesting an access token. Takes
            0.001 to 86400 seconds, or a ``timedelta``; the default is 30.
        :param connect_timeout: The limit for connecting: name lookup, all addresses, proxy and TLS. Takes 0.001 to
            86400 seconds, or a ``timedelta``; the default is 10.
        :param max_retries: Further attempts after a transient failure. Takes a whole number from 0 to 100; the default
            is ``3``.
        :param max_concurrency: The most calls at once of a client and its clones, or with ``token_cache`` of all
            processes that share it; others wait for their turn. 5 is the limit of Zoho's smallest edition. Takes a
            whole number from 1 to 1000; the default is ``5``.
        :param poll_min: The shortest pause between two polls of a job during a wait. Takes 0.001 to 3600 seconds, or a
            ``timedelta``; the default is 1.
        :param poll_max: The longest pause between two polls, but never less than ``poll_min``. Takes 0.001 to 3600
            seconds, or a ``timedelta``; the default is 60.
        :param unreachable: How long a wait continues after network failures if the service has never responded. Takes 0
            to 86400 seconds, or a ``timedelta``; the default is 300.
        :param stalled: How long a job's state and counts may stay the same before the wait ends with :class:`Stalled`;
            0: forever. Takes 0 to 604800 seconds, or a ``timedelta``; the default is 0.
        :param proxy: ``env``: HTTPS_PROXY, or else ALL_PROXY, except for the hosts in NO_PROXY and for this machine;
            ``none``: no proxy; or the URL of one. Takes env, none, or a URL: http (the default), https, socks5 or
            socks5h, optionally user:password@ with special characters percent-encoded in UTF-8 (# as %23, / as %2F, ?
            as %3F, @ as %40, a backslash as %5C, ü as %C3%BC), a host, and optionally a port; the default is ``env``.
        :param ca_file: The certificate authorities to trust, instead of those of the system. Takes the path of a PEM or
            DER file with CA certificates.
        :param extra_ca_file: Certificate authorities to trust in addition to those of the system or of ``ca_file``.
            Takes the path of a PEM or DER file with CA certificates.
        :param client_cert: The certificate to present to a gateway or proxy that requires one. Takes the path of a PEM
            file with a certificate and the chain above it.
        :param client_key: The private key of ``client_cert``, if that file does not contain it: RSA, P-256, P-384 or
            Ed25519. Takes the path of a PEM file with the private key of client_cert, not encrypted.
        :param log_file: The file to which the library appends what it does, or ``stderr``, standard error. Takes the
            path of a file, which need not exist, in a directory that does; or stderr.
        :param log_level: How much ``log_file`` has: each level adds to those before it. Takes one of off, error,
            warning, info, debug, trace; the default is ``info``.

        Raises :class:`ConfigError` if a setting has an invalid value, or is missing.
        """
        follow_log_level()
        settings: Dict[str, object] = {
            "access_token": access_token,
            "refresh_token": refresh_token,
            "client_id": client_id,
            "client_secret": client_secret,
            "org_id": org_id,
            "token_cache": token_cache,
            "data_center": data_center,
            "environment": environment,
            "api_domain": api_domain,
            "accounts_url": accounts_url,
            "api_version": api_version,
            "timeout": timeout,
            "connect_timeout": connect_timeout,
            "max_retries": max_retries,
            "max_concurrency": max_concurrency,
            "poll_min": poll_min,
            "poll_max": poll_max,
            "unreachable": unreachable,
            "stalled": stalled,
            "proxy": proxy,
            "ca_file": ca_file,
            "extra_ca_file": extra_ca_file,
            "client_cert": client_cert,
            "client_key": client_key,
            "log_file": log_file,
            "log_level": log_level,
        }
        self._prepare()
        # None: closed.
        self._root: Optional[Root] = open_client(settings, self._environment, self._token_source)
        if self._root.tokens is not None:
            clients_with_tokens.add(self)

    @classmethod
    def from_env(
        cls: Type[ClientT],
        access_token: Union[str, TokenProvider, None] = None,
        *,
        refresh_token: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        org_id: Optional[str] = None,
        token_cache: Optional[Path] = None,
        data_center: Optional[DataCenter] = None,
        environment: Optional[Organization] = None,
        api_domain: Optional[str] = None,
        accounts_url: Optional[str] = None,
        api_version: Optional[str] = None,
        timeout: Optional[Seconds] = None,
        connect_timeout: Optional[Seconds] = None,
        max_retries: Optional[int] = None,
        max_concurrency: Optional[int] = None,
        poll_min: Optional[Seconds] = None,
        poll_max: Optional[Seconds] = None,
        unreachable: Optional[Seconds] = None,
        stalled: Optional[Seconds] = None,
        proxy: Optional[str] = None,
        ca_file: Optional[Path] = None,
        extra_ca_file: Optional[Path] = None,
        client_cert: Optional[Path] = None,
        client_key: Optional[Path] = None,
        log_file: Optional[Path] = None,
        log_level: Optional[LogLevel] = None,
        config_file: Optional[Path] = None,
        profile: Optional[str] = None,
    ) -> ClientT:
        """A client with the settings of the environment, ``ZMD_`` and the key in upper case, such as
        ``ZMD_ACCESS_TOKEN`` or ``ZMD_TIMEOUT_MS``, and of the configuration file, if it exists. Arguments take
        precedence over the environment, and the environment over the file. There, times are in milliseconds.

        ``__init__`` is called with the arguments that are not None, also that of a subclass.

        :param access_token: The access token to use, without the word ``Zoho-oauthtoken``. Takes 1 to 4096 visible
            ASCII characters, without a blank or a line end. Or a function that returns a token, for example from a
            vault: it is called when a token is needed, with the token that the service refused, or None; on a thread of
            its own, one call at a time. It may block: a call that waits for it ends at its time limit. An exception in
            it becomes an :class:`OAuthError` of that call, whose ``__cause__`` it is. That of an :class:`AsyncClient`
            may be a coroutine function, which runs in the event loop.
        :param refresh_token: With ``client_id`` and ``client_secret``: the library requests and renews access tokens
            itself. Takes 1 to 4096 visible ASCII characters, without a blank or a line end.
        :param client_id: The client id of the API console; see ``refresh_token`` and ``org_id``. Takes 1 to 4096
            visible ASCII characters, without a blank or a line end.
        :param client_secret: The secret of ``client_id``. Takes 1 to 4096 visible ASCII characters, without a blank or
            a line end.
        :param org_id: With ``client_id`` and ``client_secret``, instead of ``refresh_token``: the client-credentials
            grant, for the organization with this id. Takes the digits of an organization's id, up to 32, with or
            without `ZohoCRM.` in front.
        :param token_cache: A file in which processes share access tokens and the limit ``max_concurrency``; its
            directory must exist, or nothing is shared. Takes the path of a file, which need not exist.
        :param data_center: The data center of the Zoho account; tokens are valid only there. Takes one of us, eu, in,
            au, cn, jp, ca, sa, uk, ae, sg; for another data center set accounts_url and api_domain; the default is
            ``us``.
        :param environment: The kind of Zoho CRM organization. Takes one of production, sandbox, developer; the default
            is ``production``.
        :param api_domain: The base URL of the API, instead of that of the accounts server, or of ``data_center`` and
            ``environment``. Takes an https URL: a host, optionally a port and a path, no user, query or fragment (http
            only for localhost and 127.0.0.1).
        :param accounts_url: The base URL of the server that issues access tokens, instead of that of ``data_center``.
            Takes an https URL: a host, optionally a port and a path, no user, query or fragment (http only for
            localhost and 127.0.0.1).
        :param api_version: The version of the API. Takes v4 or later, such as v7; the default is ``v7``.
        :param timeout: The limit for a whole status call, with retries, pauses and requesting an access token. Takes
            0.001 to 86400 seconds, or a ``timedelta``; the default is 30.
        :param connect_timeout: The limit for connecting: name lookup, all addresses, proxy and TLS. Takes 0.001 to
            86400 seconds, or a ``timedelta``; the default is 10.
        :param max_retries: Further attempts after a transient failure. Takes a whole number from 0 to 100; the default
            is ``3``.
        :param max_concurrency: The most calls at once of a client and its clones, or with ``token_cache`` of all
            processes that share it; others wait for their turn. 5 is the limit of Zoho's smallest edition. Takes a
            whole number from 1 to 1000; the default is ``5``.
        :param poll_min: The shortest pause between two polls of a job during a wait. Takes 0.001 to 3600 seconds, or a
            ``timedelta``; the default is 1.
        :param poll_max: The longest pause between two polls, but never less than ``poll_min``. Takes 0.001 to 3600
            seconds, or a ``timedelta``; the default is 60.
        :param unreachable: How long a wait continues after network failures if the service has never responded. Takes 0
            to 86400 seconds, or a ``timedelta``; the default is 300.
        :param stalled: How long a job's state and counts may stay the same before the wait ends with :class:`Stalled`;
            0: forever. Takes 0 to 604800 seconds, or a ``timedelta``; the default is 0.
        :param proxy: ``env``: HTTPS_PROXY, or else ALL_PROXY, except for the hosts in NO_PROXY and for this machine;
            ``none``: no proxy; or the URL of one. Takes env, none, or a URL: http (the default), https, socks5 or
            socks5h, optionally user:password@ with special characters percent-encoded in UTF-8 (# as %23, / as %2F, ?
            as %3F, @ as %40, a backslash as %5C, ü as %C3%BC), a host, and optionally a port; the default is ``env``.
        :param ca_file: The certificate authorities to trust, instead of those of the system. Takes the path of a PEM or
            DER file with CA certificates.
        :param extra_ca_file: Certificate authorities to trust in addition to those of the system or of ``ca_file``.
            Takes the path of a PEM or DER file with CA certificates.
        :param client_cert: The certificate to present to a gateway or proxy that requires one. Takes the path of a PEM
            file with a certificate and the chain above it.
        :param client_key: The private key of ``client_cert``, if that file does not contain it: RSA, P-256, P-384 or
            Ed25519. Takes the path of a PEM file with the private key of client_cert, not encrypted.
        :param log_file: The file to which the library appends what it does, or ``stderr``, standard error. Takes the
            path of a file, which need not exist, in a directory that does; or stderr.
        :param log_level: How much ``log_file`` has: each level adds to those before it. Takes one of off, error,
            warning, info, debug, trace; the default is ``info``.
        :param config_file: the configuration file, instead of that of ``ZMD_CONFIG_FILE`` or the default path
        :param profile: the profile in it, instead of that of ``ZMD_PROFILE`` or ``default``

        Raises :class:`ConfigError` if a setting has an invalid value, or is missing.
        """
        settings: Dict[str, object] = {
            "access_token": access_token,
            "refresh_token": refresh_token,
            "client_id": client_id,
            "client_secret": client_secret,
            "org_id": org_id,
            "token_cache": token_cache,
            "data_center": data_center,
            "environment": environment,
            "api_domain": api_domain,
            "accounts_url": accounts_url,
            "api_version": api_version,
            "timeout": timeout,
            "connect_timeout": connect_timeout,
            "max_retries": max_retries,
            "max_concurrency": max_concurrency,
            "poll_min": poll_min,
            "poll_max": poll_max,
            "unreachable": unreachable,
            "stalled": stalled,
            "proxy": proxy,
            "ca_file": ca_file,
            "extra_ca_file": extra_ca_file,
            "client_cert": client_cert,
            "client_key": client_key,
            "log_file": log_file,
            "log_level": log_level,
        }
        client = cls.__new__(cls)
        client._environment = Environment(config_file, profile)
        given = {name: value for name, value in settings.items() if value is not None}
        type(client).__init__(client, **given)  # type: ignore[arg-type]
        return client

    def set_access_token(self, access_token: str) -> None:
        """Replaces the access token, from any thread; calls that start after this one use it. It does not block."""
        token = token_setting(access_token)
        root = self._open_root()  # which is not freed before the call is over, if another thread closes the client
        check(library.zmd_client_set_access_token(root.pointer, token))

    def cancel(self) -> None:
        """Cancels the client, from any thread: every call of it ends with :class:`Cancelled`, every later one too.

        This is permanent. A client that is already closed or cancelled may be cancelled again. It does not block.
        """
        root = self._root
        if root is not None:
            check(library.zmd_client_cancel(root.pointer))

    @property
    def counters(self) -> Counters:
        """What the client has done so far, as numbers. Nothing is sent."""
        return counters_of(self._open_root())

    @property
    def credits_remaining(self) -> Optional[int]:
        """How many API credits remained to the organization when the service last told the client; None: it has not, as
        long as no more than half of those of the last 24 hours are used. Nothing is sent."""
        credits: int = library.zmd_client_credits(self._open_root().pointer)
        return None if credits < 0 else credits

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client cannot be copied or pickled: create one where it is needed")

    def _token_source(self, provider: Callable[[Optional[str]], Any]) -> TokenSource:
        return TokenSource(provider)

    def _prepare(self) -> None:
        """Sets the attributes of the kind of client."""

    def _end(self) -> object:
        """Closes the client, from any thread, without waiting for anything."""
        raise NotImplementedError

    def _end_root(self) -> None:
        root = self._root
        if root is not None:
            check(library.zmd_client_cancel(root.pointer))
            if root.tokens is not None:
                root.tokens.close()
        self._root = None

    def _open_root(self) -> Root:
        root = self._root
        if root is None:
            block_when_exiting(lambda: None)
            raise ArgumentError("the client is closed")
        return root

    def _begin(self) -> Root:
        """Called before each call of the library."""
        root = self._open_root()
        follow_log_level()
        return root
