"""The client for asyncio."""

import asyncio
import concurrent.futures
import inspect
import os
import queue
import threading
import weakref
from types import TracebackType
from typing import Any, AsyncGenerator, Callable, Iterable, List, Literal, Optional, Set, Type, TypeVar, Union, overload

from ._base import BaseClient
from ._handle import Handle, Job, Outcome
from ._settings import AnyJob, JobId, Seconds, callback, many_jobs, one_job, status_timeout_ms, timeout_ms
from ._tokens import Answer, TokenSource
from ._waits import Poll, Polls, Waits
from .client import checked, in_order, status_or_raise
from .errors import Error
from .progress import Progress
from .status import Status

ClientT = TypeVar("ClientT", bound="AsyncClient")


class AsyncClient(BaseClient):
    """:class:`Client` for asyncio: the same calls, as coroutines.

    Cancelling a task ends its call at once and affects no other. Whatever the number of jobs, the client has no thread of
    Python, and for each event loop at most ``max_concurrency`` plus one of the library. (An event loop that cannot watch
    a descriptor, as on Windows, has one of Python.)

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
        with self._polls(is_many=False) as polls:
            polls.add(0, job, limit_ms, is_wait=False)
            return status_or_raise((await polls.next()).outcome)

    async def status_many(self, jobs: Iterable[AnyJob]) -> List[Union[Status, Error]]:
        """Queries how far each of many jobs is, with at most ``max_concurrency`` requests in flight.

        :param jobs: pairs of a module and a job id
        :return: in the order of the jobs, the status or the error of each: errors are not raised.
            After :meth:`cancel` that is :class:`Cancelled`.
        """
        pairs = many_jobs(jobs)
        with self._polls(is_many=True) as polls:
            polls.add_many(pairs, -1, is_wait=False)
            ended = [await polls.next() for _ in pairs]
        return in_order(ended)

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
        with self._polls(is_many=False, takes_polls=report is not None) as polls:
            polls.add(0, job, limit_ms, is_wait=True)
            outcome = (await polls.next_end(report)).outcome
        return status_or_raise(checked(outcome) if check else outcome)

    @overload
    async def wait_many(
        self,
        jobs: Iterable[AnyJob],
        *,
        timeout: Optional[Seconds] = None,
        progress: Optional[Callable[[Progress], object]] = None,
        check: bool = False,
        raise_on_error: Literal[True],
    ) -> List[Status]: ...

    @overload
    async def wait_many(
        self,
        jobs: Iterable[AnyJob],
        *,
        timeout: Optional[Seconds] = None,
        progress: Optional[Callable[[Progress], object]] = None,
        check: bool = False,
        raise_on_error: Literal[False] = False,
    ) -> List[Union[Status, Error]]: ...

    async def wait_many(
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
        ended = []
        with self._polls(is_many=True, takes_polls=report is not None) as polls:
            polls.add_many(pairs, limit_ms, is_wait=True)
            for _ in pairs:
                poll = await polls.next_end(report)
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
    ) -> AsyncGenerator[Union[Status, Error], None]:
        """Waits for many jobs like :meth:`wait_many`, and yields the outcome of each as soon as it has ended::

            async for outcome in client.as_completed(jobs):
                ...

        :param jobs: pairs of a module and a job id; each outcome has them as ``module`` and ``job_id``
        :param timeout: as for :meth:`wait`, from the first step of the iteration on
        :param progress: as for :meth:`wait`, during a step of the iteration
        :param check: as for :meth:`wait_many`
        :return: an iterator over the last status or the error of each job. If it is left early, the
            other waits end, with its ``aclose()`` at once.
        """
        return self._as_completed(many_jobs(jobs), timeout_ms(timeout), callback(progress), check)

    async def _as_completed(
        self, jobs: List[Job], limit_ms: int, report: Optional[Callable[[Progress], object]], check: bool
    ) -> AsyncGenerator[Outcome, None]:
        with self._polls(is_many=True, takes_polls=report is not None) as polls:
            polls.add_many(jobs, limit_ms, is_wait=True)
            for _ in jobs:
                outcome = (await polls.next_end(report)).outcome
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
        with self._polls(is_many=False, takes_polls=True) as polls:
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
        :class:`ArgumentError`. A client that is closed already may be closed again. It does not wait for a token provider.
        """
        loop = asyncio.get_running_loop()
        own = self._queues.pop(loop, None)
        self._end()
        if own is not None and own.waits.process == os.getpid():
            await own.over(loop)

    def _end(self) -> None:
        self._end_root()
        self._queues.clear()

    async def __aenter__(self: ClientT) -> ClientT:
        return self

    async def __aexit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()


    def _prepare(self) -> None:
        self._queues: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue]" = weakref.WeakKeyDictionary()

    def _token_source(self, provider: Callable[[Optional[str]], Any]) -> "_AsyncTokenSource":
        return _AsyncTokenSource(provider)

    def _polls(self, *, is_many: bool, takes_polls: bool = False) -> "_Polls":
        root = self._begin()
        loop = asyncio.get_running_loop()
        own = self._queues.get(loop)
        if own is None or own.waits.process != os.getpid():
            own = self._queues[loop] = _Queue(root)
        if isinstance(root.tokens, _AsyncTokenSource):
            root.tokens.loop = loop
        return _Polls(own, loop, is_many=is_many, takes_polls=takes_polls)


