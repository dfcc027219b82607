<?php
// The binding for PHP, against the stand-in that tests/packages/hosts.rs starts.
declare(strict_types=1);

require __DIR__ . '/../Zmd.php';

use Zmd\{Client, Error, State, Status};

function same(mixed $expected, mixed $found): void
{
    if ($expected !== $found) {
        throw new LogicException('expected ' . var_export($expected, true) . ', found ' . var_export($found, true));
    }
}

function contains(string $part, Throwable $thrown): void
{
    same(true, str_contains($thrown->getMessage(), $part));
}

function thrown(string $class, callable $code): Throwable
{
    try {
        $code();
    } catch (Throwable $thrown) {
        same($class, $thrown::class);
        return $thrown;
    }
    throw new LogicException("expected $class");
}

function failure(int $number, callable $code): Error
{
    $error = thrown(Error::class, $code);
    same($number, $error->getCode());
    return $error;
}

$client = Client::fromEnvironment();

// The stand-in answers the first two polls with a job that is queued, without counts, and one that runs.
$seen = [];
$last = $client->wait('Leads', '1001', 60, function (Status $status, ?Error $error) use (&$seen) {
    $seen[] = [$error, $status->state, $status->deletedCount];
    return true;
});
same([[null, State::Queued, null], [null, State::Running, 4], [null, State::Completed, 9]], $seen);
same(State::Completed, $last->state);

$status = $client->status('Leads', '1001');
same([State::Completed, 'COMPLETED', 200, 9, 9, 0, true, true], array_values(get_object_vars($status)));
same('COMPLETED, 9 of 9 deleted, 0 failed', (string) $status);
same(State::Completed, $client->wait('Leads', '1001')->state);
same(State::Failed, $client->status('Leads', '1004')->state);

$error = failure(Error::FORBIDDEN, fn () => $client->status('Leads', 'error-NO_PERMISSION'));
same(['ZMD_ERR_FORBIDDEN', 'NO_PERMISSION', 403], [$error->name, $error->apiCode, $error->status->httpStatus]);
contains('permission denied', $error);
contains('Sales_Orders', failure(Error::INVALID_ARGUMENT, fn () => $client->status('Sales Orders', '1001')));
contains('NUL', thrown(ValueError::class, fn () => $client->status("Leads\0", '1001')));

$polls = 0;
$error = failure(Error::CANCELLED, function () use ($client, &$polls) {
    $client->wait('Leads', '1002', null, function () use (&$polls) {
        return ++$polls < 2;
    });
});
same([2, State::Running], [$polls, $error->status->state]);
$mine = thrown(DomainException::class, fn () => $client->wait('Leads', '1002', null, fn () => throw new DomainException('mine')));
contains('mine', $mine);
same(State::Completed, $client->status('Leads', '1001')->state);

$error = failure(Error::TIMEOUT, fn () => $client->wait('Leads', '1002', 0.5));
same(State::Running, $error->status->state);

contains('acces_token', failure(Error::INVALID_CONFIG, fn () => new Client(['acces_token' => 'x'])));
$other = Client::fromEnvironment(['access_token' => 'wrong', 'timeout_ms' => 20000]);
same('INVALID_TOKEN', failure(Error::UNAUTHORIZED, fn () => $other->status('Leads', '1001'))->apiCode);
$other->setAccessToken(getenv('ZMD_ACCESS_TOKEN'));
same(State::Completed, $other->status('Leads', '1001')->state);
unset($other);
same('0.1.0', Client::version());

$client->close();
$client->close();
thrown(LogicException::class, fn () => $client->status('Leads', '1001'));
echo "ok php\n";
