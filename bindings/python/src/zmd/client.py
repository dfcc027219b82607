"""The client."""

import ctypes
import datetime
import math
import operator
import os
from types import TracebackType
from typing import Any, Callable, Dict, Iterable, List, NoReturn, Optional, SupportsIndex, Tuple, Type, TypeVar, Union

from ._call import Call, Handle, Outcome, check, follow_log_level, refuse_when_exiting
from ._library import TokenFunction, library
from .errors import Error, ErrorCode
from .progress import Progress
from .status import Status

JobId = Union[str, SupportsIndex]
Job = Tuple[str, JobId]
Seconds = Union[None, float, datetime.timedelta]
Path = Union[str, "os.PathLike[str]"]
# Is told which token was refused, if one was, and returns another.
TokenProvider = Callable[[Optional[str]], str]
ClientT = TypeVar("ClientT", bound="Client")

_NUMBERS = {"timeout_ms", "connect_timeout_ms", "max_retries", "max_concurrency", "poll_min_ms", "poll_max_ms"}
_PATHS = {"token_cache", "ca_file", "extra_ca_file", "client_cert", "client_key", "config_file"}


class Client:
    """Asks Zoho CRM for the status of mass-delete jobs, and waits for their end.

    The keywords are the library's settings, which its README describes; None stands for the default. An access token
    is needed, or ``client_id`` and ``client_secret`` together with ``refresh_token`` or ``org_id``. Environment variables
    named ``ZMD_`` are not read: see :meth:`from_env`.

    ``access_token`` may be a function that returns one, such as from a vault. It is called when a token is needed, with
    the one that the service has refused, or None; on a thread of the library's own, one call at a time. It may block: a
    call that waits for it ends at its time limit all the same. What it raises is an :class:`OAuthError` of that call.

    Make one client and keep it: it keeps connections open between calls. Any number of threads may use it at the same
    time. After ``os.fork()``, and in a process that :mod:`multiprocessing` has forked, parent and child both go on
    using theirs. Every call can be interrupted with Ctrl-C, which does not disturb the calls of other threads.

    It is a context manager, which closes it. All of what it raises on its own account is an :class:`Error`, but for
    ``TypeError`` and ``ValueError`` where an argument is wrong, and ``ValueError`` after :meth:`close`.
    """

    def __init__(
        self,
        access_token: Union[str, TokenProvider, None] = None,
        *,
        refresh_token: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        org_id: Optional[str] = None,
        token_cache: Optional[Path] = None,
        data_center: Optional[str] = None,
        environment: Optional[str] = None,
        api_domain: Optional[str] = None,
        accounts_url: Optional[str] = None,
        api_version: Optional[str] = None,
        timeout_ms: Optional[int] = None,
        connect_timeout_ms: Optional[int] = None,
        max_retries: Optional[int] = None,
        max_concurrency: Optional[int] = None,
        poll_min_ms: Optional[int] = None,
        poll_max_ms: Optional[int] = None,
        proxy: Optional[str] = None,
        ca_file: Optional[Path] = None,
        extra_ca_file: Optional[Path] = None,
        client_cert: Optional[Path] = None,
        client_key: Optional[Path] = None,
    ) -> None:
        """Raises :class:`ConfigError` if a setting has a bad value, or is missing. Nothing is sent yet."""
        settings = dict(locals())
        del settings["self"]
        self._open(settings, from_env=False)

    @classmethod
    def from_env(
        cls: Type[ClientT],
        access_token: Union[str, TokenProvider, None] = None,
        *,
        refresh_token: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        org_id: Optional[str] = None,
        token_cache: Optional[Path] = None,
        data_center: Optional[str] = None,
        environment: Optional[str] = None,
        api_domain: Optional[str] = None,
        accounts_url: Optional[str] = None,
        api_version: Optional[str] = None,
        timeout_ms: Optional[int] = None,
        connect_timeout_ms: Optional[int] = None,
        max_retries: Optional[int] = None,
        max_concurrency: Optional[int] = None,
        poll_min_ms: Optional[int] = None,
        poll_max_ms: Optional[int] = None,
        proxy: Optional[str] = None,
        ca_file: Optional[Path] = None,
        extra_ca_file: Optional[Path] = None,
        client_cert: Optional[Path] = None,
        client_key: Optional[Path] = None,
        config_file: Optional[Path] = None,
        profile: Optional[str] = None,
    ) -> ClientT:
        """A client with the settings of the environment, ``ZMD_`` and the keyword in upper case, such as
        ``ZMD_ACCESS_TOKEN`` or ``ZMD_TIMEOUT_MS``, and of the configuration file, if there is one. A keyword that is
        given counts more than the environment, and the environment more than the file.

        :param config_file: the configuration file, instead of that of ``ZMD_CONFIG_FILE`` or the usual place
        :param profile: the profile in it, instead of that of ``ZMD_PROFILE`` or ``default``

        Raises :class:`ConfigError` if a setting has a bad value, or is missing.
        """
        settings = dict(locals())
        for name in ("cls", "config_file", "profile"):
            del settings[name]
        client = cls.__new__(cls)
        client._open(settings, from_env=True, config_file=config_file, profile=profile)
        return client

    def _open(
        self,
        settings: Dict[str, object],
        from_env: bool,
        config_file: Optional[Path] = None,
        profile: Optional[str] = None,
    ) -> None:
        follow_log_level()
        config, pointer = ctypes.c_void_p(), ctypes.c_void_p()
        check(library.zmd_config_new(ctypes.byref(config)))
        try:
            if from_env:
                check(library.zmd_config_load_env(config))
                named = [
                    None if value is None else _setting(name, value)
                    for name, value in (("config_file", config_file), ("profile", profile))
                ]
                check(library.zmd_config_load_file(config, *named))
            provider = settings["access_token"]
            provide = None
            if callable(provider):
                settings = {**settings, "access_token": None}
                provide = _token_function(provider)
                check(library.zmd_config_set_token_provider(config, provide, None))
            for key, value in settings.items():
                if value is not None:
                    check(library.zmd_config_set(config, key.encode(), _setting(key, value)))
            check(library.zmd_client_new(config, ctypes.byref(pointer)))
        finally:
            library.zmd_config_free(config)
        # None: closed.
        self._root: Optional[Handle] = Handle(pointer, provide)
        # Each call has a clone of the root for itself, so that it can be cancelled alone, and leaves it here for the
        # next, with its connections. Without a lock, which a fork could leave locked: one step of a list is enough.
        self._idle: List[Handle] = []

    def status(self, module: str, job_id: JobId) -> Status:
        """Asks how far a job is.

        :param module: the module's API name, such as ``"Leads"`` or ``"Sales_Orders"``
        :param job_id: the ``job_id`` that scheduling the mass delete answered
        :return: the status, whatever it is: a job that failed is an answer, not an error

        Takes ``timeout_ms`` at the most, retries included; then :class:`Timeout` is raised.
        """
        return _only(self._run([_job("", module, job_id)]))

    def status_many(self, jobs: Iterable[Job]) -> List[Union[Status, Error]]:
        """Asks how far each of many jobs is, with at most ``max_concurrency`` requests in flight.

        :param jobs: pairs of a module and a job id
        :return: in the order of the jobs, the status of each, or the error that it met: an error is not raised here.
            After :meth:`cancel` that is :class:`Cancelled`.
        """
        return self._run(_jobs(jobs))

    def wait(
        self,
        module: str,
        job_id: JobId,
        *,
        timeout: Seconds = None,
        progress: Optional[Callable[[Progress], object]] = None,
    ) -> Status:
        """Waits until a job has ended: until it is completed, failed, or in a state that this version does not know.

        It asks again and again, with pauses between ``poll_min_ms`` and ``poll_max_ms`` that it chooses by what the
        answers say of the progress. A failure that may pass (the network, HTTP 5xx or 429, ...) does not end the wait.

        :param module: as for :meth:`status`
        :param job_id: as for :meth:`status`
        :param timeout: the limit in seconds, or a ``timedelta``; None: there is none; 0: ask once
        :param progress: called after every poll, on the thread that waits. An exception in it ends the wait and
            arrives at the caller; what it returns does not matter.
        :return: the last status

        When the time is over, :class:`Timeout` is raised, with the last status in it.

        In :mod:`asyncio`: ``await asyncio.to_thread(client.wait, module, job_id)``.
        """
        return _only(self._run([_job("", module, job_id)], _milliseconds(timeout), progress))

    def wait_many(
        self,
        jobs: Iterable[Job],
        *,
        timeout: Seconds = None,
        progress: Optional[Callable[[Progress], object]] = None,
    ) -> List[Union[Status, Error]]:
        """Waits until many jobs have ended, with at most ``max_concurrency`` requests in flight.

        :param jobs: pairs of a module and a job id
        :param timeout: as for :meth:`wait`, for all of them together
        :param progress: as for :meth:`wait`
        :return: in the order of the jobs, the last status of each, or the error that it met: an error is not raised
            here. For a job that had not ended in time that is :class:`Timeout`, after :meth:`cancel`
            :class:`Cancelled`; both have the last status in them.
        """
        return self._run(_jobs(jobs), _milliseconds(timeout), progress)

    def set_access_token(self, access_token: str) -> None:
        """Replaces the access token. From any thread; calls that start after this one use it."""
        token = _setting("access_token", access_token)
        root = self._open_root()  # which is not freed before the call is over, if another thread closes the client
        check(library.zmd_client_set_access_token(root.pointer, token))

    def cancel(self) -> None:
        """Cancels the client, from any thread: every call of it ends with :class:`Cancelled`, every later one too.

        There is no way back. A client that is closed or cancelled already may be cancelled again.
        """
        root = self._root
        if root is not None:
            check(library.zmd_client_cancel(root.pointer))

    def close(self) -> None:
        """Closes the client and its connections, from any thread. Calls under way end with :class:`Cancelled`; later
        ones raise ``ValueError``. A client that is closed already may be closed again.
        """
        self.cancel()
        self._root = None
        self._idle.clear()

    def __enter__(self: ClientT) -> ClientT:
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client cannot be copied or pickled: make one where it is needed")

    def _open_root(self) -> Handle:
        root = self._root
        if root is None:
            raise ValueError("the client is closed")
        return root

    def _run(
        self,
        jobs: List[Tuple[str, str]],
        timeout_ms: Optional[int] = None,
        progress: Optional[Callable[[Progress], object]] = None,
    ) -> List[Outcome]:
        if progress is not None and not callable(progress):
            raise _type_error("progress", "callable", progress)
        root = self._open_root()
        refuse_when_exiting()
        if not jobs:
            return []
        follow_log_level()
        call = Call(self._check_out(root), jobs, timeout_ms, progress)
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


