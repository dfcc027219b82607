<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** Too many requests: calls in flight, access tokens or API credits. */
final class RateLimitedException extends ApiException
{
}
