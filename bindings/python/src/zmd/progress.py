"""What a wait reports."""

import dataclasses
from typing import Optional, Union

from .errors import Error
from .status import Status


@dataclasses.dataclass(frozen=True)
class _Poll:
    index: int
    """The place of the job among those that are waited for; 0 in a wait for one."""
    module: str
    """The job's module."""
    job_id: str
    """The job's id."""
    elapsed: float
    """Seconds since the wait began."""
    next_poll: Optional[float]
    """Seconds until the job is asked for again; None: it is not, its wait has ended."""


@dataclasses.dataclass(frozen=True)
class PollSucceeded(_Poll):
    """A poll that brought a status."""

    status: Status
    """How far the job is."""
    error: None = None


@dataclasses.dataclass(frozen=True)
class PollFailed(_Poll):
    """A poll that failed. After a transient error the wait goes on, see ``next_poll``."""

    error: Error
    """What happened."""
    status: None = None


Progress = Union[PollSucceeded, PollFailed]
"""What a poll brought during a wait. Either ``status`` or ``error`` is None; ``if progress.status is not None:`` tells
type checkers too which of the two it is."""


def progress_of(
    index: int,
    module: str,
    job_id: str,
    elapsed_ms: int,
    next_poll_ms: int,
    outcome: Union[Status, Error],
) -> Progress:
    elapsed = elapsed_ms / 1000
    next_poll = None if next_poll_ms < 0 else next_poll_ms / 1000
    if isinstance(outcome, Error):
        return PollFailed(index, module, job_id, elapsed, next_poll, outcome)
    return PollSucceeded(index, module, job_id, elapsed, next_poll, outcome)
