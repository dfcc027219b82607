<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** Could not connect to the server. */
final class ConnectException extends NetworkException
{
}
