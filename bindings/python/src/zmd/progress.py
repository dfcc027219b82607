"""What a wait tells of itself."""

import dataclasses
from typing import Optional

from .errors import Error
from .status import Status


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a poll brought during a wait: a status, or an error. After an error that may pass, the wait goes on."""

    index: int
    """The place of the job among those that are waited for; 0 in a wait for one."""
    module: str
    """The job's module."""
    job_id: str
    """The job's id."""
    status: Optional[Status]
    """How far the job is; None after an error."""
    error: Optional[Error]
    """Why that is not known, or None."""
