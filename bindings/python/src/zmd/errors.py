"""The exceptions, and the numbers of the errors."""

import re
from typing import Any, Dict, Match, Optional, Tuple, Type, Union

from ._library import library
from .status import Status, _Named


class ErrorCode(_Named):
    """The numbers of the errors. They never change; newer versions of the library may add some. ``str()`` returns the
    name: ``TIMEOUT``."""

    NULL_POINTER = 1
    INVALID_ARGUMENT = 2
    INVALID_CONFIG = 3
    DNS = 10
    CONNECT = 11
    TLS = 12
    PROXY = 13
    NETWORK = 14
    TIMEOUT = 15
    CANCELLED = 16
    STALLED = 17
    UNAUTHORIZED = 20
    SCOPE = 21
    FORBIDDEN = 22
    INVALID_MODULE = 23
    JOB_NOT_FOUND = 24
    RATE_LIMITED = 25
    SERVER = 26
    API = 27
    BAD_RESPONSE = 28
    OAUTH = 29
    INTERNAL = 99


# A plain int if this version has no name for it.
AnyCode = Union[ErrorCode, int]


class Error(Exception):
    """The base of all errors of this package. ``str(error)`` says in one line what happened and what to do about it."""

    code: AnyCode = ErrorCode.INTERNAL
    """The error's number; a plain int if this version has no name for it."""
    api_code: str = ""
    """The API's own code, such as ``INVALID_TOKEN``; empty if the error does not come from the API, or has none."""
    http_status: int = 0
    """The HTTP status of the failed response; 0: there was none."""
    module: Optional[str] = None
    """The module of the job of the call; None if the error concerns none."""
    job_id: Optional[str] = None
    """The id of the job of the call; None if the error concerns none."""

    @property
    def is_transient(self) -> bool:
        """Whether the same call may succeed later: the network failed, a time limit expired, the service was busy. A proxy
        that refused the credentials (HTTP 407) refuses them again."""
        return bool(library.zmd_error_is_transient(self.code)) and self.http_status != 407

    def to_dict(self) -> Dict[str, Any]:
        """What the error says, for ``json.dumps()``: its class as ``error``, its text as ``message``, the attributes by
        their names, and the last status, if it has one, as ``status``."""
        status = getattr(self, "status", None) or getattr(self, "last_status", None)
        return {
            "error": type(self).__name__,
            "message": str(self),
            "code": int(self.code),
            "api_code": self.api_code,
            "http_status": self.http_status,
            "module": self.module,
            "job_id": self.job_id,
            "is_transient": self.is_transient,
            "status": None if status is None else status.to_dict(),
        }


class JobFailedError(Error):
    """A job has ended, and not all of its records are deleted; raised if a call has ``check=True``. ``code`` is 0: the
    call itself has succeeded."""

    code: AnyCode = 0
    status: Status
    """The job's last status."""

    module: Optional[str]
    job_id: Optional[str]
    http_status: int

    def __init__(self, status: Status) -> None:
        super().__init__(f"not all of the records are deleted: {status}")
        self.status = status
        self.module, self.job_id = status.module, status.job_id
        self.http_status = status.http_status

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.status,), self.__dict__


class ArgumentError(Error, ValueError):
    """An argument is invalid; nothing was sent."""

    code: AnyCode = ErrorCode.INVALID_ARGUMENT


class ConfigError(Error, ValueError):
    """A setting is unknown, missing or has an invalid value. Fix the setting that the message names."""

    code: AnyCode = ErrorCode.INVALID_CONFIG


class NetworkError(Error):
    """The service could not be reached, or the connection broke."""

    code: AnyCode = ErrorCode.NETWORK


class DnsError(NetworkError):
    """The host name could not be looked up. Check the network, ``api_domain`` and ``data_center``; behind a proxy, set
    ``proxy``."""

    code: AnyCode = ErrorCode.DNS


class ConnectError(NetworkError):
    """Could not connect to the server: the connection was refused, or there is no route. Check the network and the
    firewall; behind a proxy, set ``proxy``."""

    code: AnyCode = ErrorCode.CONNECT


class TlsError(NetworkError):
    """The TLS handshake failed: for example, the certificate is not trusted, or is that of another host. If the
    network has its own certificate authority, set ``ca_file`` or ``extra_ca_file``; check the machine's clock."""

    code: AnyCode = ErrorCode.TLS


class ProxyError(NetworkError):
    """The proxy can't be reached or refused the connection: for example, it requires other credentials (HTTP 407).
    Check ``proxy``, its credentials, and the hosts that the proxy allows."""

    code: AnyCode = ErrorCode.PROXY


class Timeout(Error, TimeoutError):
    """A time limit expired: ``timeout`` for the call, or ``connect_timeout`` while connecting. Try again later, or
    raise the limit."""

    code: AnyCode = ErrorCode.TIMEOUT
    last_status: Optional[Status] = None
    """The last status that a wait has seen, if any."""


