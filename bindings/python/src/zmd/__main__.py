"""``python -m zmd``: prints how far mass-delete jobs are, or waits for their end."""

import argparse
import contextlib
import errno
import importlib
import io
import os
import re
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Dict, List, NoReturn, Optional, Sequence, TextIO, Tuple, Type, Union

from . import Client, Error, ErrorCode, Progress, State, Status, Timeout, __version__

# Of several jobs, the one with the highest counts.
_COMPLETED, _FAILED, _NOT_YET, _ERROR, _SIGNAL = 0, 1, 2, 3, 128
_EXIT_STATUS = {State.COMPLETED: _COMPLETED, State.FAILED: _FAILED}

_EPILOG = """\
Ctrl-C (SIGINT) and SIGTERM end the asking, not the jobs.

The settings come from the environment: ZMD_ACCESS_TOKEN, or ZMD_REFRESH_TOKEN, ZMD_CLIENT_ID and
ZMD_CLIENT_SECRET together, then ZMD_DATA_CENTER, ZMD_TIMEOUT_MS and the others that the README of
libzmd lists.

Exit status: 0 the job is completed, 1 it has failed, 2 it is not at its end yet, also not when the
time of --timeout was over (or in a state that this version does not know), 3 there was an error,
which standard error then tells, or no answer in time. Of several jobs the highest of these counts.
130 after SIGINT, 143 after SIGTERM.
"""

_Job = Tuple[str, str]


class _Terminated(BaseException):
    """SIGTERM came."""


def main() -> int:
    """Does what the command line says, and returns the exit status."""
    try:
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _terminate)
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Whatever the locale says; and an argument is printed as it was given.
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
        exit_status = _answer(_parser().parse_args())
        _flush_output()
        return exit_status
    except KeyboardInterrupt:
        _tell("zmd: interrupted before the answer was there; what the service does goes on")
        return _SIGNAL + signal.SIGINT
    except _Terminated:
        _tell("zmd: terminated before the answer was there; what the service does goes on")
        return _SIGNAL + signal.SIGTERM
    except OSError as error:
        _tell(f"zmd: cannot write to standard output: {error.strerror}")
        _discard(sys.stdout)
        return _ERROR


def _terminate(_signal: int, _frame: Optional[FrameType]) -> NoReturn:
    raise _Terminated


# ---- The command line ----


class _Parser(argparse.ArgumentParser):
    """One with the exit status of this program, and which minds that its help could not be written."""

    def _print_message(self, message: str, file: object = None) -> None:
        print(message, end="")

    def error(self, message: str) -> NoReturn:
        _tell(f"zmd: {_plain(message)} (try python -m zmd --help)")
        raise SystemExit(_ERROR)

    def exit(self, status: int = 0, message: Optional[str] = None) -> NoReturn:
        _flush_output()
        raise SystemExit(status)


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument(
        "--json", action="store_true", help="print one line of JSON a job; a count that was not reported is null"
    )
    common.add_argument("module", metavar="MODULE", help="the API name of the module, such as Leads or Sales_Orders")
    common.add_argument(
        "job_ids", metavar="JOB_ID", nargs="+", help="the job_id that was answered when the deletion was scheduled"
    )
    parser = _Parser(
        prog="python -m zmd",
        description="Prints how far Zoho CRM mass-delete jobs are, one line a job, in the order of the arguments.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"zmd {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="status|wait", required=True)
    commands.add_parser("status", parents=[common], allow_abbrev=False, help="ask once")
    wait = commands.add_parser(
        "wait",
        parents=[common],
        allow_abbrev=False,
        help="come back when every job has ended; standard error tells of the progress",
    )
    wait.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        help="wait no longer than that; fractions are fine, 0 asks once; without it there is no limit",
    )
    return parser


def _seconds(text: str) -> float:
    if re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", text) is None:  # float() takes more: signs, exponents, "inf"
        raise argparse.ArgumentTypeError(f"a number of seconds such as 90 or 0.5 is needed, not {text!r}")
    return float(text)


# ---- The answer ----


def _answer(options: argparse.Namespace) -> int:
    jobs = [(options.module, job_id) for job_id in options.job_ids]
    is_wait = options.command == "wait"
    display = _Display(jobs)
    outcomes: Sequence[Union[Status, Error]]
    try:
        with Client.from_env() as client:
            if is_wait:
                with display:
                    outcomes = client.wait_many(jobs, timeout=options.timeout, progress=display.hear)
            else:
                outcomes = client.status_many(jobs)
    except Error as error:
        _tell(f"zmd: {error}")
        outcomes = [error] * len(jobs)
        display.told = [error.code] * len(jobs)

    exit_status = _COMPLETED
    late = 0
    for index, (job, outcome) in enumerate(zip(jobs, outcomes)):
        is_late = is_wait and isinstance(outcome, Timeout)
        late += is_late
        status = outcome.last_status if isinstance(outcome, Timeout) else outcome
        if isinstance(status, Status):
            print(_json_status(job, status) if options.json else _plain_status(job, status))
            exit_status = max(exit_status, _EXIT_STATUS.get(status.state, _NOT_YET))
        elif isinstance(outcome, Error):
            if is_late or outcome.code != display.told[index]:
                display.tell_error(index, outcome)
            if options.json:
                print(_json_error(job, outcome))
            exit_status = _ERROR
    if late:
        unended = "the job has" if len(jobs) == 1 else f"{late} of {len(jobs)} jobs have"
        _tell(f"zmd: the time is over, and {unended} not ended")
    return exit_status


