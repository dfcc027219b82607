"""One call of the library that blocks."""

import ctypes
import os
import queue
import threading
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple, Union

from ._exit import block_when_exiting, is_exiting, running
from ._library import ProgressFunction, RawJob, RawStatus, library
from .errors import Error, ErrorCode, error_of
from .progress import Progress, progress_of
from .status import Status, status_of

if TYPE_CHECKING:
    from ctypes import _Pointer

Outcome = Union[Status, Error]
Job = Tuple[str, str]
ProgressCallback = Optional[Callable[[Progress], object]]

# Windows does not wake a thread that waits for a lock when Ctrl-C is pressed.
TICK_S = 0.1 if os.name == "nt" else None

# So many threads without a task are kept for the next one.
_MAX_IDLE_WORKERS = 4


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
    """A status or a wait of one job or of many.

    Python runs signal handlers, that of Ctrl-C too, on the main thread between two of its own steps, and a C function
    is one step. So the main thread has a worker thread call the library, and waits for it where it can be interrupted.
    Other threads run no signal handlers and call the library themselves, but for a wait with a callback: Python code
    that the library calls must return, and user code that blocks may be stopped for ever when the interpreter ends.
    """

    __slots__ = (
        "_answers",
        "_events",
        "_is_many",
        "_is_stopped",
        "_is_wait",
        "_jobs",
        "_process",
        "_progress",
        "_timeout_ms",
        "handle",
    )

    def __init__(
        self,
        handle: Handle,
        jobs: List[Job],
        timeout_ms: int,
        *,
        is_many: bool,
        is_wait: bool,
        progress: ProgressCallback = None,
    ) -> None:
        """The handle must not be used elsewhere during the call."""
        self.handle = handle
        self._jobs = jobs
        self._timeout_ms = timeout_ms
        self._is_many = is_many
        self._is_wait = is_wait
        self._progress = progress
        self._is_stopped = False

    def run(self) -> List[Outcome]:
        """Makes the call. After an exception the handle may be cancelled, and must not be used again."""
        if self._progress is None and threading.get_ident() != threading.main_thread().ident:
            outcomes = self._ask()
            block_when_exiting()
            return outcomes
        self._process = os.getpid()
        self._events: "queue.SimpleQueue[Union[Progress, List[Outcome], BaseException]]" = queue.SimpleQueue()
        self._answers: "queue.SimpleQueue[bool]" = queue.SimpleQueue()
        try:
            _start(self)
            while True:
                event = self._next_event()
                if isinstance(event, list):
                    return event
                if isinstance(event, BaseException):
                    raise event
                if self._progress is not None:
                    self._progress(event)
                refuse_after_fork(self._process)
                self._answers.put(True)
        except BaseException:
            self.stop()
            self._answers.put(False)
            raise

    def stop(self) -> None:
        """Cancels this call only."""
        library.zmd_client_cancel(self.handle.pointer)
        if self._progress is not None:
            self._answers.put(False)

    def _next_event(self) -> Union[Progress, List[Outcome], BaseException]:
        while True:
            try:
                return self._events.get(timeout=TICK_S)
            except queue.Empty:
                pass

    def answer(self) -> "Union[List[Outcome], BaseException, None]":
        """Makes the call, on a worker. None: the interpreter ends, and no thread is to be woken."""
        try:
            outcome: Union[List[Outcome], BaseException] = self._ask()
        except BaseException as error:
            outcome = error
        return None if is_exiting() else outcome

    def deliver(self, event: Union[List[Outcome], BaseException]) -> None:
        self._events.put(event)

    def _ask(self) -> List[Outcome]:
        running.add(self)
        try:
            if is_exiting():
                block_when_exiting()
            return self._ask_for_many() if self._is_many else [self._ask_for_one()]
        finally:
            running.discard(self)

    def _ask_for_one(self) -> Outcome:
        (job,) = self._jobs
        module, job_id = utf_8(job[0]), utf_8(job[1])
        raw = RawStatus()
        if self._is_wait:
            code = library.zmd_client_wait(
                self.handle.pointer, module, job_id, self._timeout_ms, self._callback(), None, ctypes.byref(raw)
            )
        else:
            code = library.zmd_client_status_within(
                self.handle.pointer, module, job_id, self._timeout_ms, ctypes.byref(raw)
            )
        return outcome_of_last_call(code, raw, job, is_many=False)

    def _ask_for_many(self) -> List[Outcome]:
        count = len(self._jobs)
        jobs = (RawJob * count)(*[RawJob(utf_8(module), utf_8(job_id)) for module, job_id in self._jobs])
        statuses = (RawStatus * count)()
        codes = (ctypes.c_int32 * count)(*[ErrorCode.INTERNAL] * count)
        if self._is_wait:
            library.zmd_client_wait_many(
                self.handle.pointer, jobs, count, self._timeout_ms, self._callback(), None, statuses, codes
            )
        else:
            library.zmd_client_status_many(self.handle.pointer, jobs, count, statuses, codes)
        return [outcome_of_job(index, code, statuses[index], self._jobs[index]) for index, code in enumerate(codes)]

    def _callback(self) -> Any:
        return ProgressFunction() if self._progress is None else ProgressFunction(self._report)

    def _report(self, _user_data: Optional[int], index: int, code: int, raw: "_Pointer[RawStatus]") -> int:
        if not self._is_stopped:
            elapsed_ms, next_poll_ms = library.zmd_progress_elapsed_ms(), library.zmd_progress_next_poll_ms()
            job = self._jobs[index]
            outcome = outcome_of_last_call(code, raw[0], job, is_many=self._is_many)
            self._events.put(progress_of(index, *job, elapsed_ms, next_poll_ms, outcome))
            self._is_stopped = not self._answers.get()
        return 0  # continue: a call that is stopped is already cancelled


