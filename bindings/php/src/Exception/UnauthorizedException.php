<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The API refused the access token. */
final class UnauthorizedException extends ApiException
{
}
