<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The API has no such job in that module. */
final class JobNotFoundException extends ApiException
{
}
