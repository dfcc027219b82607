"""The status of a job."""

import ctypes
import dataclasses
import enum
from typing import Any, Dict, Optional

from ._library import RawStatus, library


class _Named(enum.IntEnum):
    """Numbers that print as their names, on every version of Python: those differ about it."""

    def __str__(self) -> str:
        return self.name

    def __format__(self, format_spec: str) -> str:
        return format(self.name, format_spec)


class State(_Named):
    """How far a job is. A state prints as its name: ``COMPLETED``."""

    UNKNOWN = 0
    """A state that this version does not know: ``Status.state_text`` has the service's word."""
    SCHEDULED = 1
    """The job has not begun."""
    RUNNING = 2
    """Records are being deleted."""
    COMPLETED = 3
    """The job is over. Records that could not be deleted are still there: see ``Status.is_successful``."""
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
    """The status of a job. A count is None if it was not reported."""

    module: str
    """The job's module, as it was passed, without surrounding white space."""
    job_id: str
    """The job's id, as it was passed, as a string without surrounding white space."""
    state: State
    """How far the job is."""
    total_count: Optional[int] = None
    """Records that the job is to delete."""
    deleted_count: Optional[int] = None
    """Records deleted so far."""
    failed_count: Optional[int] = None
    """Records that could not be deleted so far."""
    state_text: str = ""
    """The service's name for the state, at most 31 bytes."""
    http_status: int = 200
    """The HTTP status of the response."""

    @property
    def is_successful(self) -> bool:
        """Whether every record is deleted: the job is completed, none failed, and none is missing from the total.

        A count that was not reported is ignored.
        """
        return bool(library.zmd_status_is_successful(self._raw()))

    @property
    def has_ended(self) -> bool:
        """Whether the job has ended: completed or failed. False for a state that this version does not know."""
        return bool(library.zmd_status_has_ended(self._raw()))

    def to_dict(self) -> Dict[str, Any]:
        """The fields by their names, and ``is_successful`` and ``has_ended``, for ``json.dumps()``. The state is its
        name."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields["state"] = self.state.name
        return {**fields, "is_successful": self.is_successful, "has_ended": self.has_ended}

    def __str__(self) -> str:
        """Such as ``Leads 1001: COMPLETED, 9 of 9 deleted, 0 failed``."""
        text = ctypes.create_string_buffer(256)
        library.zmd_status_text(self._raw(), text, len(text))
        return f"{self.module} {self.job_id}: {text.value.decode('utf-8', 'replace')}"

    def _raw(self) -> RawStatus:
        total, deleted, failed = (
            -1 if count is None else count for count in (self.total_count, self.deleted_count, self.failed_count)
        )
        # As the library cuts it, with a NUL behind it.
        state_text = self.state_text.encode("utf-8", "replace")[:31]
        return RawStatus(self.state, self.http_status, total, deleted, failed, state_text)


_STATES = {state.value: state for state in State}


def status_of(module: str, job_id: str, raw: RawStatus) -> Optional[Status]:
    """The status that the library wrote; None if there was no response."""
    text = raw.state_text.decode("utf-8", "replace")
    if not text:
        return None
    total, deleted, failed = raw.total_count, raw.deleted_count, raw.failed_count
    # Without __init__, which takes a frozen dataclass as long as all the rest of a call.
    status = object.__new__(Status)
    status.__dict__.update(
        module=module,
        job_id=job_id,
        state=_STATES.get(raw.state, State.UNKNOWN),
        total_count=None if total < 0 else total,
        deleted_count=None if deleted < 0 else deleted,
        failed_count=None if failed < 0 else failed,
        state_text=text,
        http_status=raw.http_status,
    )
    return status
