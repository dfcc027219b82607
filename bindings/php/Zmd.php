<?php
/** libzmd through PHP's FFI: how far is a Zoho CRM mass-delete job? */

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

/** The status of a job. A count is null where it was not reported. */
final class Status implements \Stringable
{
    public function __construct(
        public readonly State $state,
        public readonly string $stateText,
        public readonly int $httpStatus,
        public readonly ?int $totalCount,
        public readonly ?int $deletedCount,
        public readonly ?int $failedCount,
        /** Whether all records were deleted: the job is COMPLETED, no record failed, and the deleted ones reach the total. */
        public readonly bool $isSuccessful,
        /** Whether the job has ended: COMPLETED or FAILED. */
        public readonly bool $hasEnded,
        private readonly string $text,
    ) {
    }

    /** One line for people: "COMPLETED, 9 of 9 deleted, 0 failed". Its wording may change. */
    public function __toString(): string
    {
        return $this->text;
    }
}

/** A call that failed. Its message says in one line what happened and what to do; getCode() is the error's number. */
final class Error extends \RuntimeException
{
    public const INVALID_ARGUMENT = 2;
    public const INVALID_CONFIG = 3;
    public const DNS = 10;
    public const CONNECT = 11;
    public const TLS = 12;
    public const PROXY = 13;
    public const NETWORK = 14;
    public const TIMEOUT = 15;
    public const CANCELLED = 16;
    public const UNAUTHORIZED = 20;
    public const SCOPE = 21;
    public const FORBIDDEN = 22;
    public const INVALID_MODULE = 23;
    public const JOB_NOT_FOUND = 24;
    public const RATE_LIMITED = 25;
    public const SERVER = 26;
    public const API = 27;
    public const BAD_RESPONSE = 28;
    public const OAUTH = 29;
    public const INTERNAL = 99;

    public function __construct(
        int $number,
        string $message,
        /** ZMD_ERR_JOB_NOT_FOUND */
        public readonly string $name,
        /** Whether the same call may succeed later; a wait continues after such an error of a poll. */
        public readonly bool $isTransient,
        /** The API's own code, such as NO_PERMISSION; '' where there is none. */
        public readonly string $apiCode,
        /** Of a status call or a wait: the status as the library wrote it, after a timeout the last one seen. */
        public readonly ?Status $status,
    ) {
        parent::__construct($message, $number);
    }
}

/** Asks how far jobs are. It keeps connections open between calls: make one, and keep it. */
final class Client
{
    private const DECLARATIONS = <<<'C'
        typedef struct zmd_config zmd_config;
        typedef struct zmd_client zmd_client;
        typedef struct zmd_status {
            int32_t state;
            int32_t http_status;
            int64_t total_count;
            int64_t deleted_count;
            int64_t failed_count;
            char state_text[32];
        } zmd_status;
        typedef int32_t (*zmd_progress_fn)(void *user_data, size_t index, int32_t error, const zmd_status *status);
        const char *zmd_version(void);
        const char *zmd_error_name(int32_t error);
        int32_t zmd_error_is_transient(int32_t error);
        const char *zmd_last_error(void);
        const char *zmd_last_error_code(void);
        int32_t zmd_config_new(zmd_config **config);
        int32_t zmd_config_set(zmd_config *config, const char *key, const char *value);
        int32_t zmd_config_load_env(zmd_config *config);
        int32_t zmd_config_load_file(zmd_config *config, const char *path, const char *profile);
        void zmd_config_free(zmd_config *config);
        int32_t zmd_client_new(const zmd_config *config, zmd_client **client);
        int32_t zmd_client_set_access_token(zmd_client *client, const char *access_token);
        int32_t zmd_client_status(zmd_client *client, const char *module, const char *job_id, zmd_status *status);
        int32_t zmd_client_wait(zmd_client *client, const char *module, const char *job_id, int64_t timeout_ms,
                                zmd_progress_fn progress, void *user_data, zmd_status *status);
        int32_t zmd_status_is_successful(const zmd_status *status);
        int32_t zmd_status_has_ended(const zmd_status *status);
        size_t zmd_status_text(const zmd_status *status, char *text, size_t size);
        void zmd_client_free(zmd_client *client);
        C;

    private static ?\FFI $library = null;
    private ?\FFI\CData $client;

    /**
     * A client with these settings only. The keys are those of zmd_config_set() in zmd.h.
     *
     * @param array<string, string|int> $settings
     */
    public function __construct(array $settings, bool $environment = false)
    {
        $zmd = self::library();
        $config = $zmd->new('zmd_config *');
        self::check($zmd->zmd_config_new(\FFI::addr($config)));
        try {
            if ($environment) {
                self::check($zmd->zmd_config_load_env($config));
                self::check($zmd->zmd_config_load_file($config, null, null));
            }
            foreach ($settings as $key => $value) {
                self::check($zmd->zmd_config_set($config, self::text('a key', $key), self::text($key, (string) $value)));
            }
            $client = $zmd->new('zmd_client *');
            self::check($zmd->zmd_client_new($config, \FFI::addr($client)));
            $this->client = $client;
        } finally {
            $zmd->zmd_config_free($config);
        }
    }

