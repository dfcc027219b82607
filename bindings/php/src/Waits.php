<?php

declare(strict_types=1);

namespace Zmd;

use Zmd\Exception\{OAuthException, ZmdException};

/**
 * Many waits in one queue, for which the library has one thread, and up to max_concurrency others while it polls. Waits can be
 * added and removed at any time. In a foreach it is its events, until no wait is open.
 *
 * @implements \IteratorAggregate<int, Event>
 */
final class Waits implements \IteratorAggregate, \Countable
{
    /** Handlers of signals run between two operations of PHP: no call of the library blocks for longer than this. */
    private const SLICE_MS = 25;

    private const TIMEOUT = 15;
    private const UNAUTHORIZED = 20;

    private ?\FFI\CData $queue;
    private readonly int $process;
    /** @var array<int, \stdClass> by the library's id */
    private array $open = [];
    /** An event that was not returned because a handler of a signal has thrown. */
    private ?Event $taken = null;
    /** @var array<int, int> the library's id of a wait that began again */
    private array $renamed = [];

    /** @internal See Client::waits(). */
    public function __construct(\FFI\CData $client, private readonly ?Tokens $tokens)
    {
        $zmd = Library::functions();
        $queue = $zmd->new('zmd_waits *');
        ZmdException::check($zmd->zmd_waits_new($client, \FFI::addr($queue)));
        $this->queue = $queue;
        $this->process = getmypid();
    }

    /**
     * Adds a wait for a job, and returns at once.
     *
     * @param ?float $timeout the limit for the wait in seconds; 0: poll once; null: none
     * @return int the id of its events
     */
    public function add(string $module, string $jobId, ?float $timeout = null): int
    {
        return $this->begin('zmd_waits_add', $module, $jobId, $timeout);
    }

    /**
     * Requests a job's status once.
     *
     * @param ?float $timeout the limit in seconds; null: the setting timeout_ms
     * @return int the id of its event
     */
    public function addStatus(string $module, string $jobId, ?float $timeout = null): int
    {
        return $this->begin('zmd_waits_add_status', $module, $jobId, $timeout);
    }

    /** Ends a wait: its last event has a CancelledException. */
    public function remove(int $id): void
    {
        ZmdException::check(Library::functions()->zmd_waits_remove($this->queue(), $this->renamed[$id] ?? $id));
    }

    /** How many waits have not had their last event. */
    public function count(): int
    {
        return count($this->open);
    }

    /**
     * Returns the next event, and blocks until there is one.
     *
     * @param ?float $timeout how long to block, in seconds; 0: not at all; null: without a limit
     * @return ?Event null if no wait is open, and when the time is over
     */
    public function next(?float $timeout = null): ?Event
    {
        $zmd = Library::functions();
        $event = $zmd->new('zmd_event');
        $end = $timeout === null ? INF : hrtime(true) / 1e9 + $timeout;
        while ($this->taken === null && $this->open) {
            $left = 1000 * ($end - hrtime(true) / 1e9);
            // A handler that throws right after a call through FFI crashes PHP 8.4: handlers run a little later.
            $isAsync = function_exists('pcntl_async_signals') && pcntl_async_signals(false);
            $number = $zmd->zmd_waits_next($this->queue(), (int) max(0, min(self::SLICE_MS, $left)), \FFI::addr($event));
            if ($isAsync) {
                pcntl_async_signals(true);
            }
            if ($number !== self::TIMEOUT) {
                ZmdException::check($number);
                $this->taken = $this->event($event);
            }
            if ($isAsync) {
                pcntl_signal_dispatch();
            }
            if ($number === self::TIMEOUT && $left <= 0) {
                break;
            }
        }
        $taken = $this->taken;
        $this->taken = null;
        return $taken;
    }

    /** @return \Generator<int, Event> */
    public function getIterator(): \Generator
    {
        while (($event = $this->next()) !== null) {
            yield $event;
        }
    }

    /** Ends all waits without an event. The end of the last reference does the same. */
    public function close(): void
    {
        if (isset($this->queue)) {
            Library::functions()->zmd_waits_free($this->queue);
        }
        $this->queue = null;
        $this->open = [];
    }

    public function __destruct()
    {
        $this->close();
    }

    private function __clone()
    {
    }

    /** @internal whether it can be used: not in a child of a fork */
    public function isOfThisProcess(): bool
    {
        return $this->process === getmypid();
    }

    private function begin(string $call, string $module, string $jobId, ?float $timeout): int
    {
        $wait = (object) [
            'call' => $call,
            'module' => trim(Library::text('module', $module)),
            'jobId' => trim(Library::text('jobId', $jobId)),
            'limit' => Library::milliseconds($timeout),
            'before' => 0.0,
            'renewals' => $this->tokens?->renewals,
            'isRefused' => false,
        ];
        return $wait->id = $this->enqueue($wait);
    }

    /** @return int the library's id */
    private function enqueue(\stdClass $wait): int
    {
        $id = Library::functions()->new('uint64_t');
        $number = Library::functions()->{$wait->call}($this->queue(), $wait->module, $wait->jobId, $wait->limit, \FFI::addr($id));
        if ($number !== 0) {
            throw ZmdException::ofCall($number, $wait->module, $wait->jobId);
        }
        $this->open[$id->cdata] = $wait;
        return $id->cdata;
    }

    /** An event for the caller; none if its wait begins again with another access token. */
    private function event(\FFI\CData $event): ?Event
    {
        $wait = $this->open[$event->id];
        $status = Status::of($event->status, $wait->module, $wait->jobId);
        $elapsed = $wait->before + $event->elapsed_ms / 1000;
        $seconds = static fn (int $milliseconds): ?float => $milliseconds < 0 ? null : $milliseconds / 1000;
        $remaining = $seconds(Library::functions()->zmd_progress_remaining_ms());
        $error = $event->error === 0 ? null : ZmdException::ofEvent(
            $event->error, $wait->module, $wait->jobId, $status === null ? $event->status->http_status : 0, $status);
        if ($error === null) {
            $wait->isRefused = false;
        }
        if ($event->has_ended) {
            unset($this->open[$event->id]);
            try {
                if ($event->error === self::UNAUTHORIZED && $this->beginsAgain($wait, $elapsed, $status)) {
                    return null;
                }
            } catch (OAuthException $failure) {
                $error = $failure;
            }
        }
        return new Event(
            $wait->id, $wait->module, $wait->jobId, $error === null ? $status : null, $error, $event->has_ended !== 0, $elapsed,
            $seconds($event->next_poll_ms), $remaining);
    }

    /**
     * The library calls a token provider on a thread of its own, which PHP does not allow: here it is called when the library has
     * ended a wait because the service refused the token.
     */
    private function beginsAgain(\stdClass $wait, float $elapsed, ?Status $status): bool
    {
        // A closed client has none.
        if ($this->tokens?->client === null) {
            return false;
        }
        // Another wait may have got a new one already.
        if ($wait->renewals === $this->tokens->renewals) {
            if ($wait->isRefused) {
                return false;
            }
            $this->tokens->renew($wait->module, $wait->jobId, $status);
            $wait->isRefused = true;
        }
        $wait->renewals = $this->tokens->renewals;
        if ($wait->limit >= 0) {
            $wait->limit = (int) max(1, $wait->limit - 1000 * ($elapsed - $wait->before));
        }
        $wait->before = $elapsed;
        $this->renamed[$wait->id] = $this->enqueue($wait);
        return true;
    }

    private function queue(): \FFI\CData
    {
        return $this->queue ?? throw new \LogicException('the queue is closed');
    }
}
