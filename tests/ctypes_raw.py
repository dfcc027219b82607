#!/usr/bin/env python3
"""The library from Python with nothing but ctypes: what a host language has to declare, and that it works.

    ctypes_raw.py PATH_OF_THE_LIBRARY

The environment names the stand-in server: ZMD_API_DOMAIN, ZMD_ACCESS_TOKEN and, for https, ZMD_CA_FILE.
"""

import ctypes
import os
import signal
import sys
import threading
import traceback
from ctypes import POINTER, byref, c_char, c_char_p, c_int32, c_int64, c_size_t, c_void_p

ZMD_OK = 0
ZMD_ERR_NULL_POINTER = 1
ZMD_ERR_INVALID_ARGUMENT = 2
ZMD_ERR_INVALID_CONFIG = 3
ZMD_ERR_UNAUTHORIZED = 20
ZMD_ERR_FORBIDDEN = 22
ZMD_ERR_JOB_NOT_FOUND = 24

ZMD_STATE_UNKNOWN = 0
ZMD_STATE_RUNNING = 2
ZMD_STATE_COMPLETED = 3

THREADS = 8
CALLS_PER_THREAD = 25
WATCHDOG_S = 600


class Status(ctypes.Structure):
    """zmd_status: fixed widths, so it is the same everywhere."""

    _fields_ = [
        ("state", c_int32),
        ("http_status", c_int32),
        ("total_count", c_int64),
        ("deleted_count", c_int64),
        ("failed_count", c_int64),
        ("state_text", c_char * 32),
    ]


class Job(ctypes.Structure):
    """zmd_job: two pointers, which ctypes keeps alive as long as the structure."""

    _fields_ = [("module", c_char_p), ("job_id", c_char_p)]


def load(path):
    """The library with the type of every function: without them ctypes would truncate each pointer to an int."""
    lib = ctypes.CDLL(path)
    for name, restype, argtypes in [
        ("zmd_version", c_char_p, []),
        ("zmd_error_name", c_char_p, [c_int32]),
        ("zmd_error_message", c_char_p, [c_int32]),
        ("zmd_state_name", c_char_p, [c_int32]),
        ("zmd_last_error", c_char_p, []),
        ("zmd_last_error_code", c_char_p, []),
        ("zmd_config_new", c_int32, [POINTER(c_void_p)]),
        ("zmd_config_set", c_int32, [c_void_p, c_char_p, c_char_p]),
        ("zmd_config_load_env", c_int32, [c_void_p]),
        ("zmd_config_free", None, [c_void_p]),
        ("zmd_client_new", c_int32, [c_void_p, POINTER(c_void_p)]),
        ("zmd_client_set_access_token", c_int32, [c_void_p, c_char_p]),
        ("zmd_client_status", c_int32, [c_void_p, c_char_p, c_char_p, POINTER(Status)]),
        (
            "zmd_client_status_many",
            c_int32,
            [c_void_p, POINTER(Job), c_size_t, POINTER(Status), POINTER(c_int32)],
        ),
        ("zmd_client_free", None, [c_void_p]),
        (
            "zmd_simple_status",
            c_int32,
            [c_char_p, c_char_p, POINTER(c_int32), POINTER(c_int64), POINTER(c_int64), POINTER(c_int64)],
        ),
    ]:
        function = getattr(lib, name)
        function.restype = restype
        function.argtypes = argtypes
    return lib


def succeed(lib, err):
    assert err == ZMD_OK, "{}: {}".format(lib.zmd_error_name(err).decode(), lib.zmd_last_error().decode())
    assert lib.zmd_last_error() == b"", lib.zmd_last_error()


def new_client(lib):
    client = c_void_p()
    succeed(lib, lib.zmd_client_new(None, byref(client)))
    assert client.value
    return client


def check_completed(lib, client):
    status = Status()
    succeed(lib, lib.zmd_client_status(client, b"Leads", b"1001", byref(status)))
    assert status.state == ZMD_STATE_COMPLETED, status.state
    assert status.http_status == 200, status.http_status
    assert (status.total_count, status.deleted_count, status.failed_count) == (9, 9, 0)
    assert status.state_text == b"COMPLETED", status.state_text


def check_failure(lib, client, job_id, expected, code):
    """The last error is read on the thread of the call, to which it belongs."""
    status = Status(state=7, http_status=7, total_count=7, deleted_count=7, failed_count=7, state_text=b"x" * 31)
    err = lib.zmd_client_status(client, b"Leads", job_id, byref(status))
    assert err == expected, "{!r}: {}: {}".format(job_id, lib.zmd_error_name(err), lib.zmd_last_error())
    assert lib.zmd_last_error_code() == code, lib.zmd_last_error_code()
    assert lib.zmd_last_error() != b""
    lib.zmd_last_error().decode("utf-8")
    assert status.state == ZMD_STATE_UNKNOWN
    assert (status.total_count, status.deleted_count, status.failed_count) == (-1, -1, -1)
    assert status.state_text == b""


def names(lib):
    assert lib.zmd_version() == b"0.1.0", lib.zmd_version()
    assert lib.zmd_error_name(ZMD_ERR_UNAUTHORIZED) == b"ZMD_ERR_UNAUTHORIZED"
    assert lib.zmd_state_name(ZMD_STATE_COMPLETED) == b"COMPLETED"
    for number in (-(2**31), -1, 4, 13, 98, 2**31 - 1):
        assert lib.zmd_error_name(number)
        assert lib.zmd_error_message(number)
        assert lib.zmd_state_name(number)


