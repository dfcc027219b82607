<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The service failed: HTTP 5xx, or a code that says so. */
final class ServerException extends ApiException
{
}