def _plain_status(job: _Job, status: Status) -> str:
    total, deleted, failed = status.total_count, status.deleted_count, status.failed_count
    if deleted is not None and total is not None:
        counts = f"{deleted} of {total} deleted"
    elif deleted is not None:
        counts = f"{deleted} deleted, total not reported"
    elif total is not None:
        counts = f"deleted not reported of {total}"
    else:
        counts = "deleted and total not reported"
    # A state that is not known is best told in the service's own word.
    state = status.state_text if status.state == State.UNKNOWN else status.state.name
    failures = "failed not reported" if failed is None else f"{failed} failed"
    return f"{_plain_job(job)}: {_plain(state)}, {counts}, {failures}"


def _plain_job(job: _Job) -> str:
    return _plain(" ".join(job))


def _plain(text: str) -> str:
    """Text for people: no control character of it may reach their terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", text)


def _json_status(job: _Job, status: Status) -> str:
    return _json(
        module=job[0],
        job_id=job[1],
        state=status.state.name,
        status=status.state_text,
        total=status.total_count,
        deleted=status.deleted_count,
        failed=status.failed_count,
        http_status=status.http_status,
    )


def _json_error(job: _Job, error: Error) -> str:
    return _json(
        module=job[0],
        job_id=job[1],
        error="ZMD_ERR_" + (error.code.name if isinstance(error.code, ErrorCode) else "?"),
        code=error.api_code,
        message=str(error),
        http_status=error.http_status,
    )


def _json(**fields: Union[str, int, None]) -> str:
    return "{" + ",".join(f'"{name}":{_json_value(value)}' for name, value in fields.items()) + "}"


def _json_value(value: Union[str, int, None]) -> str:
    if isinstance(value, str):
        return '"' + re.sub(r'["\\\x00-\x1f\x7f\ud800-\udfff]', _json_escape, value) + '"'
    return "null" if value is None else str(value)


def _json_escape(match: "re.Match[str]") -> str:
    character = match.group()
    if character in '"\\':
        return "\\" + character
    # A surrogate is a byte of an argument that was not UTF-8.
    return "\\u%04x" % (ord(character) if character < "\ud800" else 0xFFFD)


# ---- The progress of a wait ----


class _Display:
    """What standard error shows of a wait: a terminal one line that is drawn again and again, anything else a line for
    each change.
    """

    def __init__(self, jobs: List[_Job]) -> None:
        self.told: List[int] = [0] * len(jobs)  # the error of a job that was told last
        self._jobs = jobs
        self._statuses: Dict[int, Status] = {}
        self._bar: Union[_TqdmBar, _Bar, None] = None

    def __enter__(self) -> "_Display":
        if sys.stderr is not None and sys.stderr.isatty():
            try:
                self._bar = _TqdmBar(importlib.import_module("tqdm").tqdm)
            except ImportError:
                self._bar = _Bar()
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def hear(self, progress: Progress) -> None:
        index, status, error = progress.index, progress.status, progress.error
        if error is not None and error.code != self.told[index]:
            if self._bar is not None:
                self._bar.erase()
            self.tell_error(index, error)
        self.told[index] = 0 if error is None else error.code
        if status is not None:
            if self._bar is None and status != self._statuses.get(index):
                _tell(_plain_status(self._jobs[index], status))
            self._statuses[index] = status
        if self._bar is not None and self._statuses:
            self._draw(self._bar)

    def tell_error(self, index: int, error: Error) -> None:
        place = f"{_plain_job(self._jobs[index])}: " if len(self._jobs) > 1 else ""  # not every sentence names its job
        _tell(f"zmd: {place}{error}")

    def _draw(self, bar: "Union[_TqdmBar, _Bar]") -> None:
        statuses = self._statuses.values()
        total = sum(status.total_count or 0 for status in statuses)
        deleted = sum(status.deleted_count or 0 for status in statuses)
        failed = sum(status.failed_count or 0 for status in statuses)
        text = f"{failed} failed"
        if len(self._jobs) > 1:
            text += f", {sum(status.has_ended for status in statuses)} of {len(self._jobs)} jobs ended"
        bar.draw(deleted, failed, total, text)


class _TqdmBar:
    """A line that tqdm draws."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bar: Any = None

    def draw(self, deleted: int, failed: int, total: int, text: str) -> None:
        if self._bar is None:  # not before: what was deleted when the wait began counts for no rate
            self._bar = self._tqdm(
                initial=deleted + failed, unit=" records", file=sys.stderr, leave=False, dynamic_ncols=True
            )
        self._bar.total = total or None
        self._bar.n = deleted + failed
        self._bar.set_postfix_str(text)

    def erase(self) -> None:
        if self._bar is not None:
            self._bar.clear()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


class _Bar:
    """A line without tqdm."""

    def draw(self, deleted: int, failed: int, total: int, text: str) -> None:
        text = f"{deleted} of {total or '?'} deleted, {text}"
        if total:
            part = min((deleted + failed) / total, 1.0)
            text = f"[{'#' * int(part * 30):-<30}] {part:4.0%} {text}"
        self._put(text)

    def erase(self) -> None:
        self._put("", "\r")

    close = erase

    def _put(self, text: str, end: str = "") -> None:
        width = (os.get_terminal_size(sys.stderr.fileno()).columns or 80) - 1  # some wrap after the last column
        _tell(f"\r{text:<{width}.{width}}", end)


# ---- Standard output and standard error ----


def _tell(text: str, end: str = "\n") -> None:
    if sys.stderr is not None:
        try:
            print(text, end=end, file=sys.stderr, flush=True)
        except OSError:
            _discard(sys.stderr)


def _flush_output() -> None:
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    sys.stdout.flush()


def _discard(stream: Optional[TextIO]) -> None:
    """What could not be written must not be tried again at the end of the interpreter, which would fail of it."""
    if stream is not None:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
