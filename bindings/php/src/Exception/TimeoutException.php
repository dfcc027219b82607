<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** A time limit expired. $status is the last one that a wait has seen. */
final class TimeoutException extends ZmdException
{
}
