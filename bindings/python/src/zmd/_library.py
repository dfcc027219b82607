"""The shared library: where it is, and the types of its functions."""

import ctypes
import os
import sys
from ctypes import POINTER, c_char, c_char_p, c_int32, c_int64, c_size_t, c_ssize_t, c_uint64, c_void_p
from typing import Any, Tuple

from ._version import __version__


class RawStatus(ctypes.Structure):
    """``zmd_status``"""

    state: int
    http_status: int
    total_count: int
    deleted_count: int
    failed_count: int
    state_text: bytes

    _fields_ = [
        ("state", c_int32),
        ("http_status", c_int32),
        ("total_count", c_int64),
        ("deleted_count", c_int64),
        ("failed_count", c_int64),
        ("state_text", c_char * 32),
    ]


class RawEvent(ctypes.Structure):
    """``zmd_event``"""

    id: int
    error: int
    has_ended: int
    elapsed_ms: int
    next_poll_ms: int
    status: RawStatus

    _fields_ = [
        ("id", c_uint64),
        ("error", c_int32),
        ("has_ended", c_int32),
        ("elapsed_ms", c_int64),
        ("next_poll_ms", c_int64),
        ("status", RawStatus),
    ]


class RawCounters(ctypes.Structure):
    """``zmd_counters``"""

    NAMES = (
        "calls",
        "polls",
        "retries",
        "rate_limits",
        "token_requests",
        "connections",
        "bytes_sent",
        "bytes_received",
        "waited_ms",
    )
    _fields_ = [(name, c_int64) for name in NAMES]


TokenFunction = ctypes.CFUNCTYPE(c_int32, c_void_p, c_char_p, c_void_p, c_size_t)
LogFunction = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_char_p)

# Without the types, ctypes would truncate each pointer to an int.
_FUNCTIONS: Any = {
    "zmd_version": (c_char_p,),
    "zmd_error_message": (c_char_p, c_int32),
    "zmd_error_is_transient": (c_int32, c_int32),
    "zmd_status_is_successful": (c_int32, POINTER(RawStatus)),
    "zmd_status_has_ended": (c_int32, POINTER(RawStatus)),
    "zmd_status_text": (c_size_t, POINTER(RawStatus), c_char_p, c_size_t),
    "zmd_last_error": (c_char_p,),
    "zmd_last_error_code": (c_char_p,),
    "zmd_last_error_of_job": (c_char_p, c_size_t),
    "zmd_last_error_code_of_job": (c_char_p, c_size_t),
    "zmd_config_new": (c_int32, POINTER(c_void_p)),
    "zmd_config_set": (c_int32, c_void_p, c_char_p, c_char_p),
    "zmd_config_load_env": (c_int32, c_void_p),
    "zmd_config_load_file": (c_int32, c_void_p, c_char_p, c_char_p),
    "zmd_config_set_token_provider": (c_int32, c_void_p, TokenFunction, c_void_p),
    "zmd_config_free": (None, c_void_p),
    "zmd_client_new": (c_int32, c_void_p, POINTER(c_void_p)),
    "zmd_client_clone": (c_int32, c_void_p, POINTER(c_void_p)),
    "zmd_client_set_access_token": (c_int32, c_void_p, c_char_p),
    "zmd_client_status_within": (c_int32, c_void_p, c_char_p, c_char_p, c_int64, POINTER(RawStatus)),
    "zmd_client_cancel": (c_int32, c_void_p),
    "zmd_client_counters": (c_int32, c_void_p, POINTER(RawCounters), c_size_t),
    "zmd_client_credits": (c_int64, c_void_p),
    "zmd_client_free": (None, c_void_p),
    "zmd_progress_remaining_ms": (c_int64,),
    "zmd_waits_new": (c_int32, c_void_p, POINTER(c_void_p)),
    "zmd_waits_add": (c_int32, c_void_p, c_char_p, c_char_p, c_int64, POINTER(c_uint64)),
    "zmd_waits_add_status": (c_int32, c_void_p, c_char_p, c_char_p, c_int64, POINTER(c_uint64)),
    "zmd_waits_remove": (c_int32, c_void_p, c_uint64),
    "zmd_waits_next": (c_int32, c_void_p, c_int64, POINTER(RawEvent)),
    "zmd_waits_handle": (c_ssize_t, c_void_p),
    "zmd_waits_cancel": (c_int32, c_void_p),
    "zmd_waits_free": (None, c_void_p),
    "zmd_set_logger": (c_int32, LogFunction, c_void_p, c_int32),
}

_SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")


def _load() -> ctypes.CDLL:
    path = os.environ.get("ZMD_LIBRARY")
    if path:
        remedy = "ZMD_LIBRARY names it; unset that for the one that came with this package"
    else:
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libzmd" + _SUFFIX)
        remedy = "install the package again, or name another library in the environment variable ZMD_LIBRARY"
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"cannot load libzmd from {path}: {error} ({remedy})", name="zmd", path=path) from error

    try:
        version = _function(library, "zmd_version", *_FUNCTIONS["zmd_version"])().decode()
        if not _serves(version, __version__):
            problem = f"{path} is libzmd {version}, which does not fit zmd {__version__} ({remedy})"
            raise ImportError(problem, name="zmd", path=path)
        for name, types in _FUNCTIONS.items():
            _function(library, name, *types)
    except AttributeError as error:
        problem = f"{path} is no libzmd, or one that is too old for zmd {__version__}: {error} ({remedy})"
        raise ImportError(problem, name="zmd", path=path) from error
    return library


def _function(library: ctypes.CDLL, name: str, restype: Any, *argtypes: Any) -> Any:
    function = getattr(library, name)
    function.restype = restype
    function.argtypes = argtypes
    return function


def _serves(version: str, required: str) -> bool:
    """Whether a library of this version has the required interface: it is as new, and has the same first number,
    which is that of its soname. A last number (0.1.2) adds nothing to the interface."""

    def numbers(text: str) -> Tuple[int, int]:
        major, minor = text.split(".")[:2]
        return int(major), int(minor)

    return numbers(version)[0] == numbers(required)[0] and numbers(version) >= numbers(required)


library = _load()
