<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The TLS handshake failed. */
final class TlsException extends NetworkException
{
}
