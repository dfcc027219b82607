"""A queue of waits of the library: calls without a thread for each, for one thread or event loop at a time."""

import ctypes
import os
import select
import sys
import weakref
from collections import deque
from typing import Callable, Deque, Dict, List, NamedTuple, Optional, Type

from ._exit import block_when_exiting, is_main_thread
from ._handle import Handle, Job, Outcome, check, outcome_of, utf_8
from ._library import RawEvent, RawStatus, library
from .errors import ArgumentError, Cancelled, Error, ErrorCode, Stalled, Timeout, error_of
from .progress import Progress, progress_of

# How long a thread is in the library at a time where the queue has no descriptor, as on Windows: there Ctrl-C does not
# interrupt it.
_TICK_MS = 100

# A signal that comes just before the main thread waits does not wake it, so that it looks from time to time.
_LOOK_MS = 1000


class Poll(NamedTuple):
    """A poll of a job, or the end of its wait."""

    position: int
    job: Job
    outcome: Outcome
    has_ended: bool = True
    elapsed_ms: int = 0
    next_poll_ms: int = -1
    remaining_ms: int = -1

    @property
    def progress(self) -> Optional[Progress]:
        """None: it is not a poll, only the end of the wait."""
        if self.has_ended and isinstance(self.outcome, (ArgumentError, Cancelled, Stalled, Timeout)):
            return None
        return progress_of(self.position, *self.job, self.elapsed_ms, self.next_poll_ms, self.remaining_ms, self.outcome)


class Taken(NamedTuple):
    """An event that a thread has taken, with what the library tells that thread alone."""

    event: RawEvent
    message: bytes
    api_code: bytes
    remaining_ms: int


class _Wait(NamedTuple):
    position: int
    job: Job
    is_many: bool
    # Weak: a call in an event loop that is closed is to end with its coroutine.
    polls: "weakref.ref[Polls]"


class Waits:
    """A queue of waits. It belongs to the process that created it."""

    def __init__(self, root: Handle) -> None:
        pointer = ctypes.c_void_p()
        code = library.zmd_waits_new(root.pointer, ctypes.byref(pointer))
        self.error: Optional[Error] = None
        """Why there are no more events: it was cancelled, or has a bug."""
        if code == ErrorCode.CANCELLED:
            self.error = error_of(code, library.zmd_last_error())  # the error of each call in it
        else:
            check(code)
        self._handle = Handle(pointer, library.zmd_waits_free, root.tokens)
        self.process = os.getpid()
        # For an event loop; -1: none.
        self.descriptor: int = -1 if sys.platform == "win32" else library.zmd_waits_handle(pointer)
        self.at_end: Callable[[], None] = lambda: None
        """Called when there are no more events."""
        self._open: Dict[int, _Wait] = {}

    def add(self, wait: _Wait, timeout_ms: int, *, is_wait: bool) -> int:
        """Starts a wait or a status call, and returns its id."""
        wait_id = ctypes.c_uint64()
        if self.error is not None:
            code, message, api_code = int(self.error.code), str(self.error).encode(), b""
        else:
            module, job_id = map(utf_8, wait.job)
            function = library.zmd_waits_add if is_wait else library.zmd_waits_add_status
            code = function(self._handle.pointer, module, job_id, timeout_ms, ctypes.byref(wait_id))
            message, api_code = library.zmd_last_error(), library.zmd_last_error_code()
        if code:
            outcome = outcome_of(code, RawStatus(), wait.job, message, api_code, is_many=wait.is_many)
            block_when_exiting(self.close)
            assert isinstance(outcome, Error)
            raise outcome
        self._open[wait_id.value] = wait
        return wait_id.value

    def remove(self, wait_id: int) -> None:
        """Ends a wait, which has no more polls."""
        if self._open.pop(wait_id, None) is not None and os.getpid() == self.process:
            library.zmd_waits_remove(self._handle.pointer, wait_id)

    def cancel(self) -> None:
        """Ends all waits and the queue, from any thread."""
        library.zmd_waits_cancel(self._handle.pointer)

    def close(self) -> None:
        """Frees the queue, whatever refers to this object."""
        del self._handle

    def take(self, timeout_ms: int) -> Optional[Taken]:
        """Waits for the next event; None: there was none in time, or the queue is over."""
        event = RawEvent()
        code = library.zmd_waits_next(self._handle.pointer, timeout_ms, ctypes.byref(event))
        if code:
            if code != ErrorCode.TIMEOUT:
                self.error = error_of(code, library.zmd_last_error())
            return None
        message = api_code = b""
        if event.error:
            message, api_code = library.zmd_last_error_of_job(0), library.zmd_last_error_code_of_job(0)
        return Taken(event, message, api_code, library.zmd_progress_remaining_ms())

    def deliver(self, taken: Taken) -> None:
        """Passes an event on to the call that waits for it."""
        event, message, api_code, remaining_ms = taken
        has_ended = bool(event.has_ended)
        wait = self._open.pop(event.id, None) if has_ended else self._open.get(event.id)
        polls = None if wait is None else wait.polls()
        if wait is None or polls is None or not (has_ended or polls.takes_polls):
            return
        outcome = outcome_of(
            event.error,
            event.status,
            wait.job,
            message,
            api_code,
            is_many=wait.is_many,
            tokens=self._handle.tokens,
        )
        polls.put(
            Poll(wait.position, wait.job, outcome, has_ended, event.elapsed_ms, event.next_poll_ms, remaining_ms)
        )

    def deliver_all(self) -> None:
        """Takes and passes on the events that there are."""
        taken = self.take(0)
        while taken is not None:
            self.deliver(taken)
            taken = self.take(0)
        if self.error is not None:
            self.finish()

    def finish(self) -> None:
        """Passes the error on to the calls that are left: none after a cancel, which ends each of them with an event."""
        assert self.error is not None
        for wait in self._open.values():
            polls = wait.polls()
            if polls is not None:
                polls.put(Poll(wait.position, wait.job, self.error))
        self._open.clear()
        self.at_end()

    def block(self) -> None:
        """Waits until there are events, and passes them on. Signal handlers run meanwhile, that of Ctrl-C too."""
        if self.descriptor >= 0:
            # Looked up each time: gevent replaces it with one that lets other greenlets run.
            poll = select.poll()
            poll.register(self.descriptor, select.POLLIN)
            poll.poll(_LOOK_MS if is_main_thread() else None)
        else:
            taken = self.take(_TICK_MS)
            if taken is not None:
                self.deliver(taken)
        self.deliver_all()
        block_when_exiting(self.close)


