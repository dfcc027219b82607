"""A status call, on the thread that makes it or on a worker thread."""

import ctypes
import os
import queue
import select
import threading
import time
from typing import List, Optional, Tuple, Union

from ._exit import block_when_exiting, is_main_thread
from ._handle import Handle, Job, Outcome, outcome_of, utf_8
from ._library import RawStatus, library
from .errors import Error
from .status import Status

# Windows does not wake a thread that waits for a lock when Ctrl-C is pressed. Elsewhere a signal that comes just before the
# main thread waits does not wake it, so that it looks from time to time.
_TICK_S = 0.1 if os.name == "nt" else 1.0

# So many threads without a task are kept for the next one.
_MAX_IDLE_WORKERS = 4

# How long a fork waits for their end, which takes them a moment of the processor.
_PATIENCE_S = 5.0


def is_cooperative() -> bool:
    """Whether greenlets take the place of threads: gevent has replaced what blocks, and a call of the library would block
    them all."""
    return hasattr(select, "poll") and select.poll.__module__ != "select"


class Call:
    """A status call.

    Python runs signal handlers, that of Ctrl-C too, on the main thread between two of its own steps, and a C function
    is one step. So the main thread has a worker thread call the library, and waits for it where it can be interrupted.
    Other threads run no signal handlers and call the library themselves. A queue of waits needs no worker, but takes more
    switches between threads: for a call that is a tenth of a millisecond on a good connection it costs more.
    """

    __slots__ = ("_answers", "_job", "_timeout_ms", "handle")

    def __init__(self, handle: Handle, job: Job, timeout_ms: int) -> None:
        """The handle must not be used elsewhere during the call."""
        self.handle = handle
        self._job = job
        self._timeout_ms = timeout_ms

    def run(self) -> Outcome:
        """Makes the call. After an exception the handle is cancelled, and must not be used again."""
        if not is_main_thread():
            outcome = self.ask()
            block_when_exiting(lambda: delattr(self, "handle"))
            return outcome
        self._answers: "queue.SimpleQueue[Union[Outcome, BaseException]]" = queue.SimpleQueue()
        try:
            _start(self)
            answer = self._answer()
        except BaseException:
            library.zmd_client_cancel(self.handle.pointer)
            raise
        if isinstance(answer, (Status, Error)):
            return answer
        raise answer

    def _answer(self) -> Union[Outcome, BaseException]:
        while True:
            try:
                return self._answers.get(timeout=_TICK_S)
            except queue.Empty:
                pass

    def ask(self) -> Outcome:
        module, job_id = utf_8(self._job[0]), utf_8(self._job[1])
        raw = RawStatus()
        code = library.zmd_client_status_within(
            self.handle.pointer, module, job_id, self._timeout_ms, ctypes.byref(raw)
        )
        message = api_code = b""
        if code:
            message, api_code = library.zmd_last_error(), library.zmd_last_error_code()
        return outcome_of(code, raw, self._job, message, api_code, is_many=False, tokens=self.handle.tokens)

    def deliver(self, answer: Union[Outcome, BaseException]) -> None:
        self._answers.put(answer)


# ---- Worker threads ----


class _Worker:
    """A thread that makes one call after another. It ends with the last reference to this object, which only those hold
    that may give it a task: so a caller that is interrupted at any place leaves none behind."""

    __slots__ = ("_tasks", "thread")

    def __init__(self) -> None:
        self._tasks: "queue.SimpleQueue[Optional[Tuple[_Worker, Call]]]" = queue.SimpleQueue()
        # A daemon, or the interpreter's end would wait for it.
        self.thread = threading.Thread(target=_work, args=[self._tasks], name="zmd", daemon=True)
        self.thread.start()

    def make(self, call: Call) -> None:
        self._tasks.put((self, call))

    def __del__(self) -> None:
        self._tasks.put(None)


# Without a lock, which a fork could leave locked: one step of a list is enough.
_idle_workers: List[_Worker] = []


def _start(call: Call) -> None:
    try:
        worker = _idle_workers.pop()
    except IndexError:
        worker = _Worker()
    worker.make(call)


def _work(tasks: "queue.SimpleQueue[Optional[Tuple[_Worker, Call]]]") -> None:
    while True:
        task = tasks.get()
        if task is None:
            return
        worker, call = task
        try:
            answer: Union[Outcome, BaseException] = call.ask()
        except BaseException as error:
            answer = error
        # Before its caller continues, which may have the next task for it.
        if len(_idle_workers) < _MAX_IDLE_WORKERS:
            _idle_workers.append(worker)
        call.deliver(answer)
        del task, worker, call, answer


def end_idle_workers() -> None:
    threads = []
    try:
        while True:
            threads.append(_idle_workers.pop().thread)
    except IndexError:
        pass
    end = time.monotonic() + _PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
        # Python is done with it, and Linux, whose threads Python counts, may not be.
        while os.path.exists(f"/proc/self/task/{thread.native_id}") and time.monotonic() < end:
            time.sleep(0.0001)


if hasattr(os, "register_at_fork"):
    # Python warns of a fork where there are other threads.
    os.register_at_fork(before=end_idle_workers, after_in_child=_idle_workers.clear)