class _Calls(Set[object]):
    """Those that wait for events. The event loop refers to them, so that they end if it is closed over them."""


class _Queue:
    """The queue of waits of an event loop, which watches it while there are calls."""

    def __init__(self, root: Handle) -> None:
        self.waits = Waits(root)
        self._calls: "Optional[weakref.ref[_Calls]]" = None
        self._has_reader = False
        self._kept: Optional[_Calls] = None
        self._thread: Optional[threading.Thread] = None

    def begin(self, call: object, loop: asyncio.AbstractEventLoop) -> _Calls:
        """Before a call, which keeps the result."""
        calls = None if self._calls is None else self._calls()
        if calls is None:
            calls = _Calls()
            self._calls = weakref.ref(calls)
            self._watch(calls, loop)
        calls.add(call)
        return calls

    def end(self, call: object, calls: _Calls, loop: asyncio.AbstractEventLoop) -> None:
        """After a call."""
        calls.discard(call)
        if not calls:
            self._calls = self._kept = None
            self._forget(loop)

    async def over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Waits until all has ended after a cancel, so that freeing the queue does not block the loop."""
        if self.waits.error is None:
            over: "asyncio.Future[None]" = loop.create_future()

            def set_over() -> None:
                if not over.done():
                    over.set_result(None)

            self.waits.at_end = set_over
            calls = self.begin(over, loop)
            try:
                await over
            finally:
                self.end(over, calls, loop)

    def _watch(self, calls: _Calls, loop: asyncio.AbstractEventLoop) -> None:
        if self.waits.error is not None:
            return
        if self.waits.descriptor >= 0 and self._thread is None:
            try:
                loop.add_reader(self.waits.descriptor, self._deliver, calls, loop)
                self._has_reader = True
                return
            except NotImplementedError:
                pass  # a loop that cannot watch it
        self._kept = calls
        if self._thread is None:
            # A daemon, or the interpreter's end would wait for it.
            self._thread = threading.Thread(target=_take, args=[self.waits, loop], name="zmd-waits", daemon=True)
            self._thread.start()

    def _deliver(self, calls: _Calls, loop: asyncio.AbstractEventLoop) -> None:
        self.waits.deliver_all()
        if self.waits.error is not None:
            self._forget(loop)  # it is readable for ever

    def _forget(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._has_reader:
            self._has_reader = False
            try:
                loop.remove_reader(self.waits.descriptor)
            except RuntimeError:
                pass  # the loop is closed

    def __del__(self) -> None:
        # Ends the thread.
        if hasattr(self, "waits"):
            self.waits.cancel()


def _take(waits: Waits, loop: asyncio.AbstractEventLoop) -> None:
    """Takes the events for a loop that cannot watch the queue, until the queue is over."""
    while True:
        taken = waits.take(-1)
        try:
            if taken is None:
                loop.call_soon_threadsafe(waits.finish)
                return
            loop.call_soon_threadsafe(waits.deliver, taken)
        except RuntimeError:
            waits.cancel()  # the loop is closed
            return


class _Polls(Polls):
    """For a call in an event loop."""

    def __init__(self, queue: _Queue, loop: asyncio.AbstractEventLoop, *, is_many: bool, takes_polls: bool) -> None:
        super().__init__(queue.waits, is_many=is_many, takes_polls=takes_polls)
        self._queue = queue
        self._loop = loop
        self._arrival: "Optional[asyncio.Future[None]]" = None

    def __enter__(self) -> "_Polls":
        self._calls = self._queue.begin(self, self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._queue.end(self, self._calls, self._loop)

    def put(self, poll: Poll) -> None:
        super().put(poll)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def next(self) -> Poll:
        while not self.there:
            self._arrival = self._loop.create_future()
            await self._arrival
        return self.there.popleft()

    async def next_end(self, report: Optional[Callable[[Progress], object]]) -> Poll:
        """The next end of a wait; the polls before it are reported."""
        while True:
            poll = await self.next()
            progress = None if report is None else poll.progress
            if report is not None and progress is not None:
                report(progress)
            if poll.has_ended:
                return poll


class _AsyncTokenSource(TokenSource):
    """Calls a token provider, and runs what it returns in an event loop if that is to be awaited."""

    loop: asyncio.AbstractEventLoop
    """That of the latest call."""
    _future: "Optional[concurrent.futures.Future[str]]" = None

    def answer(self, token: Any, answers: "queue.SimpleQueue[Answer]") -> None:
        if not inspect.isawaitable(token):
            return super().answer(token, answers)

        async def wait() -> Any:
            return await token

        def put(future: "concurrent.futures.Future[Any]") -> None:
            try:
                super(_AsyncTokenSource, self).answer(future.result(), answers)
            except BaseException as error:
                answers.put(error)

        waiting = wait()
        try:
            self._future = asyncio.run_coroutine_threadsafe(waiting, self.loop)
        except RuntimeError:  # the loop is closed
            for coroutine in (waiting, token):
                if inspect.iscoroutine(coroutine):
                    coroutine.close()
            raise
        self._future.add_done_callback(put)

    def close(self) -> None:
        super().close()
        if self._future is not None and not self.loop.is_closed():
            self._future.cancel()
