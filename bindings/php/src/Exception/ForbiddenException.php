<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The user has no permission. */
final class ForbiddenException extends ApiException
{
}
