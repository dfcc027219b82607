<?php

declare(strict_types=1);

namespace Zmd\Exception;

use Zmd\Library;
use Zmd\Status;

/**
 * A call that failed: there is a class for each kind of error. The message says in one line what happened and what to do;
 * getCode() is the error's number.
 */
class ZmdException extends \RuntimeException
{
    private const OAUTH = 29;
    private const CLASSES = [
        2 => InvalidArgumentException::class,
        3 => InvalidConfigException::class,
        10 => DnsException::class,
        11 => ConnectException::class,
        12 => TlsException::class,
        13 => ProxyException::class,
        14 => NetworkException::class,
        15 => TimeoutException::class,
        16 => CancelledException::class,
        17 => StalledException::class,
        20 => UnauthorizedException::class,
        21 => ScopeException::class,
        22 => ForbiddenException::class,
        23 => InvalidModuleException::class,
        24 => JobNotFoundException::class,
        25 => RateLimitedException::class,
        26 => ServerException::class,
        27 => ApiException::class,
        28 => BadResponseException::class,
        self::OAUTH => OAuthException::class,
        99 => InternalException::class,
    ];

    /** @internal */
    public function __construct(
        string $message,
        int $number,
        /** ZMD_ERR_JOB_NOT_FOUND */
        public readonly string $name,
        /** The API's own code, such as NO_PERMISSION; '' where there is none. */
        public readonly string $apiCode,
        /** The job of the call; null: it concerns none. */
        public readonly ?string $module,
        public readonly ?string $jobId,
        /** Of the failed response; 0: there was none. */
        public readonly int $httpStatus,
        /** Of a wait that did not end: the last status seen, if there was one. */
        public readonly ?Status $status,
        ?\Throwable $cause = null,
    ) {
        parent::__construct($message, $number, $cause);
    }

    /** Whether the same call may succeed later; a wait continues after such an error of a poll. */
    public function isTransient(): bool
    {
        // What the number does not say: a proxy that refused the credentials refuses them again.
        return Library::functions()->zmd_error_is_transient($this->getCode()) !== 0 && $this->httpStatus !== 407;
    }

    /** @internal */
    public static function check(int $number): void
    {
        if ($number !== 0) {
            throw self::ofCall($number);
        }
    }

    /** @internal of the last call */
    public static function ofCall(int $number, ?string $module = null, ?string $jobId = null): self
    {
        $zmd = Library::functions();
        return self::of($number, $zmd->zmd_last_error(), $zmd->zmd_last_error_code(), $module, $jobId, 0, null);
    }

    /** @internal of the event that the last call has returned */
    public static function ofEvent(int $number, string $module, string $jobId, int $httpStatus, ?Status $status): self
    {
        $zmd = Library::functions();
        return self::of(
            $number, $zmd->zmd_last_error_of_job(0), $zmd->zmd_last_error_code_of_job(0), $module, $jobId, $httpStatus, $status);
    }

    /** @internal what a token provider has thrown */
    public static function ofProvider(
        \Throwable $cause, string $message, ?string $module = null, ?string $jobId = null, ?Status $status = null): self
    {
        return self::of(self::OAUTH, $message, '', $module, $jobId, 0, $status, $cause);
    }

    private static function of(int $number, string $message, string $apiCode, mixed ...$about): self
    {
        $class = self::CLASSES[$number] ?? self::class;
        return new $class($message, $number, Library::functions()->zmd_error_name($number), $apiCode, ...$about);
    }
}
