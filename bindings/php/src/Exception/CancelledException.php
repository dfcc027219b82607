<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** A wait was ended on request. $status is the last one that it has seen. */
final class CancelledException extends ZmdException
{
}
