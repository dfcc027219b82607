"""The client whose calls block."""

import ctypes
import os
import queue
from types import TracebackType
from typing import Callable, Dict, Generator, Iterable, List, Optional, Type, TypeVar, Union

from ._base import BaseClient
from ._call import TICK_S, Call, Handle, Job, Outcome, check, refuse_after_fork
from ._library import library
from ._settings import AnyJob, JobId, Seconds, callback, many_jobs, one_job, status_timeout_ms, timeout_ms
from ._waits import Listener, Poll
from .errors import Error, ErrorCode, JobFailedError
from .progress import Progress
from .status import Status

ClientT = TypeVar("ClientT", bound="Client")


class Client(BaseClient):
    """Queries the status of Zoho CRM mass-delete jobs, and waits for their end.

    Create one client and keep it: it keeps connections open between calls. Any number of threads may use it at the same
    time. After ``os.fork()``, and in a process that :mod:`multiprocessing` has forked, parent and child can both use
    it. Every call can be interrupted with Ctrl-C, which does not affect the calls of other threads.

    It is a context manager, which closes it. Its exceptions are :class:`Error`, or ``TypeError`` if an argument has a
    wrong type.
    """

    def status(self, module: str, job_id: JobId, *, timeout: Optional[Seconds] = None) -> Status:
        """Queries how far a job is.

        :param module: the module's API name, such as ``"Leads"`` or ``"Sales_Orders"``
        :param job_id: the ``job_id`` that scheduling the mass delete returned
        :param timeout: the limit in seconds, or a ``timedelta``, retries included; None: the client's ``timeout``
        :return: the status; a failed job is a status, not an error

        Raises :class:`Timeout` when the time limit expires.
        """
        return status_or_raise(
            *self._run([one_job(module, job_id)], status_timeout_ms(timeout), is_many=False, is_wait=False)
        )

    def status_many(self, jobs: Iterable[AnyJob]) -> List[Union[Status, Error]]:
        """Queries how far each of many jobs is, with at most ``max_concurrency`` requests in flight.

        :param jobs: pairs of a module and a job id
        :return: in the order of the jobs, the status or the error of each: errors are not raised.
            After :meth:`cancel` that is :class:`Cancelled`.
        """
        return self._run(many_jobs(jobs), -1, is_many=True, is_wait=False)

    def wait(
        self,
        module: str,
        job_id: JobId,
        *,
        timeout: Optional[Seconds] = None,
        progress: Optional[Callable[[Progress], object]] = None,
        check: bool = False,
    ) -> Status:
        """Waits until a job has ended: until it is completed, failed, or in a state that this version does not know.

        It polls with pauses between ``poll_min`` and ``poll_max`` that depend on the progress of the job. A transient error
        (the network, HTTP 5xx or 429, ...) does not end the wait.

        :param module: as for :meth:`status`
        :param job_id: as for :meth:`status`
        :param timeout: the limit in seconds, or a ``timedelta``; None: no limit; 0: poll once
        :param progress: called after every poll, on the thread that waits. An exception in it ends the wait and
            arrives at the caller; its return value is ignored.
        :param check: raise :class:`JobFailedError` unless ``status.is_successful``, that is, every record is deleted
        :return: the last status

        Raises :class:`Timeout`, with the last status, when the time limit expires.
        """
        job = one_job(module, job_id)
        status = status_or_raise(
            *self._run([job], timeout_ms(timeout), is_many=False, is_wait=True, progress=callback(progress))
        )
        if check and not status.is_successful:
            raise JobFailedError(status)
        return status

    def wait_many(
        self,
        jobs: Iterable[AnyJob],
        *,
        timeout: Optional[Seconds] = None,
        progress: Optional[Callable[[Progress], object]] = None,
        check: bool = False,
    ) -> List[Union[Status, Error]]:
        """Waits until many jobs have ended, with at most ``max_concurrency`` requests in flight.

        :param jobs: pairs of a module and a job id
        :param timeout: as for :meth:`wait`, for all of them together
        :param progress: as for :meth:`wait`
        :param check: return :class:`JobFailedError` instead of a status that is not ``is_successful``
        :return: in the order of the jobs, the last status or the error of each: errors are not raised. For a job that has
            not ended in time that is :class:`Timeout`, after :meth:`cancel` :class:`Cancelled`; both have the last
            status.
        """
        outcomes = self._run(
            many_jobs(jobs), timeout_ms(timeout), is_many=True, is_wait=True, progress=callback(progress)
        )
        return [checked(outcome) for outcome in outcomes] if check else outcomes

    def as_completed(
        self, jobs: Iterable[AnyJob], *, timeout: Optional[Seconds] = None, check: bool = False
    ) -> Generator[Union[Status, Error], None, None]:
        """Waits for many jobs like :meth:`wait_many`, and yields the outcome of each as soon as it has ended.

        :param jobs: pairs of a module and a job id; each outcome has them as ``module`` and ``job_id``
        :param timeout: as for :meth:`wait`, from the first step of the iteration on
        :param check: as for :meth:`wait_many`
        :return: an iterator over the last status or the error of each job. If it is left early, the
            other waits end, with its ``close()`` at once.
        """
        return self._as_completed(many_jobs(jobs), timeout_ms(timeout), check)

    def _as_completed(self, jobs: List[Job], limit_ms: int, check: bool) -> Generator[Outcome, None, None]:
        self._begin()
        process = os.getpid()
        polls: "queue.SimpleQueue[Poll]" = queue.SimpleQueue()
        open_waits: Dict[int, Callable[[], None]] = {}
        try:
            for index, job in enumerate(jobs):
                listener = Listener(index, job, polls.put, is_many=True, takes_polls=False)
                try:
                    open_waits[index] = self._waits().add(listener, limit_ms, is_wait=True)
                except Error as error:
                    polls.put(Poll(index, job, error))
            for _ in jobs:
                poll = _get(polls)
                open_waits.pop(poll.index, None)
                yield checked(poll.outcome) if check else poll.outcome
                refuse_after_fork(process)
        finally:
            for end in open_waits.values():
                end()

    def close(self) -> None:
        """Closes the client and its connections, from any thread. Calls under way end with :class:`Cancelled`; later
        ones raise :class:`ArgumentError`. A client that is closed already may be closed again.
        """
        self.cancel()
        self._root = None
        self._idle.clear()
        self._forget_queues()

    def __enter__(self: ClientT) -> ClientT:
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def _run(
        self,
        jobs: List[Job],
        limit_ms: int,
        *,
        is_many: bool,
        is_wait: bool,
        progress: Optional[Callable[[Progress], object]] = None,
    ) -> List[Outcome]:
        root = self._begin()
        if not jobs:
            return []
        call = Call(self._check_out(root), jobs, limit_ms, is_many=is_many, is_wait=is_wait, progress=progress)
        outcomes = call.run()
        self._idle.append(call.handle)
        if self._root is None:
            self._idle.clear()
        return outcomes

    def _check_out(self, root: Handle) -> Handle:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        pointer = ctypes.c_void_p()
        code = library.zmd_client_clone(root.pointer, ctypes.byref(pointer))
        if code == ErrorCode.CANCELLED:
            return root  # with which the call will find the same, for each of its jobs
        check(code)
        return Handle(pointer, root.kept)


def _get(polls: "queue.SimpleQueue[Poll]") -> Poll:
    while True:
        try:
            return polls.get(timeout=TICK_S)
        except queue.Empty:
            pass


def status_or_raise(outcome: Outcome) -> Status:
    if isinstance(outcome, Error):
        raise outcome
    return outcome


def checked(outcome: Outcome) -> Outcome:
    """An error for a status that is none of success."""
    if isinstance(outcome, Status) and not outcome.is_successful:
        return JobFailedError(outcome)
    return outcome
