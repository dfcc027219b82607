"""What the library creates, and what its calls return."""

import ctypes
import weakref
from typing import TYPE_CHECKING, Any, Callable, Optional, Tuple, Union

from ._library import RawStatus, library
from .errors import Error, ErrorCode, error_of
from .status import Status, status_of

if TYPE_CHECKING:
    from ._tokens import TokenSource

Outcome = Union[Status, Error]
Job = Tuple[str, str]

# Those of clients with a token provider: the library may call it until the last of them is freed.
handles_with_tokens: "weakref.WeakSet[Handle]" = weakref.WeakSet()


class Handle:
    """A pointer to something of the library, freed with the last reference to it."""

    __slots__ = ("__weakref__", "_free", "pointer", "tokens")

    def __init__(
        self, pointer: ctypes.c_void_p, free: Callable[[ctypes.c_void_p], Any], tokens: "Optional[TokenSource]" = None
    ) -> None:
        """``tokens`` lives as long as the library may call it."""
        self.pointer: ctypes.c_void_p = pointer
        self.tokens: Optional[TokenSource] = tokens
        self._free = free
        if tokens is not None:
            handles_with_tokens.add(self)

    def __del__(self) -> None:
        self._free(self.pointer)


class Root(Handle):
    """The client of the library from which a client of this package makes the others."""

    __slots__ = ()

    def __init__(self, pointer: ctypes.c_void_p, tokens: "Optional[TokenSource]") -> None:
        super().__init__(pointer, library.zmd_client_free, tokens)

    def __del__(self) -> None:
        # Freeing the last one waits for the library's call of the provider.
        if self.tokens is not None:
            self.tokens.close()
        super().__del__()


def check(code: int) -> None:
    """Raises the error of the call that this thread has just made, if it is one."""
    if code:
        raise error_of(code, library.zmd_last_error(), library.zmd_last_error_code())


def utf_8(text: str) -> bytes:
    # A lone surrogate becomes bytes that are not UTF-8, which the library refuses.
    return text.encode("utf-8", "surrogatepass")


def outcome_of(
    code: int,
    raw: RawStatus,
    job: Job,
    message: bytes,
    api_code: bytes,
    *,
    is_many: bool,
    tokens: "Optional[TokenSource]" = None,
) -> Outcome:
    """What the library has written for a job, with the texts of its error."""
    status = status_of(*job, raw)
    if code == 0 and status is not None:
        return status
    # After a wait that was ended early, the last status is there, and with it the HTTP status of that.
    http_status = raw.http_status if status is None else 0
    code = code or ErrorCode.INTERNAL
    message = message or library.zmd_error_message(code)
    if is_many:
        message = f"{job[0]} {job[1]}: ".encode("utf-8", "replace") + message
    error = error_of(code, message, api_code, http_status, *job, status)
    if code == ErrorCode.OAUTH and tokens is not None:
        error.__cause__ = tokens.failure
    return error
