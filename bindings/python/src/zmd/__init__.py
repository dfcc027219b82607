"""How far is this Zoho CRM mass-delete job?

    import zmd

    with zmd.Client.from_env() as client:  # or zmd.Client("1000.xxxx.yyyy", data_center="eu")
        status = client.wait("Leads", 111111000000222222, timeout=4 * 3600, check=True)
        print(status.deleted_count)  # the records are deleted

It needs an access token with the scope ``ZohoCRM.mass_delete.READ``, or a refresh token to get one; it only reads.
:class:`AsyncClient` is the same for asyncio.
"""

from typing import TYPE_CHECKING, Any, List

from ._version import __version__
from .client import Client
from .counters import Counters
from .errors import (
    ApiError,
    ArgumentError,
    BadResponseError,
    Cancelled,
    ConfigError,
    ConnectError,
    DnsError,
    Error,
    ErrorCode,
    ForbiddenError,
    InternalError,
    InvalidModuleError,
    JobFailedError,
    JobNotFoundError,
    NetworkError,
    OAuthError,
    ProxyError,
    RateLimitedError,
    ScopeError,
    ServerError,
    Stalled,
    Timeout,
    TlsError,
    UnauthorizedError,
)
from .progress import PollFailed, PollSucceeded, Progress
from .status import State, Status

if TYPE_CHECKING:
    from .async_client import AsyncClient

__all__ = [
    "__version__",
    "ApiError",
    "ArgumentError",
    "AsyncClient",
    "BadResponseError",
    "Cancelled",
    "Client",
    "ConfigError",
    "ConnectError",
    "Counters",
    "DnsError",
    "Error",
    "ErrorCode",
    "ForbiddenError",
    "InternalError",
    "InvalidModuleError",
    "JobFailedError",
    "JobNotFoundError",
    "NetworkError",
    "OAuthError",
    "PollFailed",
    "PollSucceeded",
    "Progress",
    "ProxyError",
    "RateLimitedError",
    "ScopeError",
    "ServerError",
    "Stalled",
    "State",
    "Status",
    "Timeout",
    "TlsError",
    "UnauthorizedError",
]


def __getattr__(name: str) -> Any:
    # asyncio takes as long to import as all of this package, and most programs do without.
    if name == "AsyncClient":
        from .async_client import AsyncClient

        globals()[name] = AsyncClient
        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
