<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The accounts server refused to issue an access token. */
final class OAuthException extends ApiException
{
}
