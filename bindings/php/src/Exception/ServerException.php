<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The service failed; the retries failed too. */
final class ServerException extends ApiException
{
}
