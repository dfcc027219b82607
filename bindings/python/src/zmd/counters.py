"""What a client has done, as numbers."""

import ctypes
import dataclasses
from typing import Dict, Union

from ._handle import Handle, check
from ._library import RawCounters, library


@dataclasses.dataclass(frozen=True)
class Counters:
    """What a client has done so far. Each number only grows."""

    calls: int
    """Requests for the status of a job, those of waits among them, whatever came of them."""
    polls: int
    """Those of waits."""
    retries: int
    """Attempts that repeated one which had failed with a transient error: of calls, of waits, and for an access token."""
    rate_limits: int
    """Responses of the API and of the accounts server that there were too many requests."""
    token_requests: int
    """Requests for an access token, to the accounts server or the token provider."""
    connections: int
    """Connections opened."""
    bytes_sent: int
    """Bytes sent over them, TLS included."""
    bytes_received: int
    """Bytes received over them, TLS included."""
    waited: float
    """How long waits have lasted, up to their last polls: seconds, added up over their jobs."""

    def to_dict(self) -> Dict[str, Union[int, float]]:
        """The fields by their names."""
        return dataclasses.asdict(self)


def counters_of(client: Handle) -> Counters:
    raw = RawCounters()
    check(library.zmd_client_counters(client.pointer, ctypes.byref(raw), ctypes.sizeof(raw)))
    numbers = {name: getattr(raw, name) for name in RawCounters.NAMES}
    waited_ms = numbers.pop("waited_ms")
    return Counters(waited=waited_ms / 1000, **numbers)
