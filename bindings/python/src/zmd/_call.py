"""One call of the library: on a thread of its own, with its log, and with its end when the interpreter ends."""

import atexit
import ctypes
import logging
import os
import queue
import threading
import time
from typing import TYPE_CHECKING, Callable, List, Optional, Set, Tuple, Union

from ._library import LogFunction, ProgressFunction, RawJob, RawStatus, library
from .errors import Error, ErrorCode, error_of
from .progress import Progress
from .status import Status, status_of

if TYPE_CHECKING:
    from ctypes import _Pointer

# How long the interpreter's end waits for the calls under way. A cancelled call takes 100 ms at the most.
_PATIENCE_S = 0.3

# Windows does not wake a thread that waits for a lock when Ctrl-C is pressed.
_TICK_S = 0.1 if os.name == "nt" else None

Outcome = Union[Status, Error]


class Handle:
    """A client of the library, freed with the last reference to it."""

    __slots__ = ("pointer", "kept")

    def __init__(self, pointer: ctypes.c_void_p, kept: object = None) -> None:
        """``kept`` lives as long as the client may call it."""
        self.pointer = pointer
        self.kept = kept

    def __del__(self, free: Callable[[ctypes.c_void_p], None] = library.zmd_client_free) -> None:
        free(self.pointer)


def check(code: int) -> None:
    """Raises the error of the call that this thread has just made, if it is one."""
    if code:
        raise error_of(code, library.zmd_last_error(), library.zmd_last_error_code())


class Call:
    """A status of many jobs, or a wait for them.

    Python runs signal handlers, that of Ctrl-C too, on the main thread between two of its own steps, and a C function
    is one step. So the library works on another thread; the caller waits for it, and can be interrupted there.
    """

    def __init__(
        self,
        handle: Handle,
        jobs: List[Tuple[str, str]],
        timeout_ms: Optional[int],
        progress: Optional[Callable[[Progress], object]],
    ) -> None:
        """A wait if there is a timeout; negative: without a limit. The handle must be nobody else's meanwhile."""
        self.handle = handle
        self._jobs = jobs
        self._timeout_ms = timeout_ms
        self._progress = progress
        self._process = os.getpid()
        self._is_stopped = False
        self._events: "queue.SimpleQueue[Union[Progress, List[Outcome], BaseException]]" = queue.SimpleQueue()
        self._answers: "queue.SimpleQueue[bool]" = queue.SimpleQueue()
        # A daemon, or the interpreter's end would wait for it.
        self.worker = threading.Thread(target=self._work, name="zmd", daemon=True)

    def run(self) -> List[Outcome]:
        """Makes the call. After an exception the handle is cancelled, and of no more use."""
        try:
            self.worker.start()
            while True:
                event = self._next_event()
                if isinstance(event, BaseException):
                    raise event
                if not isinstance(event, Progress):
                    return event
                if self._progress is not None:
                    self._progress(event)
                if os.getpid() != self._process:
                    raise RuntimeError("the process was forked in the middle of a call, which its parent goes on with")
                self._answers.put(True)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Cancels the call, and that alone. The worker ends when the library comes back."""
        library.zmd_client_cancel(self.handle.pointer)
        self._answers.put(False)

    def _next_event(self) -> Union[Progress, List[Outcome], BaseException]:
        while True:
            try:
                return self._events.get(timeout=_TICK_S)
            except queue.Empty:
                pass

    def _work(self) -> None:
        event: Union[List[Outcome], BaseException, None] = None
        _calls.add(self)
        if not _is_exiting:
            try:
                event = self._ask()
            except BaseException as error:
                event = error
        _calls.discard(self)
        # A caller that is a daemon thread stays where it is when the interpreter ends, as all of them do; with an
        # answer it would have time to print a traceback.
        if event is not None and not _is_exiting:
            self._events.put(event)

    def _ask(self) -> List[Outcome]:
        count = len(self._jobs)
        jobs = (RawJob * count)(*[RawJob(_utf_8(module), _utf_8(job_id)) for module, job_id in self._jobs])
        statuses = (RawStatus * count)()
        codes = (ctypes.c_int32 * count)(*[ErrorCode.INTERNAL] * count)
        if self._timeout_ms is None:
            library.zmd_client_status_many(self.handle.pointer, jobs, count, statuses, codes)
        else:
            tell = ProgressFunction() if self._progress is None else ProgressFunction(self._tell)
            library.zmd_client_wait_many(
                self.handle.pointer, jobs, count, self._timeout_ms, tell, None, statuses, codes
            )
        return [
            _outcome(
                code, statuses[index], library.zmd_last_error_of_job(index), library.zmd_last_error_code_of_job(index)
            )
            for index, code in enumerate(codes)
        ]

    def _tell(self, _user_data: Optional[int], index: int, code: int, raw: "_Pointer[RawStatus]") -> int:
        if not self._is_stopped:
            outcome = _outcome(code, raw[0], library.zmd_last_error(), library.zmd_last_error_code())
            status, error = (None, outcome) if isinstance(outcome, Error) else (outcome, None)
            self._events.put(Progress(index, *self._jobs[index], status, error))
            self._is_stopped = not self._answers.get()
        return 0  # go on: a call that is stopped is cancelled already


def _utf_8(text: str) -> bytes:
    # A lone surrogate becomes bytes that are not UTF-8, which the library refuses.
    return text.encode("utf-8", "surrogatepass")


def _outcome(code: int, raw: RawStatus, message: bytes, api_code: bytes) -> Outcome:
    status = status_of(raw)
    if code == 0 and status is not None:
        return status
    # After a wait that was ended early, the last status is there, and with it the HTTP status of that.
    http_status = raw.http_status if status is None else 0
    code = code or ErrorCode.INTERNAL
    return error_of(code, message or library.zmd_error_message(code), api_code, http_status, status)


# ---- The log ----

logger = logging.getLogger("zmd")
logger.addHandler(logging.NullHandler())

# From the library's level 1 on. For the last, trace, Python has no name.
_LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, 5)
_log_level = 0


def _log_line(_user_data: Optional[int], level: int, message: bytes) -> None:
    logger.log(_LEVELS[level - 1], "%s", message.decode("utf-8", "replace"))


_log = LogFunction(_log_line)


def follow_log_level() -> None:
    """Has the library log what Python's logger wants to hear, and no more: a line that nobody reads costs time."""
    global _log_level
    level = sum(map(logger.isEnabledFor, _LEVELS))
    if level != _log_level and not _is_exiting:
        check(library.zmd_set_logger(_log, None, level))
        _log_level = level


# ---- The end of the interpreter ----

# Those that a worker is in.
_calls: Set[Call] = set()
_is_exiting = False


def refuse_when_exiting() -> None:
    """To be called before a call: there is none while the interpreter ends."""
    if _is_exiting:
        if threading.current_thread() is not threading.main_thread():
            threading.Event().wait()  # a daemon thread: see Call._work
        raise RuntimeError("the interpreter is shutting down")


@atexit.register
def _exit() -> None:
    """Sees to it that the library calls back no more: it would find no interpreter."""
    global _is_exiting
    _is_exiting = True
    library.zmd_set_logger(LogFunction(), None, 0)
    calls = list(_calls)
    for call in calls:
        call.stop()
    until = time.monotonic() + _PATIENCE_S
    for call in calls:
        call.worker.join(max(0.0, until - time.monotonic()))
