<?php

declare(strict_types=1);

namespace Zmd;

/** The status of a job. A count is null where it was not reported. */
final readonly class Status implements \Stringable, \JsonSerializable
{
    /** @internal */
    public function __construct(
        /** The job, as it was passed, without white space around it. */
        public string $module,
        public string $jobId,
        public State $state,
        /** The service's own word for the state. */
        public string $stateText,
        public int $httpStatus,
        public ?int $totalCount,
        public ?int $deletedCount,
        public ?int $failedCount,
        /** Whether all records were deleted: the job is COMPLETED, no record failed, and the deleted ones reach the total. */
        public bool $isSuccessful,
        /** Whether the job has ended: COMPLETED or FAILED. */
        public bool $hasEnded,
        private string $text,
    ) {
    }

    /** One line for people: "COMPLETED, 9 of 9 deleted, 0 failed". Its wording may change. */
    public function __toString(): string
    {
        return $this->text;
    }

    /** @return array<string, mixed> the properties, the state by its name */
    public function jsonSerialize(): array
    {
        return ['state' => $this->state->name] + array_diff_key(get_object_vars($this), ['text' => 0]);
    }

    /** @internal the status that the library has written; null if the service has reported none */
    public static function of(\FFI\CData $status, string $module, string $jobId): ?self
    {
        $zmd = Library::functions();
        $stateText = \FFI::string($status->state_text);
        if ($stateText === '') {
            return null;
        }
        $count = static fn (int $count): ?int => $count === -1 ? null : $count;
        $text = $zmd->new('char[256]');
        $zmd->zmd_status_text(\FFI::addr($status), $text, 256);
        return new self(
            $module,
            $jobId,
            State::tryFrom($status->state) ?? State::Unknown,
            $stateText,
            $status->http_status,
            $count($status->total_count),
            $count($status->deleted_count),
            $count($status->failed_count),
            $zmd->zmd_status_is_successful(\FFI::addr($status)) !== 0,
            $zmd->zmd_status_has_ended(\FFI::addr($status)) !== 0,
            \FFI::string($text),
        );
    }
}
