"""How far is this Zoho CRM mass-delete job?

    import zmd

    with zmd.Client.from_env() as client:  # or zmd.Client("1000.xxxx.yyyy", data_center="eu")
        status = client.wait("Leads", 111111000000222222, timeout=4 * 3600)
        print(status.state.name, status.deleted_count)

It needs an access token with the scope ``ZohoCRM.mass_delete.READ``, or a refresh token to get one; it only reads.
"""

from ._version import __version__
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
    JobNotFoundError,
    NetworkError,
    OAuthError,
    ProxyError,
    RateLimitedError,
    ScopeError,
    ServerError,
    Timeout,
    TlsError,
    UnauthorizedError,
)
from .progress import Progress
from .status import State, Status

__all__ = [
    "__version__",
    "ApiError",
    "ArgumentError",
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
    "JobNotFoundError",
    "NetworkError",
    "OAuthError",
    "Progress",
    "ProxyError",
    "RateLimitedError",
    "ScopeError",
    "ServerError",
    "State",
    "Status",
    "Timeout",
    "TlsError",
    "UnauthorizedError",
]
