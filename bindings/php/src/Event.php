<?php

declare(strict_types=1);

namespace Zmd;

use Zmd\Exception\ZmdException;

/** A poll of a job that is waited for: either $status or $error is null. */
final readonly class Event implements \Stringable, \JsonSerializable
{
    /** @internal */
    public function __construct(
        /** What Waits::add() returned. */
        public int $id,
        public string $module,
        public string $jobId,
        /** How far the job is. */
        public ?Status $status,
        /** Why the poll failed; unless $hasEnded the wait continues. */
        public ?ZmdException $error,
        /** Whether the wait has ended, and this is its last event. */
        public bool $hasEnded,
        /** Seconds since the wait began. */
        public float $elapsed,
        /** Seconds until the job's next poll; null: the wait has ended. */
        public ?float $nextPoll,
        /** Seconds until the job ends, as far as its counts show it. */
        public ?float $remaining,
    ) {
    }

    /** The line of the status or of the error. */
    public function __toString(): string
    {
        return $this->error?->getMessage() ?? (string) $this->status;
    }

    /** @return array<string, mixed> the properties */
    public function jsonSerialize(): array
    {
        return ['error' => $this->error?->getMessage()] + get_object_vars($this);
    }
}
