"""The shared library: where it is, and the types of its functions."""

import ctypes
import os
import sys
from ctypes import POINTER, c_char, c_char_p, c_int32, c_int64, c_size_t, c_void_p
from typing import Any, List

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


class RawJob(ctypes.Structure):
    """``zmd_job``"""

    _fields_ = [("module", c_char_p), ("job_id", c_char_p)]


ProgressFunction = ctypes.CFUNCTYPE(c_int32, c_void_p, c_size_t, c_int32, POINTER(RawStatus))
TokenFunction = ctypes.CFUNCTYPE(c_int32, c_void_p, c_char_p, c_void_p, c_size_t)
LogFunction = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_char_p)

# Without the types, ctypes would cut each pointer to an int.
_FUNCTIONS: Any = {
    "zmd_version": (c_char_p,),
    "zmd_error_message": (c_char_p, c_int32),
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
    "zmd_client_status_many": (
        c_int32,
        c_void_p,
        POINTER(RawJob),
        c_size_t,
        POINTER(RawStatus),
        POINTER(c_int32),
    ),
    "zmd_client_wait_many": (
        c_int32,
        c_void_p,
        POINTER(RawJob),
        c_size_t,
        c_int64,
        ProgressFunction,
        c_void_p,
        POINTER(RawStatus),
        POINTER(c_int32),
    ),
    "zmd_client_cancel": (c_int32, c_void_p),
    "zmd_client_free": (None, c_void_p),
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
        for name, (restype, *argtypes) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype = restype
            function.argtypes = argtypes
        version = library.zmd_version().decode()
    except AttributeError as error:
        problem = f"{path} is no libzmd, or one that is too old for zmd {__version__}: {error} ({remedy})"
        raise ImportError(problem, name="zmd", path=path) from error
    if _interface(version) != _interface(__version__):
        problem = f"{path} is libzmd {version}, which does not fit zmd {__version__} ({remedy})"
        raise ImportError(problem, name="zmd", path=path)
    return library


def _interface(version: str) -> List[str]:
    """The part of a version that changes when the interface does: the first number, or 0 and the second."""
    numbers = version.split(".")
    return numbers[:2] if numbers[0] == "0" else numbers[:1]


library = _load()
