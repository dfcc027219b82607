"""Many calls without a thread for each: the library's completion queue, and the one thread that takes from it."""

import ctypes
import os
import threading
from typing import Callable, Dict, List, Optional

from ._call import Handle, Job, Outcome, check, error_of_job, outcome_of_job, utf_8
from ._exit import is_exiting, running
from ._library import RawEvent, RawStatus, library
from .errors import ArgumentError, Cancelled, ErrorCode, Stalled, Timeout, error_of
from .progress import Progress, progress_of


class Poll:
    """A poll of a job, or the end of its wait."""

    __slots__ = ("_elapsed_ms", "_next_poll_ms", "has_ended", "index", "job", "outcome")

    def __init__(
        self,
        index: int,
        job: Job,
        outcome: Outcome,
        has_ended: bool = True,
        elapsed_ms: int = 0,
        next_poll_ms: int = -1,
    ) -> None:
        self.index = index
        self.job = job
        self.outcome = outcome
        self.has_ended = has_ended
        self._elapsed_ms = elapsed_ms
        self._next_poll_ms = next_poll_ms

    @property
    def progress(self) -> Optional[Progress]:
        """None: it is not a poll, only the end of the wait."""
        if self.has_ended and isinstance(self.outcome, (ArgumentError, Cancelled, Stalled, Timeout)):
            return None
        return progress_of(self.index, *self.job, self._elapsed_ms, self._next_poll_ms, self.outcome)


class Listener:
    """Receives the polls of a job, on the thread of the queue."""

    __slots__ = ("index", "is_many", "job", "put", "takes_polls")

    def __init__(self, index: int, job: Job, put: Callable[[Poll], None], *, is_many: bool, takes_polls: bool) -> None:
        """Without ``takes_polls`` it gets the last event only. ``put`` raises RuntimeError where its loop is closed."""
        self.index = index
        self.job = job
        self.put = put
        self.is_many = is_many
        self.takes_polls = takes_polls


class _Queue:
    """What the thread shares with the others."""

    def __init__(self, root: Handle) -> None:
        pointer = ctypes.c_void_p()
        check(library.zmd_waits_new(root.pointer, ctypes.byref(pointer)))
        self.root = root
        # None: freed.
        self.pointer: Optional[ctypes.c_void_p] = pointer
        # Guards the pointer, which is freed when no thread uses it, and the listeners. The garbage collector may end a
        # queue on a thread that holds it.
        self.lock = threading.RLock()
        self.listeners: Dict[int, Listener] = {}
        self.is_over = False
        self.at_end: List[Callable[[], None]] = []

    def stop(self) -> None:
        with self.lock:
            if self.pointer is not None:
                library.zmd_waits_cancel(self.pointer)

    def take_events(self) -> None:
        """Until it is cancelled and empty. Then it is freed."""
        running.add(self)
        event = RawEvent()
        try:
            if is_exiting():
                self.stop()
            while True:
                code = library.zmd_waits_next(self.pointer, -1, ctypes.byref(event))
                if code:
                    break
                self._deliver(event)
            # Where it is not the cancelled queue's end, but a bug.
            error = error_of(code, library.zmd_last_error())
            with self.lock:
                pointer, self.pointer = self.pointer, None
                left = list(self.listeners.items())
                self.listeners.clear()
            library.zmd_waits_free(pointer)
            for wait_id, listener in left:
                self._put(wait_id, listener, Poll(listener.index, listener.job, error))
            with self.lock:
                self.is_over = True
            for function in self.at_end:
                function()
        finally:
            running.discard(self)

    def _deliver(self, event: RawEvent) -> None:
        with self.lock:
            listener = self.listeners.pop(event.id, None) if event.has_ended else self.listeners.get(event.id)
        if listener is None or is_exiting() or not (event.has_ended or listener.takes_polls):
            return
        outcome = outcome_of_job(0, event.error, event.status, listener.job, listener.is_many)
        has_ended = bool(event.has_ended)
        poll = Poll(listener.index, listener.job, outcome, has_ended, event.elapsed_ms, event.next_poll_ms)
        self._put(event.id, listener, poll)

    def _put(self, wait_id: int, listener: Listener, poll: Poll) -> None:
        try:
            listener.put(poll)
        except RuntimeError:
            self.remove(wait_id)

    def remove(self, wait_id: int) -> None:
        with self.lock:
            if self.listeners.pop(wait_id, None) is not None and self.pointer is not None:
                library.zmd_waits_remove(self.pointer, wait_id)


class Waits:
    """A completion queue with its thread, which both end with the last reference to this object."""

    def __init__(self, root: Handle) -> None:
        self._queue = _Queue(root)
        self._process = os.getpid()
        # A daemon, or the interpreter's end would wait for it.
        threading.Thread(target=self._queue.take_events, name="zmd-waits", daemon=True).start()

    def add(self, listener: Listener, timeout_ms: int, *, is_wait: bool) -> Callable[[], None]:
        """Starts a wait or a status call; raises :class:`Error` where an argument is wrong, or after a cancel.

        What it returns ends it at once: the listener gets nothing more. It may be called when it has ended already.
        """
        queue, process = self._queue, self._process
        module, job_id = map(utf_8, listener.job)
        wait_id = ctypes.c_uint64()
        function = library.zmd_waits_add if is_wait else library.zmd_waits_add_status
        with queue.lock:
            if queue.pointer is None:
                code = int(ErrorCode.CANCELLED)
                message, api_code = library.zmd_error_message(code), b""
            else:
                code = function(queue.pointer, module, job_id, timeout_ms, ctypes.byref(wait_id))
                message, api_code = library.zmd_last_error(), library.zmd_last_error_code()
            if code:
                raise error_of_job(code, RawStatus(), listener.job, listener.is_many, None, message, api_code)
            queue.listeners[wait_id.value] = listener

        def end() -> None:
            if os.getpid() == process:
                queue.remove(wait_id.value)

        return end

    def end(self, at_end: Callable[[], None]) -> None:
        """Cancels it; ``at_end`` is called when it is freed and its thread ends, on that or on this thread."""
        self._queue.stop()
        with self._queue.lock:
            if not self._queue.is_over:
                self._queue.at_end.append(at_end)
                return
        at_end()

    def __del__(self) -> None:
        # After a fork it is the parent's, and its lock may be locked for ever.
        if hasattr(self, "_process") and os.getpid() == self._process:
            self._queue.stop()
