<?php
// Waits until a mass-delete job has ended, for four hours at most, and prints its progress.
//
//     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy php example.php Leads 111111000000222222
//
// Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
declare(strict_types=1);

require __DIR__ . '/Zmd.php';

use Zmd\{Client, Error, State, Status};

function show(Status $status, ?Error $error): bool
{
    if ($error) {
        fwrite(STDERR, $error->getMessage() . "\n"); // transient: the wait continues
    } else {
        printf("%s: %s of %s deleted, %s failed\n", $status->stateText,
            $status->deletedCount ?? '?', $status->totalCount ?? '?', $status->failedCount ?? '?');
    }
    return true;
}

if ($argc !== 3) {
    fwrite(STDERR, "usage: example.php MODULE JOB_ID\n");
    exit(3);
}
try {
    $last = Client::fromEnvironment()->wait($argv[1], $argv[2], timeout: 4 * 3600, progress: show(...));
    exit($last->state === State::Completed && !$last->failedCount ? 0 : 1);
} catch (Error $error) {
    fwrite(STDERR, "$error->name: {$error->getMessage()}\n");
    exit($error->getCode() === Error::TIMEOUT && $error->status->state !== State::Unknown ? 2 : 3);
}
