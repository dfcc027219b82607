<?php

declare(strict_types=1);

namespace Zmd\Exception;

/** The access token lacks the scope ZohoCRM.mass_delete.READ. */
final class ScopeException extends ApiException
{
}
