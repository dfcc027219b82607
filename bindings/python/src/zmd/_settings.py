"""From this package's arguments to those of the library."""

import ctypes
import datetime
import math
import operator
import os
from typing import Any, Callable, Dict, Iterable, List, Literal, Optional, SupportsIndex, Tuple, Type, Union

from ._handle import Root, check
from ._library import library
from ._tokens import TokenSource
from .errors import ArgumentError, ConfigError, Error, error_of

JobId = Union[str, SupportsIndex]
AnyJob = Tuple[str, JobId]
Seconds = Union[float, datetime.timedelta]
Path = Union[str, "os.PathLike[str]"]
DataCenter = Literal["us", "eu", "in", "au", "cn", "jp", "ca", "sa", "uk", "ae", "sg"]
Organization = Literal["production", "sandbox", "developer"]
LogLevel = Literal["off", "error", "warning", "info", "debug", "trace"]

_NUMBERS = {"max_retries", "max_concurrency"}
_SECONDS = {"timeout", "connect_timeout", "poll_min", "poll_max", "unreachable", "stalled"}
_PATHS = {"token_cache", "ca_file", "extra_ca_file", "client_cert", "client_key", "config_file", "log_file"}
_SECRETS = {"access_token", "refresh_token", "client_id", "client_secret"}


class Environment:
    """The settings of the environment and of the configuration file are read too."""

    def __init__(self, config_file: Optional[Path], profile: Optional[str]) -> None:
        self.config_file = None if config_file is None else _value("config_file", config_file)
        self.profile = None if profile is None else _value("profile", profile)


def open_client(
    settings: Dict[str, object],
    environment: Optional[Environment],
    token_source: Callable[[Callable[[Optional[str]], Any]], TokenSource],
) -> Root:
    """A client of the library."""
    config, pointer = ctypes.c_void_p(), ctypes.c_void_p()
    check(library.zmd_config_new(ctypes.byref(config)))
    try:
        if environment is not None:
            code = library.zmd_config_load_env(config)
            if code:
                raise _refusal_of_environment(code)
            code = library.zmd_config_load_file(config, environment.config_file, environment.profile)
            if code:
                raise _in_milliseconds(code, library.zmd_last_error().decode("utf-8", "replace"))
        tokens = None
        for name, value in settings.items():
            if name == "access_token" and callable(value):
                tokens = token_source(value)
                check(library.zmd_config_set_token_provider(config, tokens.function, None))
            elif value is not None:
                key = name + "_ms" if name in _SECONDS else name
                code = library.zmd_config_set(config, key.encode(), _value(name, value))
                if code:
                    raise _refusal(code, name, value)
        check(library.zmd_client_new(config, ctypes.byref(pointer)))
    finally:
        library.zmd_config_free(config)
    return Root(pointer, tokens)


def _refusal(code: int, name: str, value: object) -> Error:
    """The error, with the value unless it is a secret."""
    message = library.zmd_last_error()
    if not _is_secret(name, value):
        message += f", not {value!r:.80}".encode("utf-8", "backslashreplace")
    return error_of(code, message)


def _refusal_of_environment(code: int) -> Error:
    message = library.zmd_last_error().decode("utf-8", "replace")
    variable = message.split(":")[0]
    value = os.environ.get(variable, "")
    if value and not _is_secret(variable[len("ZMD_") :].lower(), value):
        message += f", not {value!r:.80}"
    return _in_milliseconds(code, message)


def _in_milliseconds(code: int, message: str) -> Error:
    """The library's message unchanged: in the environment and in the file, times are in milliseconds."""
    error = error_of(code, b"")
    error.args = (message,)
    return error


def _is_secret(name: str, value: object) -> bool:
    # A proxy's URL may have a password.
    return name in _SECRETS or (name == "proxy" and "@" in str(value))


def _value(name: str, value: Any) -> bytes:
    if name in _NUMBERS:
        return b"%d" % _integer(name, value, "an int")
    if name in _SECONDS:
        number = _milliseconds(name, value, "a number of seconds or a timedelta", ConfigError)
        return b"%d" % (10**18 if number == math.inf else math.ceil(number))
    expected = "a str"
    if name in _PATHS:
        expected = "a str or a path"
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
    text = _text(name, value, expected, ConfigError)
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{name} must not contain a lone surrogate") from None


def token_setting(value: object) -> bytes:
    try:
        return _text("access_token", value, "a str", ArgumentError).encode()
    except UnicodeEncodeError:
        raise ArgumentError("access_token must not contain a lone surrogate") from None


def timeout_ms(timeout: Optional[Seconds]) -> int:
    """The limit for the library: negative is no limit. Rounded up, so that only 0 becomes 0."""
    if timeout is None:
        return -1
    number = _milliseconds("timeout", timeout, "a number of seconds, a timedelta or None", ArgumentError)
    if not number >= 0:
        raise ArgumentError(f"timeout must not be negative, or NaN: {timeout}")
    return -1 if number >= 2**63 else math.ceil(number)


def status_timeout_ms(timeout: Optional[Seconds]) -> int:
    """The same for a status call: negative is the setting, and a limit that is too long is the maximum."""
    number = timeout_ms(timeout)
    if number == 0:
        raise ArgumentError("timeout must be more than 0 seconds, or None for that of the client")
    return 2**63 - 1 if number < 0 and timeout is not None else number


def _milliseconds(name: str, value: object, expected: str, error: Type[Error]) -> float:
    if isinstance(value, datetime.timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _type_error(name, expected, value)
    if isinstance(value, float) and math.isnan(value):
        raise error(f"{name} must not be negative, or NaN: {value}")
    return value * 1000


def one_job(module: object, job_id: object, place: str = "") -> Tuple[str, str]:
    if not isinstance(job_id, str):
        job_id = _integer(f"{place}job_id", job_id, "a str or an int")
        if job_id < 0:
            raise ArgumentError(f"{place}job_id must not be negative: {job_id}")
        job_id = str(job_id)
    # Trimmed as the library does it, so that a status has the names that were sent.
    return (
        _text(f"{place}module", module, "a str", ArgumentError).strip(),
        _text(f"{place}job_id", job_id, "a str", ArgumentError).strip(),
    )


def many_jobs(jobs: Iterable[AnyJob]) -> List[Tuple[str, str]]:
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
        pairs.append(one_job(module, job_id, f"jobs[{index}]: "))
    return pairs


def callback(progress: Any) -> Any:
    if progress is not None and not callable(progress):
        raise _type_error("progress", "callable", progress)
    return progress


def _text(name: str, value: object, expected: str, error: Type[Error]) -> str:
    if not isinstance(value, str):
        raise _type_error(name, expected, value)
    if "\0" in value:
        raise error(f"{name} must not contain a NUL character")
    return value


def _integer(name: str, value: object, expected: str) -> int:
    # More types than int are whole numbers, such as those of a data frame; bool should not be one.
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise _type_error(name, expected, value)
    return operator.index(value)


def _type_error(name: str, expected: str, value: object) -> TypeError:
    return TypeError(f"{name} must be {expected}, not {type(value).__name__}")
