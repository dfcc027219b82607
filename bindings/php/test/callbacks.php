<?php
// A wait with a callback that returns nothing (go), or false, which ends it (stop): see tests/packages/hosts.rs.
declare(strict_types=1);

require __DIR__ . '/../autoload.php';

$progress = [
    'go' => function ($event) { echo "$event\n"; },
    'stop' => function ($event) { echo "$event\n"; return false; },
];
try {
    $last = Zmd\Client::fromEnvironment()->wait('Leads', '1001', progress: $progress[$argv[1]]);
    echo json_encode($last->hasEnded), ' ', json_encode($last->isSuccessful), "\n";
} catch (Zmd\Exception\ZmdException $error) {
    echo "$error->name\n";
}