    /**
     * A client with the settings of the environment (ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...), and of the configuration
     * file, if there is one.
     *
     * @param array<string, string|int> $settings further ones, which take precedence
     */
    public static function fromEnvironment(array $settings = []): self
    {
        return new self($settings, true);
    }

    /** The version of the library. */
    public static function version(): string
    {
        return self::library()->zmd_version();
    }

    /** Gets the status of a job. A job that failed is a status, not an Error. */
    public function status(string $module, string $jobId): Status
    {
        $zmd = self::library();
        $status = $zmd->new('zmd_status');
        $error = $zmd->zmd_client_status(
            $this->handle(), self::text('module', $module), self::text('jobId', $jobId), \FFI::addr($status));
        return self::result($error, $status);
    }

    /**
     * Waits until a job has ended.
     *
     * @param ?float $timeout the limit for the whole wait in seconds; null: none
     * @param null|callable(Status, ?Error): mixed $progress called after every poll with the status and, where the poll
     *     failed, the error; if it returns false, and nothing else, this wait ends with Error::CANCELLED
     */
    public function wait(string $module, string $jobId, ?float $timeout = null, ?callable $progress = null): Status
    {
        $zmd = self::library();
        $status = $zmd->new('zmd_status');
        $thrown = null;
        // No exception may pass through the library: an exception of $progress is kept until the call has returned.
        $polled = $progress === null ? null : static function ($userData, $index, $number, $seen) use ($progress, &$thrown) {
            try {
                $result = self::statusOf($seen[0]);
                return $progress($result, $number === 0 ? null : self::error($number, $result)) === false ? 1 : 0;
            } catch (\Throwable $problem) {
                $thrown = $problem;
                return 1;
            }
        };
        $error = $zmd->zmd_client_wait(
            $this->handle(), self::text('module', $module), self::text('jobId', $jobId),
            $timeout === null ? -1 : (int) max(0, $timeout * 1000), $polled, null, \FFI::addr($status));
        if ($thrown !== null) {
            throw $thrown;
        }
        return self::result($error, $status);
    }

    /** Replaces the access token: calls that start after this one use it. */
    public function setAccessToken(string $accessToken): void
    {
        self::check(self::library()->zmd_client_set_access_token($this->handle(), self::text('accessToken', $accessToken)));
    }

    /** Closes the connections; also called when the last reference is dropped. */
    public function close(): void
    {
        if ($this->client !== null) {
            self::library()->zmd_client_free($this->client);
            $this->client = null;
        }
    }

    public function __destruct()
    {
        if (isset($this->client)) {
            $this->close();
        }
    }

    private function __clone()
    {
    }

    private function handle(): \FFI\CData
    {
        return $this->client ?? throw new \LogicException('the client is closed');
    }

    private static function library(): \FFI
    {
        $name = PHP_OS_FAMILY === 'Windows' ? 'zmd.dll' : (PHP_OS_FAMILY === 'Darwin' ? 'libzmd.dylib' : 'libzmd.so.0');
        return self::$library ??= \FFI::cdef(self::DECLARATIONS, getenv('ZMD_LIBRARY') ?: $name);
    }

    private static function text(string $name, string $value): string
    {
        if (str_contains($value, "\0")) {
            throw new \ValueError("$name has a NUL in it");
        }
        return $value;
    }

    private static function result(int $error, \FFI\CData $status): Status
    {
        $result = self::statusOf($status);
        self::check($error, $result);
        return $result;
    }

    private static function statusOf(\FFI\CData $status): Status
    {
        $zmd = self::library();
        $count = static fn (int $count): ?int => $count === -1 ? null : $count;
        $text = $zmd->new('char[256]');
        $zmd->zmd_status_text(\FFI::addr($status), $text, 256);
        return new Status(
            State::tryFrom($status->state) ?? State::Unknown,
            \FFI::string($status->state_text),
            $status->http_status,
            $count($status->total_count),
            $count($status->deleted_count),
            $count($status->failed_count),
            $zmd->zmd_status_is_successful(\FFI::addr($status)) !== 0,
            $zmd->zmd_status_has_ended(\FFI::addr($status)) !== 0,
            \FFI::string($text),
        );
    }

    private static function check(int $error, ?Status $status = null): void
    {
        if ($error !== 0) {
            throw self::error($error, $status);
        }
    }

    private static function error(int $number, ?Status $status): Error
    {
        $zmd = self::library();
        return new Error(
            $number, $zmd->zmd_last_error(), $zmd->zmd_error_name($number), $zmd->zmd_error_is_transient($number) !== 0,
            $zmd->zmd_last_error_code(), $status);
    }
}