class Polls:
    """What the waits of one call bring, in the order in which it happens. At its end the waits that are left end too."""

    def __init__(self, waits: Waits, *, is_many: bool, takes_polls: bool) -> None:
        """Without ``takes_polls`` it gets the last event of each wait only."""
        self.waits = waits
        self.is_many = is_many
        self.takes_polls = takes_polls
        self.there: Deque[Poll] = deque()
        # The ids of the waits that go on, by the index of their jobs.
        self._open: Dict[int, int] = {}

    def add(self, index: int, job: Job, timeout_ms: int, *, is_wait: bool) -> None:
        """Raises :class:`Error` where an argument is wrong, or after a cancel."""
        self._open[index] = self.waits.add(_Wait(index, job, self.is_many, weakref.ref(self)), timeout_ms, is_wait=is_wait)

    def add_many(self, jobs: List[Job], timeout_ms: int, *, is_wait: bool) -> None:
        """Has such an error as the job's outcome."""
        for index, job in enumerate(jobs):
            try:
                self.add(index, job, timeout_ms, is_wait=is_wait)
            except Error as error:
                self.there.append(Poll(index, job, error))

    def put(self, poll: Poll) -> None:
        if poll.has_ended:
            self._open.pop(poll.position, None)
        self.there.append(poll)

    def end(self) -> None:
        for wait_id in self._open.values():
            self.waits.remove(wait_id)
        self._open.clear()


class BlockingPolls(Polls):
    """For a thread, which has the queue for itself."""

    def __init__(self, waits: Waits, give_back: Callable[[Waits], None], *, is_many: bool, takes_polls: bool) -> None:
        """``give_back`` gets the queue at the end, unless a call is left in it: that ends then."""
        super().__init__(waits, is_many=is_many, takes_polls=takes_polls)
        self._give_back = give_back

    def next(self) -> Poll:
        if os.getpid() != self.waits.process:
            raise RuntimeError("the process was forked in the middle of a call, which continues in its parent")
        while not self.there:
            self.waits.block()
        return self.there.popleft()

    def next_end(self, progress: Optional[Callable[[Progress], object]]) -> Poll:
        """The next end of a wait; the polls before it are reported."""
        while True:
            poll = self.next()
            shown = None if progress is None else poll.progress
            if progress is not None and shown is not None:
                progress(shown)
            if poll.has_ended:
                return poll

    def __enter__(self) -> "BlockingPolls":
        return self

    def __exit__(self, exc_type: Optional[Type[BaseException]], *_: object) -> None:
        waits = self.waits
        del self.waits  # the traceback of an exception refers to this object
        if exc_type is None and not self._open:
            self._give_back(waits)
        else:
            waits.close()
