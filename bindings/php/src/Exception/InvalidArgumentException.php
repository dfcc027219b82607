<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** An argument is invalid; nothing was sent. */
final class InvalidArgumentException extends ZmdException
{
}