class Cancelled(Error):
    """The program cancelled the client, or ended this call. No action is needed."""

    code: AnyCode = ErrorCode.CANCELLED
    last_status: Optional[Status] = None
    """The last status that a wait has seen, if any."""


class Stalled(Error):
    """The job stands still: neither its state nor its counts have changed for as long as ``stalled`` allows. Look at
    the job in Zoho CRM: it may be stuck. Or raise ``stalled``."""

    code: AnyCode = ErrorCode.STALLED
    last_status: Optional[Status] = None
    """The last status that the wait has seen."""


class ApiError(Error):
    """The API returned an error, which ``api_code`` names."""

    code: AnyCode = ErrorCode.API


class UnauthorizedError(ApiError):
    """The API refused the access token: it has expired, was revoked, or belongs to another data center or environment.
    Get a new access token from the data center and environment of the account, or set ``refresh_token``."""

    code: AnyCode = ErrorCode.UNAUTHORIZED


class ScopeError(ApiError):
    """The access token lacks the scope ``ZohoCRM.mass_delete.READ``. Create a token with that scope."""

    code: AnyCode = ErrorCode.SCOPE


class ForbiddenError(ApiError):
    """The user has no permission: the profile, or the edition of the organization, does not include it. Ask the
    administrator of the organization for the permission: the message names it if Zoho does."""

    code: AnyCode = ErrorCode.FORBIDDEN


class InvalidModuleError(ApiError):
    """The API has no module of that name. Use the API name, which Zoho CRM shows under Setup, Developer Hub, APIs."""

    code: AnyCode = ErrorCode.INVALID_MODULE


class JobNotFoundError(ApiError):
    """The API has no such job in that module. Check the id and the module, and that data center and environment are
    those of the job."""

    code: AnyCode = ErrorCode.JOB_NOT_FOUND


class RateLimitedError(ApiError):
    """Too many requests: the limit of calls in flight, of new access tokens or of API credits. Poll less often, or
    lower ``max_concurrency``; if the code is ``Access Denied``, set ``token_cache``."""

    code: AnyCode = ErrorCode.RATE_LIMITED


class ServerError(ApiError):
    """The service failed: HTTP 5xx, or a code that says so. Try again later: the service, or a gateway in front of it,
    has a problem."""

    code: AnyCode = ErrorCode.SERVER


class BadResponseError(ApiError):
    """The response is not what the API documents. Check ``api_domain``, and whether a proxy or gateway responds in
    Zoho's place."""

    code: AnyCode = ErrorCode.BAD_RESPONSE


class OAuthError(ApiError):
    """The accounts server refused to issue an access token. Check ``refresh_token``, ``client_id``, ``client_secret``
    and ``data_center``: the message names the reason."""

    code: AnyCode = ErrorCode.OAUTH


class InternalError(Error):
    """A bug in libzmd; it was caught, so nothing unwinds into the caller. Report it."""


# By number. Error and InternalError share a number: the one that is defined last is used.
_CLASSES: Dict[int, Type[Error]] = {
    cls.code: cls
    for cls in list(globals().values())
    if isinstance(cls, type) and issubclass(cls, Error) and cls is not JobFailedError
}
# The tens group the numbers, including those of newer libraries.
_FAMILIES: Dict[int, Type[Error]] = {0: ArgumentError, 1: NetworkError, 2: ApiError}


def error_of(
    code: int,
    message: bytes,
    api_code: bytes = b"",
    http_status: int = 0,
    module: Optional[str] = None,
    job_id: Optional[str] = None,
    last_status: Optional[Status] = None,
) -> Error:
    """The exception for an error of the library."""
    cls = _CLASSES.get(code) or _FAMILIES.get(code // 10, Error)
    error = cls(in_seconds(message.decode("utf-8", "replace")))
    try:
        error.code = ErrorCode(code)
    except ValueError:
        error.code = code
    error.api_code = api_code.decode("utf-8", "replace")
    error.http_status = http_status
    error.module, error.job_id = module, job_id
    if isinstance(error, (Timeout, Cancelled, Stalled)):
        error.last_status = last_status
    return error


_MILLISECONDS = re.compile(
    r"\b(?P<setting>[a-z_]+)_ms\b"
    r"|\ba whole number from (?P<least>\d+) to (?P<most>\d+) \(milliseconds\)"
    r"|\b(?P<number>\d+) ms\b"
)


def in_seconds(message: str) -> str:
    """A message of the library with this package's units: seconds, in settings without ``_ms``."""

    def replace(match: "Match[str]") -> str:
        if match["setting"]:
            return match["setting"]
        if match["number"]:
            return f"{int(match['number']) / 1000:g} s"
        return f"{int(match['least']) / 1000:g} to {int(match['most']) / 1000:g} seconds"

    return _MILLISECONDS.sub(replace, message)