def _only(outcomes: List[Outcome]) -> Status:
    (outcome,) = outcomes
    if isinstance(outcome, Error):
        raise outcome
    return outcome


def _job(place: str, module: object, job_id: object) -> Tuple[str, str]:
    if not isinstance(job_id, str):
        job_id = _integer(f"{place}job_id", job_id, "a str or an int")
        if job_id < 0:
            raise ValueError(f"{place}job_id must not be negative")
        job_id = str(job_id)
    return _text(f"{place}module", module), _text(f"{place}job_id", job_id)


def _jobs(jobs: Iterable[Job]) -> List[Tuple[str, str]]:
    try:
        iterator = iter(jobs)
    except TypeError:
        raise _type_error("jobs", "an iterable of pairs of a module and a job id", jobs) from None
    pairs = []
    for index, job in enumerate(iterator):
        try:
            if isinstance(job, (str, dict)):
                raise TypeError
            module, job_id = job
        except (TypeError, ValueError):
            raise TypeError(f"jobs[{index}] must be a pair of a module and a job id, not {job!r:.80}") from None
        pairs.append(_job(f"jobs[{index}]: ", module, job_id))
    return pairs


def _token_function(provider: TokenProvider) -> Any:
    """What the library calls for a token. It is called on a thread of the library's own."""

    def provide(_user_data: Optional[int], refused: Optional[bytes], room: int, size: int) -> int:
        code = 0
        try:
            token = provider(None if refused is None else refused.decode())
            if not isinstance(token, str):
                raise _type_error("the access token that the provider returned", "a str", token)
            text = token.encode()
            if len(text) >= size or b"\0" in text:
                text = b""  # which the library refuses, with its rule
        except BaseException as error:
            code = 1
            text = f"{type(error).__name__}: {error}".encode("utf-8", "replace").replace(b"\0", b" ")[: size - 1]
        ctypes.memmove(room, text + b"\0", len(text) + 1)
        return code

    return TokenFunction(provide)


