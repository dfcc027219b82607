"""What a wait reports."""

import dataclasses
from typing import Any, Dict, Optional, Union

from .errors import Error
from .status import Status


@dataclasses.dataclass(frozen=True)
class _Poll:
    index: int
    """The index of the job in the list of jobs; 0 in a wait for one."""
    module: str
    """The job's module."""
    job_id: str
    """The job's id."""
    elapsed: float
    """Seconds since the wait began."""
    next_poll: Optional[float]
    """Seconds until the next poll of the job; None: its wait has ended."""

    def to_dict(self) -> Dict[str, Any]:
        """The fields by their names, for ``json.dumps()``; ``status`` and ``error`` as their own ``to_dict()``."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value.to_dict() if isinstance(value, (Status, Error)) else value for name, value in fields.items()}


@dataclasses.dataclass(frozen=True)
class PollSucceeded(_Poll):
    """A poll that returned a status."""

    status: Status
    """How far the job is."""
    error: None = None
    remaining: Optional[float] = None
    """The forecast of the seconds until the job ends; None: its counts do not show yet how fast it is, or it has ended."""


@dataclasses.dataclass(frozen=True)
class PollFailed(_Poll):
    """A poll that failed. After a transient error the wait continues, see ``next_poll``."""

    error: Error
    """What happened."""
    status: None = None
    remaining: Optional[float] = None
    """The forecast of the seconds until the job ends; None: its counts do not show yet how fast it is, or it has ended."""


Progress = Union[PollSucceeded, PollFailed]
"""The result of a poll during a wait. Either ``status`` or ``error`` is None; type checkers understand
``if progress.status is not None:``."""


def progress_of(
    index: int,
    module: str,
    job_id: str,
    elapsed_ms: int,
    next_poll_ms: int,
    remaining_ms: int,
    outcome: Union[Status, Error],
) -> Progress:
    elapsed = elapsed_ms / 1000
    next_poll, remaining = (None if ms < 0 else ms / 1000 for ms in (next_poll_ms, remaining_ms))
    if isinstance(outcome, Error):
        return PollFailed(index, module, job_id, elapsed, next_poll, outcome, remaining=remaining)
    return PollSucceeded(index, module, job_id, elapsed, next_poll, outcome, remaining=remaining)