def refuse_after_fork(process: int) -> None:
    if os.getpid() != process:
        raise RuntimeError("the process was forked in the middle of a call, which continues in its parent")


def utf_8(text: str) -> bytes:
    # A lone surrogate becomes bytes that are not UTF-8, which the library refuses.
    return text.encode("utf-8", "surrogatepass")


def outcome_of_last_call(code: int, raw: RawStatus, job: Job, is_many: bool) -> Outcome:
    """What the library has written, with the error texts of this thread's last call."""
    status = status_of(*job, raw)
    if code == 0 and status is not None:
        return status
    return error_of_job(code, raw, job, is_many, status, library.zmd_last_error(), library.zmd_last_error_code())


def outcome_of_job(index: int, code: int, raw: RawStatus, job: Job, is_many: bool = True) -> Outcome:
    """What the library has written, with the error texts for one job of this thread's last call."""
    status = status_of(*job, raw)
    if code == 0 and status is not None:
        return status
    message, api_code = library.zmd_last_error_of_job(index), library.zmd_last_error_code_of_job(index)
    return error_of_job(code, raw, job, is_many, status, message, api_code)


def error_of_job(
    code: int, raw: RawStatus, job: Job, is_many: bool, status: Optional[Status], message: bytes, api_code: bytes
) -> Error:
    # After a wait that was ended early, the last status is there, and with it the HTTP status of that.
    http_status = raw.http_status if status is None else 0
    code = code or ErrorCode.INTERNAL
    message = message or library.zmd_error_message(code)
    if is_many:
        message = f"{job[0]} {job[1]}: ".encode("utf-8", "replace") + message
    return error_of(code, message, api_code, http_status, *job, status)


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
        event = call.answer()
        # Before its caller continues, which may have the next task for it.
        if len(_idle_workers) < _MAX_IDLE_WORKERS:
            _idle_workers.append(worker)
        if event is not None:
            call.deliver(event)
        del task, worker, call, event


def _end_idle_workers() -> None:
    """Before a fork, which Python warns of where there are other threads."""
    threads = []
    while _idle_workers:
        threads.append(_idle_workers.pop().thread)
    for thread in threads:
        thread.join(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_end_idle_workers, after_in_child=_idle_workers.clear)
