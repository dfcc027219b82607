<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The response is not what the API documents. */
final class BadResponseException extends ApiException
{
}
