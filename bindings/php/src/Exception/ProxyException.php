<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The proxy can't be reached or refused the connection. */
final class ProxyException extends NetworkException
{
}
