<?php

declare(strict_types=1);

namespace Zmd;

use Zmd\Exception\JobFailedException;
use Zmd\Exception\ZmdException;

/**
 * Asks how far jobs are. It keeps connections open between calls: make one, and keep it.
 *
 * The settings are those of zmd_config_set() in zmd.h. access_token may be a function that returns a token, for example from a
 * vault: it is called at once with null, and later, during a call, with the token that the service has refused. What it throws is
 * the previous exception of an OAuthException. A name of a function, which is a string, is a token.
 *
 * @phpstan-type Settings array{
 *     access_token?: string|callable(?string): string,
 *     refresh_token?: string,
 *     client_id?: string,
 *     client_secret?: string,
 *     org_id?: string,
 *     token_cache?: string,
 *     data_center?: string,
 *     environment?: string,
 *     api_domain?: string,
 *     accounts_url?: string,
 *     api_version?: string,
 *     timeout_ms?: int,
 *     connect_timeout_ms?: int,
 *     max_retries?: int,
 *     max_concurrency?: int,
 *     poll_min_ms?: int,
 *     poll_max_ms?: int,
 *     unreachable_ms?: int,
 *     stalled_ms?: int,
 *     proxy?: string,
 *     ca_file?: string,
 *     extra_ca_file?: string,
 *     client_cert?: string,
 *     client_key?: string,
 *     log_file?: string,
 *     log_level?: string,
 * }
 */
final class Client
{
    private ?\FFI\CData $client = null;
    private ?Tokens $tokens = null;
    /** The queue of the last call, for the connections that it keeps open. */
    private ?Waits $idle = null;

