<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The API returned an error, which $apiCode names. */
class ApiException extends ZmdException
{
}
