<?php
// Waits until a mass-delete job has ended, for four hours or so many seconds at most, and prints its progress.
//
//     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy php example.php Leads 111111000000222222
//
// Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
declare(strict_types=1);

require __DIR__ . '/Zmd.php';

use Zmd\{Client, Error, State, Status};

function show(Status $status, ?Error $error): void
{
    if (!$error) {
        echo "$status\n";
    } elseif ($error->isTransient) {
        fwrite(STDERR, $error->getMessage() . "\n"); // the wait continues
    }
}

if ($argc < 3 || $argc > 4 || !is_numeric($argv[3] ?? 0)) {
    fwrite(STDERR, "usage: example.php MODULE JOB_ID [SECONDS]\n");
    exit(3);
}
try {
    $limit = (float) ($argv[3] ?? 4 * 3600);
    $last = Client::fromEnvironment()->wait($argv[1], $argv[2], timeout: $limit, progress: show(...));
    exit($last->isSuccessful ? 0 : 1);
} catch (Error $error) {
    fwrite(STDERR, "$error->name: {$error->getMessage()}\n");
    exit($error->getCode() === Error::TIMEOUT && $error->status->state !== State::Unknown ? 2 : 3);
}
