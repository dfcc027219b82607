"""How far is this Zoho CRM mass-delete job?

    import zmd

    with zmd.Client.from_env() as client:  # or zmd.Client("1000.xxxx.yyyy", data_center="eu")
        status = client.wait("Leads", 111111000000222222, timeout=4 * 3600, check=True)
        print(status.deleted_count)  # the records are deleted

It needs an access token with the scope ``ZohoCRM.mass_delete.READ``, or a refresh token to get one; it only reads.
:class:`AsyncClient` is the same for asyncio.
"""

from ._version import __version__
from .async_client import AsyncClient
from .client import Client
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
