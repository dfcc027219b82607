"""The client whose calls block."""

import ctypes
import os
import weakref
from types import TracebackType
from typing import Callable, Generator, Iterable, List, Literal, Optional, Type, TypeVar, Union, overload

from ._base import BaseClient
from ._call import Call, is_cooperative
from ._handle import Handle, Job, Outcome, check
from ._library import library
from ._settings import AnyJob, JobId, Seconds, callback, many_jobs, one_job, status_timeout_ms, timeout_ms
from ._waits import BlockingPolls, Poll, Waits
from .errors import Error, ErrorCode, JobFailedError
from .progress import Progress
from .status import Status

ClientT = TypeVar("ClientT", bound="Client")

# Those that may have idle queues.
_clients: "weakref.WeakSet[Client]" = weakref.WeakSet()


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
        job, limit_ms = one_job(module, job_id), status_timeout_ms(timeout)
        if is_cooperative():
            self._begin()
            with self._polls(is_many=False) as polls:
                polls.add(0, job, limit_ms, is_wait=False)
                outcome = polls.next().outcome
        else:
            call = Call(self._check_out(self._begin()), job, limit_ms)
            outcome = call.run()
            self._idle.append(call.handle)
            if self._root is None:
                self._idle.clear()
        return status_or_raise(outcome)

    def status_many(self, jobs: Iterable[AnyJob]) -> List[Union[Status, Error]]:
        """Queries how far each of many jobs is, with at most ``max_concurrency`` requests in flight.

        :param jobs: pairs of a module and a job id
        :return: in the order of the jobs, the status or the error of each: errors are not raised.
            After :meth:`cancel` that is :class:`Cancelled`.
        """
        pairs = many_jobs(jobs)
        self._begin()
        with self._polls(is_many=True) as polls:
            polls.add_many(pairs, -1, is_wait=False)
            ended = [polls.next() for _ in pairs]
        return in_order(ended)

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
            arrives at the caller; its return value is ignored. See :meth:`watch` too.
        :param check: raise :class:`JobFailedError` unless ``status.is_successful``, that is, every record is deleted
        :return: the last status

        Raises :class:`Timeout`, with the last status, when the time limit expires.
        """
        job, limit_ms, report = one_job(module, job_id), timeout_ms(timeout), callback(progress)
        self._begin()
        with self._polls(is_many=False, takes_polls=report is not None) as polls:
            polls.add(0, job, limit_ms, is_wait=True)
            outcome = polls.next_end(report).outcome
        return status_or_raise(checked(outcome) if check else outcome)

    @overload
    def wait_many(
        self,
        jobs: Iterable[AnyJob],
        *,
        timeout: Optional[Seconds] = None,
        progress: Optional[Callable[[Progress], object]] = None,
        check: bool = False,
        raise_on_error: Literal[True],
    ) -> List[Status]: ...

    @overload
    def wait_many(
        self,
        jobs: Iterable[AnyJob],
        *,
        timeout: Optional[Seconds] = None,
        progress: Optional[Callable[[Progress], object]] = None,
        check: bool = False,
        raise_on_error: Literal[False] = False,
    ) -> List[Union[Status, Error]]: ...

    def wait_many(
        self,
        jobs: Iterable[AnyJob],
        *,
        timeout: Optional[Seconds] = None,
        progress: Optional[Callable[[Progress], object]] = None,
        check: bool = False,
        raise_on_error: bool = False,
    ) -> Union[List[Union[Status, Error]], List[Status]]:
        """Waits until many jobs have ended, with at most ``max_concurrency`` requests in flight.

        :param jobs: pairs of a module and a job id
        :param timeout: as for :meth:`wait`, for all of them together
        :param progress: as for :meth:`wait`
        :param check: return :class:`JobFailedError` instead of a status that is not ``is_successful``
        :param raise_on_error: raise the first error that ends a wait, also one of ``check``, at once: the other waits end
        :return: in the order of the jobs, the last status or the error of each: without ``raise_on_error``, errors are
            not raised. For a job that has not ended in time that is :class:`Timeout`, after :meth:`cancel`
            :class:`Cancelled`; both have the last status.
        """
        pairs, limit_ms, report = many_jobs(jobs), timeout_ms(timeout), callback(progress)
        self._begin()
        ended = []
        with self._polls(is_many=True, takes_polls=report is not None) as polls:
            polls.add_many(pairs, limit_ms, is_wait=True)
            for _ in pairs:
                poll = polls.next_end(report)
                ended.append(poll._replace(outcome=checked(poll.outcome)) if check else poll)
                if raise_on_error:
                    status_or_raise(ended[-1].outcome)
        return in_order(ended)

    def as_completed(
        self,
        jobs: Iterable[AnyJob],
        *,
        timeout: Optional[Seconds] = None,
        progress: Optional[Callable[[Progress], object]] = None,
        check: bool = False,
    ) -> Generator[Union[Status, Error], None, None]:
        """Waits for many jobs like :meth:`wait_many`, and yields the outcome of each as soon as it has ended.

        :param jobs: pairs of a module and a job id; each outcome has them as ``module`` and ``job_id``
        :param timeout: as for :meth:`wait`, from the first step of the iteration on
        :param progress: as for :meth:`wait`, during a step of the iteration
        :param check: as for :meth:`wait_many`
        :return: an iterator over the last status or the error of each job. If it is left early, the
            other waits end, with its ``close()`` at once.
        """
        return self._as_completed(many_jobs(jobs), timeout_ms(timeout), callback(progress), check)

    def _as_completed(
        self, jobs: List[Job], limit_ms: int, report: Optional[Callable[[Progress], object]], check: bool
    ) -> Generator[Outcome, None, None]:
        self._begin()
        with self._polls(is_many=True, takes_polls=report is not None) as polls:
            polls.add_many(jobs, limit_ms, is_wait=True)
            for _ in jobs:
                outcome = polls.next_end(report).outcome
                yield checked(outcome) if check else outcome

    def watch(self, module: str, job_id: JobId, *, timeout: Optional[Seconds] = None) -> Generator[Progress, None, None]:
        """Waits like :meth:`wait`, and yields what every poll brings; the last is that of the job's end::

            for progress in client.watch("Leads", 111111000000222222):
                ...

        :param module: as for :meth:`status`
        :param job_id: as for :meth:`status`
        :param timeout: as for :meth:`wait`, from the first step of the iteration on
        :return: an iterator, which raises what :meth:`wait` raises. If it is left early, the wait ends, with its
            ``close()`` at once.
        """
        return self._watch(one_job(module, job_id), timeout_ms(timeout))

    def _watch(self, job: Job, limit_ms: int) -> Generator[Progress, None, None]:
        self._begin()
        with self._polls(is_many=False, takes_polls=True) as polls:
            polls.add(0, job, limit_ms, is_wait=True)
            while True:
                poll = polls.next()
                if poll.has_ended:
                    status_or_raise(poll.outcome)
                progress = poll.progress
                if progress is not None:
                    yield progress
                if poll.has_ended:
                    return

    def close(self) -> None:
        """Closes the client and its connections, from any thread. Calls under way end with :class:`Cancelled`; later
        ones raise :class:`ArgumentError`. A client that is closed already may be closed again. It does not wait for a
        token provider.
        """
        self._end()

    def _end(self) -> None:
        self._end_root()
        self._idle.clear()
        self._idle_waits.clear()

    def __enter__(self: ClientT) -> ClientT:
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        # Each blocking call has a clone of the root or a queue for itself, so that it can be ended alone, and leaves it here
        # for the next, with its connections. Without a lock, which a fork could leave locked: one step of a list is
        # enough.
        self._idle: List[Handle] = []
        self._idle_waits: List[Waits] = []
        _clients.add(self)

    def _check_out(self, root: Handle) -> Handle:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        pointer = ctypes.c_void_p()
        code = library.zmd_client_clone(root.pointer, ctypes.byref(pointer))
        if code == ErrorCode.CANCELLED:
            return root  # with which the call will find the same
        check(code)
        return Handle(pointer, library.zmd_client_free, root.tokens)

    def _polls(self, *, is_many: bool, takes_polls: bool = False) -> BlockingPolls:
        return BlockingPolls(self._idle_queue(), self._give_back, is_many=is_many, takes_polls=takes_polls)

    def _idle_queue(self) -> Waits:
        process = os.getpid()
        while self._idle_waits:
            try:
                waits = self._idle_waits.pop()
            except IndexError:
                break
            if waits.process == process:
                return waits
        return Waits(self._open_root())

    def _give_back(self, waits: Waits) -> None:
        if waits.error is None:
            self._idle_waits.append(waits)
        if self._root is None:
            self._idle_waits.clear()


def status_or_raise(outcome: Outcome) -> Status:
    if isinstance(outcome, Error):
        raise outcome
    return outcome


def checked(outcome: Outcome) -> Outcome:
    """An error for a status that is none of success."""
    if isinstance(outcome, Status) and not outcome.is_successful:
        return JobFailedError(outcome)
    return outcome


def in_order(ended: List[Poll]) -> List[Outcome]:
    return [poll.outcome for poll in sorted(ended, key=lambda poll: poll.position)]


def _end_idle_queues() -> None:
    for client in list(_clients):
        client._idle_waits.clear()


# Python warns of a fork where there are other threads, also those of the library.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_end_idle_queues)
