<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** Too many requests; the retries failed too. */
final class RateLimitedException extends ApiException
{
}
