<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The host name could not be looked up. */
final class DnsException extends NetworkException
{
}
