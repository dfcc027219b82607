<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The job stands still for as long as the setting stalled_ms says. $status is its last one. */
final class StalledException extends ZmdException
{
}
