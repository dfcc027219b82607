<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The service could not be reached, or the connection broke. */
class NetworkException extends ZmdException
{
}
