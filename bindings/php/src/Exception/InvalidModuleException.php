<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The API has no module of that name. */
final class InvalidModuleException extends ApiException
{
}
