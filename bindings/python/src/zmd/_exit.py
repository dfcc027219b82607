"""The end of the interpreter, after which the library must not call into it."""

import atexit
import os
import threading
import time
from typing import Protocol, Set

from ._library import LogFunction, library

# How long the interpreter's end waits for the calls under way. A cancelled call takes 100 ms at the most.
_PATIENCE_S = 0.3


class Stoppable(Protocol):
    """Something that a thread is doing with the library."""

    def stop(self) -> None:
        """Cancels it, from any thread."""


# A call adds itself, then checks is_exiting(), and removes itself at its end.
running: Set[Stoppable] = set()
_is_exiting = False


def is_exiting() -> bool:
    return _is_exiting


def refuse_when_exiting() -> None:
    """To be called before a call: there is none while the interpreter ends."""
    if _is_exiting:
        block_when_exiting()
        raise RuntimeError("the interpreter is shutting down")


def block_when_exiting() -> None:
    """Blocks a daemon thread while the interpreter ends, which does so with all of them: with the error of a call that
    was cancelled for that it would have time to print a traceback."""
    if _is_exiting and threading.current_thread() is not threading.main_thread():
        threading.Event().wait()


@atexit.register
def _exit() -> None:
    global _is_exiting
    _is_exiting = True
    library.zmd_set_logger(LogFunction(), None, 0)
    for each in list(running):
        each.stop()
    end = time.monotonic() + _PATIENCE_S
    while running and time.monotonic() < end:
        time.sleep(0.001)


# The parent's threads do not exist in the child.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=running.clear)
