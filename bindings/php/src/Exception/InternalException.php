<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** A bug in libzmd. */
final class InternalException extends ZmdException
{
}
