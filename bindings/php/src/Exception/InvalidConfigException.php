<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** A setting is unknown, missing or has an invalid value. */
final class InvalidConfigException extends ZmdException
{
}
