<?php

declare(strict_types=1);

namespace Zmd\Exception;

use Zmd\Status;

/** A job has ended, and not all of its records are deleted: of a call with check. $status is its last one. */
final class JobFailedException extends ZmdException
{
    /** @internal */
    public function __construct(Status $status)
    {
        parent::__construct(
            "not all of the records are deleted: {$status->module} {$status->jobId}: $status", 0, 'JOB_FAILED', '',
            $status->module, $status->jobId, $status->httpStatus, $status);
    }
}
