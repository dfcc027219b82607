<?php
// Waits until a mass-delete job has ended, for four hours or so many seconds at most, and prints its progress.
//
//     ZMD_ACCESS_TOKEN=1000.xxxx.yyyy php example.php Leads 111111000000222222
//
// Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
declare(strict_types=1);

require 'vendor/autoload.php';

use Zmd\Client;
use Zmd\Event;
use Zmd\Exception\TimeoutException;
use Zmd\Exception\ZmdException;

function show(Event $event): void
{
    fwrite($event->status ? STDOUT : STDERR, "$event\n"); // after an error the wait continues
}

if ($argc < 3 || $argc > 4 || !is_numeric($argv[3] ?? 0)) {
    fwrite(STDERR, "usage: example.php MODULE JOB_ID [SECONDS]\n");
    exit(3);
}
try {
    $limit = (float) ($argv[3] ?? 4 * 3600);
    $last = Client::fromEnvironment()->wait($argv[1], $argv[2], timeout: $limit, progress: show(...));
    exit($last->isSuccessful ? 0 : 1);
} catch (ZmdException $error) {
    fwrite(STDERR, "$error->name: {$error->getMessage()}\n");
    exit($error instanceof TimeoutException && $error->status ? 2 : 3);
}
