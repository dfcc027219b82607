<?php
// The package for PHP, against the stand-in that tests/packages/hosts.rs starts.
declare(strict_types=1);

require 'vendor/autoload.php';

use Zmd\{Client, Event, State, Status};
use Zmd\Exception\{ApiException, CancelledException, ForbiddenException, InvalidArgumentException, InvalidConfigException,
    JobFailedException, JobNotFoundException, OAuthException, TimeoutException, UnauthorizedException, ZmdException};

function same(mixed $expected, mixed $found): void
{
    if ($expected !== $found) {
        throw new LogicException('expected ' . var_export($expected, true) . ', found ' . var_export($found, true));
    }
}

function contains(string $part, Throwable|string $found): void
{
    $text = is_string($found) ? $found : $found->getMessage();
    if (!str_contains($text, $part)) {
        throw new LogicException("$part is not in $text");
    }
}

function thrown(string $class, callable $code): Throwable
{
    try {
        $code();
    } catch (Throwable $thrown) {
        if ($thrown::class !== $class) {
            throw $thrown;
        }
        return $thrown;
    }
    throw new LogicException("expected $class");
}

/** @return list<string> */
function classes(array $outcomes): array
{
    return array_map(static fn (object $outcome) => $outcome::class, array_values($outcomes));
}

$client = Client::fromEnvironment();

// The stand-in answers the first two polls with a job that is queued, without counts, and one that runs.
$seen = [];
$last = $client->wait('Leads', '1001', 60, function (Event $event) use (&$seen) {
    $seen[] = $event;
    return 0;
}, check: true);
same([State::Queued, State::Running, State::Completed], array_map(fn (Event $event) => $event->status->state, $seen));
same([null, 4, 9], array_map(fn (Event $event) => $event->status->deletedCount, $seen));
same([false, false, true], array_map(fn (Event $event) => $event->hasEnded, $seen));
same([false, false, true], array_map(fn (Event $event) => $event->nextPoll === null, $seen));
same(['Leads', '1001', null], [$seen[0]->module, $seen[0]->jobId, $seen[0]->error]);
same(true, $seen[0]->elapsed <= $seen[2]->elapsed);
same('QUEUED, the service reported no counts', (string) $seen[0]);
same(State::Completed, $last->state);

$status = $client->status(' Leads ', '1001');
same(
    ['Leads', '1001', State::Completed, 'COMPLETED', 200, 9, 9, 0, true, true],
    [$status->module, $status->jobId, $status->state, $status->stateText, $status->httpStatus, $status->totalCount,
        $status->deletedCount, $status->failedCount, $status->isSuccessful, $status->hasEnded]);
same('COMPLETED, 9 of 9 deleted, 0 failed', (string) $status);
$json = '{"state":"Completed","module":"Leads","jobId":"1001","stateText":"COMPLETED","httpStatus":200,"totalCount":9,'
    . '"deletedCount":9,"failedCount":0,"isSuccessful":true,"hasEnded":true}';
same($json, json_encode($status));
contains('"status":' . json_encode($seen[2]->status), json_encode($seen[2]));
same(State::Failed, $client->status('Leads', '1004')->state);

$error = thrown(ForbiddenException::class, fn () => $client->status('Leads', 'error-NO_PERMISSION'));
same(true, $error instanceof ApiException);
same(
    [22, 'ZMD_ERR_FORBIDDEN', 'NO_PERMISSION', 403, 'Leads', 'error-NO_PERMISSION', null, false],
    [$error->getCode(), $error->name, $error->apiCode, $error->httpStatus, $error->module, $error->jobId, $error->status,
        $error->isTransient()]);
contains('permission denied', $error);
$error = thrown(InvalidArgumentException::class, fn () => $client->status('Sales Orders', '1001'));
contains('Sales_Orders', $error);
same('Sales Orders', $error->module);
contains('NUL', thrown(ValueError::class, fn () => $client->status("Leads\0", '1001')));

$polls = 0;
$error = thrown(CancelledException::class, function () use ($client, &$polls) {
    $client->wait('Leads', '1002', null, function () use (&$polls) {
        return ++$polls < 2;
    });
});
same([2, State::Running], [$polls, $error->status->state]);
$mine = thrown(DomainException::class, fn () => $client->wait('Leads', '1002', null, fn () => throw new DomainException('mine')));
contains('mine', $mine);
same(State::Completed, $client->status('Leads', '1001')->state);

