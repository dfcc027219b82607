"""What the service says of a job."""

import dataclasses
import enum
from typing import Optional

from ._library import RawStatus


class State(enum.IntEnum):
    """How far a job is."""

    UNKNOWN = 0
    """A state that this version does not know: ``Status.state_text`` has the service's word."""
    SCHEDULED = 1
    """The job has not begun."""
    RUNNING = 2
    """Records are being deleted."""
    COMPLETED = 3
    """The job is over. Look at ``failed_count``: records that could not be deleted are still there."""
    FAILED = 4
    """The job is over, and failed as a whole."""
    QUEUED = 5
    """The job waits for its turn."""
    SUSPENDED = 6
    """The job was interrupted, and is not over."""

    @classmethod
    def _missing_(cls, value: object) -> Optional["State"]:
        return cls.UNKNOWN if isinstance(value, int) else None


@dataclasses.dataclass(frozen=True)
class Status:
    """What the service says of a job. A count is None where it was not reported."""

    state: State
    """How far the job is."""
    total_count: Optional[int]
    """Records that the job is to delete."""
    deleted_count: Optional[int]
    """Records deleted so far."""
    failed_count: Optional[int]
    """Records that could not be deleted so far."""
    state_text: str
    """The service's word for the state, as it sent it; of a long one the beginning."""
    http_status: int
    """The HTTP status of the answer."""

    @property
    def has_ended(self) -> bool:
        """Whether the job is over: completed or failed."""
        return self.state in (State.COMPLETED, State.FAILED)


def status_of(raw: RawStatus) -> Optional[Status]:
    """The status that the library wrote; None where the service told none."""
    text = raw.state_text.decode("utf-8", "replace")
    if not text:
        return None
    total, deleted, failed = (
        None if count < 0 else count for count in (raw.total_count, raw.deleted_count, raw.failed_count)
    )
    return Status(State(raw.state), total, deleted, failed, text, raw.http_status)