def config(lib):
    settings = c_void_p()
    client = c_void_p()
    succeed(lib, lib.zmd_config_new(byref(settings)))
    assert lib.zmd_config_set(settings, b"timeout_ms", b"soon") == ZMD_ERR_INVALID_CONFIG
    assert b"timeout_ms" in lib.zmd_last_error(), lib.zmd_last_error()
    succeed(lib, lib.zmd_config_load_env(settings))
    succeed(lib, lib.zmd_config_set(settings, b"timeout_ms", b"20000"))
    succeed(lib, lib.zmd_client_new(settings, byref(client)))
    lib.zmd_config_free(settings)
    succeed(lib, lib.zmd_client_set_access_token(client, os.environb[b"ZMD_ACCESS_TOKEN"]))
    check_completed(lib, client)
    lib.zmd_client_free(client)


def one_job(lib):
    client = new_client(lib)
    check_completed(lib, client)
    status = Status()
    succeed(lib, lib.zmd_client_status(client, b"Leads", b"1002", byref(status)))
    assert status.state == ZMD_STATE_RUNNING and status.total_count == 50000
    lib.zmd_client_free(client)


def errors(lib):
    client = new_client(lib)
    check_failure(lib, client, b"error-INVALID_TOKEN", ZMD_ERR_UNAUTHORIZED, b"INVALID_TOKEN")
    check_failure(lib, client, b"error-NO_PERMISSION", ZMD_ERR_FORBIDDEN, b"NO_PERMISSION")
    check_failure(lib, client, b"no id", ZMD_ERR_INVALID_ARGUMENT, b"")
    check_failure(lib, client, b"\xff", ZMD_ERR_INVALID_ARGUMENT, b"")
    check_failure(lib, client, None, ZMD_ERR_NULL_POINTER, b"")
    check_failure(lib, None, b"1001", ZMD_ERR_NULL_POINTER, b"")
    check_completed(lib, client)
    lib.zmd_client_free(client)


def many_jobs(lib):
    client = new_client(lib)
    jobs = (Job * 5)(
        Job(b"Leads", b"1001"),
        Job(b"Leads", b"error-NO_PERMISSION"),
        Job(b"Leads", None),
        Job(b"Leads", b"1002"),
        Job(b"Leads", b"1001"),
    )
    statuses = (Status * 5)()
    results = (c_int32 * 5)(*[77] * 5)
    err = lib.zmd_client_status_many(client, jobs, 5, statuses, results)
    assert err == ZMD_ERR_FORBIDDEN, lib.zmd_error_name(err)
    assert lib.zmd_last_error_code() == b"NO_PERMISSION", lib.zmd_last_error_code()
    assert list(results) == [ZMD_OK, ZMD_ERR_FORBIDDEN, ZMD_ERR_NULL_POINTER, ZMD_OK, ZMD_OK], list(results)
    assert [status.total_count for status in statuses] == [9, -1, -1, 50000, 9]
    assert [status.http_status for status in statuses] == [200, 403, 0, 200, 200]
    succeed(lib, lib.zmd_client_status_many(client, None, 0, None, None))
    lib.zmd_client_free(client)


def simple(lib):
    state = c_int32(-7)
    counts = [c_int64(-7) for _ in range(3)]
    succeed(lib, lib.zmd_simple_status(b"Leads", b"1001", byref(state), *[byref(count) for count in counts]))
    assert state.value == ZMD_STATE_COMPLETED
    assert [count.value for count in counts] == [9, 9, 0]
    succeed(lib, lib.zmd_simple_status(b"Leads", b"1001", None, None, None, None))


def threads(lib):
    """One client for all of them; ctypes lets go of the interpreter's lock, so the calls do run at once."""
    client = new_client(lib)
    failures = []

    def run(number):
        try:
            for _ in range(CALLS_PER_THREAD):
                check_completed(lib, client)
                if number % 2:
                    check_failure(lib, client, b"error-INVALID_TOKEN", ZMD_ERR_UNAUTHORIZED, b"INVALID_TOKEN")
                else:
                    check_failure(lib, client, b"error-NO_PERMISSION", ZMD_ERR_FORBIDDEN, b"NO_PERMISSION")
        except BaseException:
            failures.append(traceback.format_exc())

    running = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert not failures, "\n".join(failures)
    lib.zmd_client_free(client)


def in_child(what):
    """Starts a child that does it and ends, with 0 if it went well; an alarm ends it when it hangs."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(WATCHDOG_S)
            what()
            code = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return child


def check_ended_well(child):
    _, status = os.waitpid(child, 0)
    assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0, "a child ended with status {:#x}".format(status)


def fork(lib):
    client = new_client(lib)
    check_completed(lib, client)

    def use():
        for _ in range(20):
            check_completed(lib, client)
        check_failure(lib, client, b"error-INVALID_TOKEN", ZMD_ERR_UNAUTHORIZED, b"INVALID_TOKEN")

    def use_and_free():
        use()
        lib.zmd_client_free(client)

    children = [in_child(use_and_free) for _ in range(3)]
    use()
    for child in children:
        check_ended_well(child)
    check_completed(lib, client)
    lib.zmd_client_free(client)


def main():
    assert ctypes.sizeof(Status) == 64, ctypes.sizeof(Status)
    assert ctypes.sizeof(Job) == 2 * ctypes.sizeof(c_void_p), ctypes.sizeof(Job)
    lib = load(sys.argv[1])
    names(lib)
    config(lib)
    one_job(lib)
    errors(lib)
    many_jobs(lib)
    simple(lib)
    fork(lib)
    threads(lib)
    fork(lib)  # once more, in a process that has had threads
    print("ok ctypes_raw")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