def _setting(key: str, value: object) -> bytes:
    if key in _NUMBERS:
        return b"%d" % _integer(key, value, "an int")
    expected = "a str"
    if key in _PATHS:
        expected = "a str or a path"
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
    try:
        return _text(key, value, expected).encode()
    except UnicodeEncodeError:
        raise ValueError(f"{key} must not contain a lone surrogate") from None


def _text(name: str, value: object, expected: str = "a str") -> str:
    if not isinstance(value, str):
        raise _type_error(name, expected, value)
    if "\0" in value:
        raise ValueError(f"{name} must not contain a NUL character")
    return value


def _integer(name: str, value: object, expected: str) -> int:
    # More types than int are whole numbers, such as those of a data frame; and one is that should not be.
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise _type_error(name, expected, value)
    return operator.index(value)


def _milliseconds(timeout: Seconds) -> int:
    """What the library takes: negative is no limit. Rounded up, because only 0 is to mean 0."""
    if timeout is None:
        return -1
    if isinstance(timeout, datetime.timedelta):
        timeout = timeout.total_seconds()
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise _type_error("timeout", "a number of seconds, a timedelta or None", timeout)
    if not timeout >= 0:
        raise ValueError(f"timeout must not be negative, or NaN: {timeout}")
    milliseconds = timeout * 1000
    return -1 if milliseconds >= 2**63 else math.ceil(milliseconds)


def _type_error(name: str, expected: str, value: object) -> TypeError:
    return TypeError(f"{name} must be {expected}, not {type(value).__name__}")
