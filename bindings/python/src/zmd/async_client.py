"""The client for asyncio."""

import asyncio
from collections import deque
from types import TracebackType
from typing import AsyncGenerator, Callable, Deque, Dict, Iterable, List, Optional, Type, TypeVar, Union

from ._base import BaseClient
from ._call import Job, Outcome
from ._settings import AnyJob, JobId, Seconds, callback, many_jobs, one_job, status_timeout_ms, timeout_ms
from ._waits import Listener, Poll, Waits
from .client import checked, status_or_raise
from .errors import Error, JobFailedError
from .progress import Progress
from .status import Status

ClientT = TypeVar("ClientT", bound="AsyncClient")


class AsyncClient(BaseClient):
    """:class:`Client` for asyncio: the same calls, as coroutines.

    Cancelling a task ends its call at once and affects no other. Whatever the number of jobs, the client has one thread
    of Python, and at most ``max_concurrency`` plus one of the library.

    Create one client and keep it. Several event loops, each in its thread, may use it at the same time, and parent and
    child after ``os.fork()``. It is an asynchronous context manager, which closes it. Its exceptions are
    :class:`Error`, or ``TypeError`` if an argument has a wrong type.
    """

    async def status(self, module: str, job_id: JobId, *, timeout: Optional[Seconds] = None) -> Status:
        """Queries how far a job is.

        :param module: the module's API name, such as ``"Leads"`` or ``"Sales_Orders"``
        :param job_id: the ``job_id`` that scheduling the mass delete returned
        :param timeout: the limit in seconds, or a ``timedelta``, retries included; None: the client's ``timeout``
        :return: the status; a failed job is a status, not an error

        Raises :class:`Timeout` when the time limit expires.
        """
        job, limit_ms = one_job(module, job_id), status_timeout_ms(timeout)
        with _Polls(self, is_many=False, takes_polls=False) as polls:
            polls.add(0, job, limit_ms, is_wait=False)
            return status_or_raise((await polls.next()).outcome)

    async def status_many(self, jobs: Iterable[AnyJob]) -> List[Union[Status, Error]]:
        """Queries how far each of many jobs is, with at most ``max_concurrency`` requests in flight.

        :param jobs: pairs of a module and a job id
        :return: in the order of the jobs, the status or the error of each: errors are not raised.
            After :meth:`cancel` that is :class:`Cancelled`.
        """
        pairs = many_jobs(jobs)
        with _Polls(self, is_many=True, takes_polls=False) as polls:
            polls.add_many(pairs, -1, is_wait=False)
            ended = [await polls.next() for _ in pairs]
        return _in_order(ended)

    async def wait(
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
        :param progress: called after every poll, in the event loop. An exception in it ends the wait and arrives at
            the caller; its return value is ignored. See :meth:`watch` too.
        :param check: raise :class:`JobFailedError` unless ``status.is_successful``, that is, every record is deleted
        :return: the last status

        Raises :class:`Timeout`, with the last status, when the time limit expires.
        """
        job, limit_ms, report = one_job(module, job_id), timeout_ms(timeout), callback(progress)
        with _Polls(self, is_many=False, takes_polls=report is not None) as polls:
            polls.add(0, job, limit_ms, is_wait=True)
            status = status_or_raise((await polls.next_end(report)).outcome)
        if check and not status.is_successful:
            raise JobFailedError(status)
        return status

    async def wait_many(
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
        pairs, limit_ms, report = many_jobs(jobs), timeout_ms(timeout), callback(progress)
        with _Polls(self, is_many=True, takes_polls=report is not None) as polls:
            polls.add_many(pairs, limit_ms, is_wait=True)
            ended = [await polls.next_end(report) for _ in pairs]
        outcomes = _in_order(ended)
        return [checked(outcome) for outcome in outcomes] if check else outcomes

    def as_completed(
        self, jobs: Iterable[AnyJob], *, timeout: Optional[Seconds] = None, check: bool = False
    ) -> AsyncGenerator[Union[Status, Error], None]:
        """Waits for many jobs like :meth:`wait_many`, and yields the outcome of each as soon as it has ended::

            async for outcome in client.as_completed(jobs):
                ...

        :param jobs: pairs of a module and a job id; each outcome has them as ``module`` and ``job_id``
        :param timeout: as for :meth:`wait`, from the first step of the iteration on
        :param check: as for :meth:`wait_many`
        :return: an iterator over the last status or the error of each job. If it is left early, the
            other waits end, with its ``aclose()`` at once.
        """
        return self._as_completed(many_jobs(jobs), timeout_ms(timeout), check)

    async def _as_completed(self, jobs: List[Job], limit_ms: int, check: bool) -> AsyncGenerator[Outcome, None]:
        with _Polls(self, is_many=True, takes_polls=False) as polls:
            polls.add_many(jobs, limit_ms, is_wait=True)
            for _ in jobs:
                outcome = (await polls.next()).outcome
                yield checked(outcome) if check else outcome

    def watch(self, module: str, job_id: JobId, *, timeout: Optional[Seconds] = None) -> AsyncGenerator[Progress, None]:
        """Waits like :meth:`wait`, and yields what every poll brings; the last is that of the job's end::

            async for progress in client.watch("Leads", 111111000000222222):
                ...

        :param module: as for :meth:`status`
        :param job_id: as for :meth:`status`
        :param timeout: as for :meth:`wait`, from the first step of the iteration on
        :return: an iterator, which raises what :meth:`wait` raises. Where it is left early, the wait ends, with its
            ``aclose()`` at once.
        """
        return self._watch(one_job(module, job_id), timeout_ms(timeout))

    async def _watch(self, job: Job, limit_ms: int) -> AsyncGenerator[Progress, None]:
        with _Polls(self, is_many=False, takes_polls=True) as polls:
            polls.add(0, job, limit_ms, is_wait=True)
            while True:
                poll = await polls.next()
                if poll.has_ended:
                    status_or_raise(poll.outcome)
                progress = poll.progress
                if progress is not None:
                    yield progress
                if poll.has_ended:
                    return

    async def close(self) -> None:
        """Closes the client and its connections. Calls under way end with :class:`Cancelled`; later ones raise
        :class:`ArgumentError`. A client that is closed already may be closed again.
        """
        self.cancel()
        self._root = None
        ends = [_end(queue) for queue in self._forget_queues()]
        if ends:
            await asyncio.wait(ends)

    async def __aenter__(self: ClientT) -> ClientT:
        return self

    async def __aexit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()


class _Polls:
    """The polls of some jobs, as they come. Leaving its block ends what has not ended."""

    def __init__(self, client: BaseClient, *, is_many: bool, takes_polls: bool) -> None:
        self._client = client
        self._is_many = is_many
        self._takes_polls = takes_polls
        self._loop = asyncio.get_running_loop()
        self._polls: Deque[Poll] = deque()
        self._arrival: "Optional[asyncio.Future[None]]" = None
        self._open: Dict[int, Callable[[], None]] = {}

    def __enter__(self) -> "_Polls":
        self._client._begin()
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._open.values():
            end()

    def add(self, index: int, job: Job, limit_ms: int, *, is_wait: bool) -> None:
        """Raises :class:`Error` where an argument is wrong, or after a cancel."""
        listener = Listener(index, job, self._put, is_many=self._is_many, takes_polls=self._takes_polls)
        self._open[index] = self._client._waits().add(listener, limit_ms, is_wait=is_wait)

    def add_many(self, jobs: List[Job], limit_ms: int, *, is_wait: bool) -> None:
        """Has such an error as the job's outcome."""
        for index, job in enumerate(jobs):
            try:
                self.add(index, job, limit_ms, is_wait=is_wait)
            except Error as error:
                self._polls.append(Poll(index, job, error))

    async def next(self) -> Poll:
        while not self._polls:
            self._arrival = self._loop.create_future()
            await self._arrival
        poll = self._polls.popleft()
        if poll.has_ended:
            self._open.pop(poll.index, None)
        return poll

    async def next_end(self, report: Optional[Callable[[Progress], object]]) -> Poll:
        """The next end of a wait; the polls before it are reported."""
        while True:
            poll = await self.next()
            if report is not None:
                progress = poll.progress
                if progress is not None:
                    report(progress)
            if poll.has_ended:
                return poll

    def _put(self, poll: Poll) -> None:
        self._loop.call_soon_threadsafe(self._arrive, poll)

    def _arrive(self, poll: Poll) -> None:
        self._polls.append(poll)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)


def _end(waits: Waits) -> "asyncio.Future[None]":
    loop = asyncio.get_running_loop()
    ended: "asyncio.Future[None]" = loop.create_future()

    def set_result() -> None:
        if not ended.done():
            ended.set_result(None)

    def at_end() -> None:
        try:
            loop.call_soon_threadsafe(set_result)
        except RuntimeError:
            pass  # the loop is closed

    waits.end(at_end)
    return ended


def _in_order(ended: List[Poll]) -> List[Outcome]:
    return [poll.outcome for poll in sorted(ended, key=lambda poll: poll.index)]
