"""libzmd by ctypes alone, with the function for hosts that have no structures: as in the README."""

import bench  # noqa: I001  (the clock first)
import ctypes
import os

os.environ.update(ZMD_ACCESS_TOKEN=bench.TOKEN, ZMD_API_DOMAIN=bench.URL)
library = ctypes.CDLL(os.environ["ZMD_LIBRARY"])
library.zmd_last_error.restype = ctypes.c_char_p
library.zmd_state_name.restype = ctypes.c_char_p
state = ctypes.c_int32()
total, deleted, failed = ctypes.c_int64(), ctypes.c_int64(), ctypes.c_int64()


def query():
    error = library.zmd_simple_status(
        bench.MODULE.encode(),
        bench.JOB.encode(),
        ctypes.byref(state),
        ctypes.byref(total),
        ctypes.byref(deleted),
        ctypes.byref(failed),
    )
    if error:
        raise SystemExit(library.zmd_last_error().decode())
    bench.check((library.zmd_state_name(state).decode(), total.value, deleted.value, failed.value))


bench.run(query)