$error = thrown(JobFailedException::class, fn () => $client->wait('Leads', '1003', check: true));
same([2, '1003', false], [$error->status->failedCount, $error->jobId, $error->isTransient()]);
$polls = 0;
thrown(ForbiddenException::class, function () use ($client, &$polls) {
    $client->wait('Leads', 'error-NO_PERMISSION', null, function () use (&$polls) { $polls++; });
});
same(0, $polls);
contains('within 500 ms', thrown(TimeoutException::class, fn () => $client->wait('Leads', '1002', 0.5)));
$error = thrown(TimeoutException::class, fn () => $client->wait('Leads', '1002', 0));
same([State::Running, true], [$error->status->state, $error->isTransient()]);

$remaining = null;
thrown(CancelledException::class, function () use ($client, &$remaining) {
    $client->wait('Leads', '1005', progress: function (Event $event) use (&$remaining) {
        return ($remaining = $event->remaining) === null;
    });
});
same(true, $remaining > 10);

// Many jobs.
$jobs = ['whole' => ['Leads', '1001'], 'left' => ['Leads', '1003'], 'unknown' => ['Leads', '4711'], 'bad' => ['Leads', 'no id']];
$keys = [];
$outcomes = $client->waitMany($jobs, progress: function (Event $event, string $key) use (&$keys) { $keys[$key] = true; }, check: true);
same([Status::class, JobFailedException::class, JobNotFoundException::class, InvalidArgumentException::class], classes($outcomes));
same(array_keys($jobs), array_keys($outcomes));
same(['1001', '1003', '4711', 'no id'], array_column(array_map(fn ($outcome) => ['id' => $outcome->jobId], $outcomes), 'id'));
ksort($keys);
same(['left', 'whole'], array_keys($keys));
same([Status::class, JobNotFoundException::class], classes($client->statusMany([$jobs['whole'], $jobs['unknown']])));
$calls = 0;
$outcomes = $client->waitMany(array_fill(0, 3, ['Leads', '1002']), progress: function () use (&$calls) {
    $calls++;
    return false;
});
same([1, array_fill(0, 3, CancelledException::class)], [$calls, classes($outcomes)]);

// A queue of waits.
$waits = $client->waits();
$running = $waits->add('Leads', '1002');
$ended = $waits->add('Leads', '1001');
$ends = [];
foreach ($waits as $event) {
    if ($event->id === $ended) {
        $waits->remove($running);
    }
    if ($event->hasEnded) {
        $ends[$event->id] = ($event->error ?? $event->status)::class;
    }
}
ksort($ends);
same([$running => CancelledException::class, $ended => Status::class], $ends);
$waits->addStatus('Leads', '1002');
same([State::Running, true], [($event = $waits->next())->status->state, $event->hasEnded]);
$waits->add('Leads', '1002');
while ($waits->next(0.2)) {
}
same(1, count($waits));
$waits->close();
same(0, count($waits));

// The handler of a signal runs while a wait has nothing to do for ten minutes.
if (function_exists('pcntl_alarm')) {
    pcntl_async_signals(true);
    pcntl_signal(SIGALRM, fn () => throw new DomainException('a signal'));
    $begin = hrtime(true);
    $other = Client::fromEnvironment(['poll_min_ms' => 600_000]);
    contains('a signal', thrown(DomainException::class,
        fn () => $other->wait('Leads', '1002', progress: function () { pcntl_alarm(1); })));
    same(true, hrtime(true) - $begin < 300e9);
    same(State::Completed, $other->status('Leads', '1001')->state);

    // A client that was made before a fork serves parent and child.
    $child = pcntl_fork();
    if ($child === 0) {
        $fine = $client->status('Leads', '1001')->isSuccessful;
        posix_kill(getmypid(), $fine ? SIGTERM : SIGKILL); // without the destructors and the rest of this test
    }
    pcntl_waitpid($child, $exit);
    same(SIGTERM, pcntl_wtermsig($exit));
    same(State::Completed, $client->status('Leads', '1001')->state);
}

contains('did you mean access_token', thrown(InvalidConfigException::class, fn () => new Client(['acces_token' => 'x'])));
thrown(InvalidConfigException::class, fn () => Client::fromEnvironment(profile: 'no such profile'));
$other = Client::fromEnvironment(['access_token' => 'wrong', 'timeout_ms' => 20000]);
same('INVALID_TOKEN', thrown(UnauthorizedException::class, fn () => $other->status('Leads', '1001'))->apiCode);
$other->setAccessToken(getenv('ZMD_ACCESS_TOKEN'));
same(State::Completed, $other->status('Leads', '1001')->state);
unset($other);
same('0.1.0', Client::version());
$counters = $client->counters();
same([true, true, null], [$counters['calls'] > $counters['polls'], $counters['bytes_received'] > 1000, $client->credits()]);

