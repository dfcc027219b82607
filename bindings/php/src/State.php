<?php

declare(strict_types=1);

namespace Zmd;

/** The state of a job. */
enum State: int
{
    /** A state that this version does not know; Status::$stateText has the text that the service sent. */
    case Unknown = 0;
    case Scheduled = 1;
    case Running = 2;
    /** The job has ended, perhaps without deleting all records: see Status::$isSuccessful. */
    case Completed = 3;
    /** The job has ended, and failed as a whole. */
    case Failed = 4;
    case Queued = 5;
    case Suspended = 6;
}