    /**
     * A client with these settings only.
     *
     * @param Settings $settings
     */
    public function __construct(#[\SensitiveParameter] array $settings)
    {
        $this->open($settings, static fn () => null);
    }

    /**
     * A client with the settings of the environment (ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...), and of the configuration
     * file, if there is one.
     *
     * @param Settings $settings further ones, which take precedence
     * @param ?string $profile of the configuration file
     * @param ?string $configFile another configuration file
     */
    public static function fromEnvironment(
        #[\SensitiveParameter] array $settings = [], ?string $profile = null, ?string $configFile = null): self
    {
        $client = (new \ReflectionClass(self::class))->newInstanceWithoutConstructor();
        $client->open($settings, static function (\FFI\CData $config) use ($profile, $configFile): void {
            $zmd = Library::functions();
            ZmdException::check($zmd->zmd_config_load_env($config));
            ZmdException::check($zmd->zmd_config_load_file($config, $configFile, $profile));
        });
        return $client;
    }

    /** The version of the library. */
    public static function version(): string
    {
        return Library::functions()->zmd_version();
    }

    /**
     * Gets the status of a job. A job that failed is a status, not an error.
     *
     * @param ?float $timeout the limit in seconds; null: the setting timeout_ms
     * @throws ZmdException
     */
    public function status(string $module, string $jobId, ?float $timeout = null): Status
    {
        return self::statusOrThrow($this->statusMany([[$module, $jobId]], $timeout)[0]);
    }

    /**
     * Gets the status of many jobs, with at most max_concurrency requests in flight.
     *
     * @param array<array-key, array{string, string}> $jobs pairs of a module and a job id
     * @param ?float $timeout the limit for each in seconds; null: the setting timeout_ms
     * @return array<array-key, Status|ZmdException> the outcome of each, with the keys of $jobs
     */
    public function statusMany(array $jobs, ?float $timeout = null): array
    {
        return $this->run($jobs, static fn (Waits $waits, array $job) => $waits->addStatus($job[0], $job[1], $timeout), null, false);
    }

    /**
     * Waits until a job has ended.
     *
     * @param ?float $timeout the limit for the whole wait in seconds; 0: poll once; null: none
     * @param null|callable(Event): mixed $progress called after every poll but one whose error ends the wait; if it returns
     *     false, and nothing else, the wait ends with a CancelledException; what it throws ends the wait too
     * @param bool $check throw a JobFailedException unless all records were deleted
     * @throws ZmdException
     */
    public function wait(
        string $module, string $jobId, ?float $timeout = null, ?callable $progress = null, bool $check = false): Status
    {
        return self::statusOrThrow($this->waitMany([[$module, $jobId]], $timeout, $progress, $check)[0]);
    }

    /**
     * Waits until many jobs have ended, with at most max_concurrency requests in flight.
     *
     * @param array<array-key, array{string, string}> $jobs pairs of a module and a job id
     * @param ?float $timeout as for wait(), for all of them together
     * @param null|callable(Event, int|string): mixed $progress as for wait(), with the job's key in $jobs; false ends all waits
     * @param bool $check a JobFailedException in place of a status unless all records were deleted
     * @return array<array-key, Status|ZmdException> the outcome of each, with the keys of $jobs
     */
    public function waitMany(array $jobs, ?float $timeout = null, ?callable $progress = null, bool $check = false): array
    {
        return $this->run($jobs, static fn (Waits $waits, array $job) => $waits->add($job[0], $job[1], $timeout), $progress, $check);
    }

    /** A queue, to which waits can be added at any time. */
    public function waits(): Waits
    {
        return new Waits($this->handle(), $this->tokens);
    }

    /** Replaces the access token: calls that start after this one use it. */
    public function setAccessToken(#[\SensitiveParameter] string $accessToken): void
    {
        ZmdException::check(Library::functions()->zmd_client_set_access_token(
            $this->handle(), Library::text('accessToken', $accessToken)));
        if ($this->tokens !== null) {
            $this->tokens->token = $accessToken;
        }
    }

    /** How many API credits remained when the service last told, which it does once half of them are used; null: it has not. */
    public function credits(): ?int
    {
        $credits = Library::functions()->zmd_client_credits($this->handle());
        return $credits < 0 ? null : $credits;
    }

    /**
     * What the client and its queues have done.
     *
     * @return array{calls: int, polls: int, retries: int, rate_limits: int, token_requests: int, connections: int,
     *     bytes_sent: int, bytes_received: int, waited_ms: int}
     */
    public function counters(): array
    {
        $zmd = Library::functions();
        $counters = $zmd->new('zmd_counters');
        ZmdException::check($zmd->zmd_client_counters($this->handle(), \FFI::addr($counters), \FFI::sizeof($counters)));
        $names = ['calls', 'polls', 'retries', 'rate_limits', 'token_requests', 'connections', 'bytes_sent', 'bytes_received', 'waited_ms'];
        return array_combine($names, array_map(static fn (string $name): int => $counters->$name, $names));
    }

    /** Closes the connections; also called when the last reference is dropped. */
    public function close(): void
    {
        $this->idle = null;
        if ($this->client !== null) {
            Library::functions()->zmd_client_free($this->client);
            $this->client = null;
        }
        if ($this->tokens !== null) {
            $this->tokens->client = null;
        }
    }

    public function __destruct()
    {
        $this->close();
    }

    private function __clone()
    {
    }

    /** @param callable(\FFI\CData): void $load reads further settings */
    private function open(#[\SensitiveParameter] array $settings, callable $load): void
    {
        $zmd = Library::functions();
        $provider = $settings['access_token'] ?? null;
        if (is_callable($provider) && !is_string($provider)) {
            $this->tokens = new Tokens($provider(...));
            $settings['access_token'] = $this->tokens->token;
        }
        $config = $zmd->new('zmd_config *');
        ZmdException::check($zmd->zmd_config_new(\FFI::addr($config)));
        try {
            $load($config);
            foreach ($settings as $key => $value) {
                ZmdException::check($zmd->zmd_config_set(
                    $config, Library::text('a key', (string) $key), Library::text((string) $key, (string) $value)));
            }
            $client = $zmd->new('zmd_client *');
            ZmdException::check($zmd->zmd_client_new($config, \FFI::addr($client)));
            $this->client = $client;
        } finally {
            $zmd->zmd_config_free($config);
        }
        if ($this->tokens !== null) {
            $this->tokens->client = $client;
        }
    }

    private function handle(): \FFI\CData
    {
        return $this->client ?? throw new \LogicException('the client is closed');
    }

    private static function statusOrThrow(Status|ZmdException $outcome): Status
    {
        return $outcome instanceof Status ? $outcome : throw $outcome;
    }

    /**
     * @param callable(Waits, array{string, string}): int $add
     * @return array<array-key, Status|ZmdException>
     */
    private function run(array $jobs, callable $add, ?callable $progress, bool $check): array
    {
        // Another call uses it, an exception has left it, or it was made before a fork: then there is another.
        $waits = $this->idle?->isOfThisProcess() ? $this->idle : $this->waits();
        $this->idle = null;
        $outcomes = $keys = [];
        foreach ($jobs as $key => $job) {
            $outcomes[$key] = null;
            try {
                $keys[$add($waits, $job)] = $key;
            } catch (ZmdException $error) {
                $outcomes[$key] = $error;
            }
        }
        foreach ($waits as $event) {
            $key = $keys[$event->id];
            if ($event->hasEnded) {
                $outcomes[$key] = $check && $event->status?->isSuccessful === false
                    ? new JobFailedException($event->status) : $event->error ?? $event->status;
            }
            // An error that ends the wait is an outcome, and nothing that the callback gets too.
            if ($progress !== null && !($event->hasEnded && $event->error) && $progress($event, $key) === false) {
                $progress = null;
                array_map($waits->remove(...), array_keys($keys));
            }
        }
        $this->idle = $waits;
        return $outcomes;
    }
}