// A token provider.
$asked = [];
$tokens = ['stale', getenv('ZMD_ACCESS_TOKEN')];
$provided = Client::fromEnvironment(['access_token' => function (?string $refused) use (&$asked, &$tokens) {
    $asked[] = $refused;
    return array_shift($tokens);
}]);
same(array_fill(0, 5, Status::class), classes($provided->waitMany(array_fill(0, 5, ['Leads', '1001']))));
same([null, 'stale'], $asked);
$provided = Client::fromEnvironment(['access_token' => fn () => 'stale']);
contains('has just refused', thrown(OAuthException::class, fn () => $provided->status('Leads', '1001')));
$number = 0;
$provided = Client::fromEnvironment(['access_token' => function () use (&$number) { return 'stale' . $number++; }]);
thrown(UnauthorizedException::class, fn () => $provided->status('Leads', '1001'));
same(2, $number);

// What it throws is the cause of the error, of that job alone.
$locked = new class {
    public bool $isLocked = false;

    public function __invoke(?string $refused): string
    {
        return $this->isLocked ? throw new DomainException("locked after $refused") : 'stale';
    }
};
$provided = Client::fromEnvironment(['access_token' => $locked]);
$locked->isLocked = true;
$calls = [
    fn () => $provided->status('Leads', '1001'), fn () => $provided->wait('Leads', '1001'),
    fn () => throw $provided->waitMany([['Leads', '1001'], ['Leads', '1003']])[1],
    function () use ($provided) {
        $waits = $provided->waits();
        $waits->add('Leads', '1001');
        throw $waits->next()->error;
    },
];
foreach ($calls as $call) {
    $error = thrown(OAuthException::class, $call);
    same([29, 'Leads', DomainException::class], [$error->getCode(), $error->module, $error->getPrevious()::class]);
    contains('no access token: locked after ***', $error);
}
$provided->setAccessToken(getenv('ZMD_ACCESS_TOKEN'));
same(State::Completed, $provided->status('Leads', '1001')->state);
$error = thrown(OAuthException::class, fn () => new Client(['access_token' => $locked]));
same([null, DomainException::class], [$error->module, $error->getPrevious()::class]);
same(TypeError::class, thrown(OAuthException::class, fn () => new Client(['access_token' => fn () => null]))->getPrevious()::class);

// The log.
$log = tempnam(sys_get_temp_dir(), 'zmd');
$logged = Client::fromEnvironment(['log_file' => $log, 'log_level' => 'debug']);
$logged->wait('Leads', '1001');
$logged->close();
contains('job 1001 of Leads', file_get_contents($log));
same(false, str_contains(file_get_contents($log), getenv('ZMD_ACCESS_TOKEN')));
unlink($log);

// A token is in no stack trace.
ini_set('zend.exception_ignore_args', '0');
foreach ([
    fn () => $client->setAccessToken("secret\0"), fn () => new Client(['access_token' => "secret\0"]),
    fn () => Client::fromEnvironment(['access_token' => "secret\0"]),
] as $call) {
    same(false, str_contains(print_r(thrown(ValueError::class, $call)->getTrace(), true), 'secret'));
}

// Each kind of error has its class.
$names = [];
for ($number = 1; $number < 100; $number++) {
    $name = (new ReflectionMethod(ZmdException::class, 'of'))->invoke(null, $number, '', '', null, null, 0, null);
    if ($name->name !== 'ZMD_ERR_?' && $name::class !== ZmdException::class) {
        $class = strtoupper(substr($name::class, strlen('Zmd\\Exception\\'), -strlen('Exception')));
        same(str_replace('_', '', substr($name->name, strlen('ZMD_ERR_'))), $class);
        $names[] = $class;
    } elseif ($name->name !== 'ZMD_ERR_?') {
        same('ZMD_ERR_NULL_POINTER', $name->name);
    }
}
same(true, count($names) >= 20);

// The library's file.
foreach ([['/nowhere/libzmd.so', '/nowhere/libzmd.so (which ZMD_LIBRARY names)'], ['', 'libzmd.so.0 (ZMD_LIBRARY, which']] as [$file, $said]) {
    $command = [PHP_BINARY, '-r', 'require "vendor/autoload.php"; echo Zmd\Client::version();'];
    $process = proc_open($command, [1 => ['pipe', 'w'], 2 => ['redirect', 1]], $pipes, null, ['ZMD_LIBRARY' => $file]);
    $out = stream_get_contents($pipes[1]);
    if ($out !== Client::version()) { // as it is where it is installed
        contains($said, $out);
    }
    proc_close($process);
}

$client->close();
$client->close();
thrown(LogicException::class, fn () => $client->status('Leads', '1001'));
echo "ok php\n";
