"""The end of the interpreter, after which the library must not call into it."""

import atexit
import threading
import time
import weakref
from typing import Callable, Protocol

from ._handle import handles_with_tokens
from ._library import LogFunction, library

# How long the interpreter's end waits for the library's calls of token providers. A cancelled call takes 100 ms at the most.
_PATIENCE_S = 1.0


class Closable(Protocol):
    """A client."""

    def _end(self) -> object:
        """Ends it, from any thread, without waiting for what the program does."""


# Those whose token provider the library may call.
clients_with_tokens: "weakref.WeakSet[Closable]" = weakref.WeakSet()
_is_exiting = False


def is_exiting() -> bool:
    return _is_exiting


def is_main_thread() -> bool:
    """Whether this is the thread on which Python runs signal handlers."""
    return threading.get_ident() == threading.main_thread().ident


def block_when_exiting(free: Callable[[], object]) -> None:
    """Blocks a daemon thread while the interpreter ends, which does so with all of them: with the error of a call that
    was cancelled for that it would have time to print a traceback, beside which Python may abort. ``free`` frees what
    the call has of the library."""
    if _is_exiting and not is_main_thread():
        free()
        threading.Event().wait()


@atexit.register
def _exit() -> None:
    global _is_exiting
    _is_exiting = True
    library.zmd_set_logger(LogFunction(), None, 0)
    for client in list(clients_with_tokens):
        client._end()
    end = time.monotonic() + _PATIENCE_S
    while handles_with_tokens and time.monotonic() < end:
        time.sleep(0.001)
