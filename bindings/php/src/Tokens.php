<?php

declare(strict_types=1);

namespace Zmd;

use Zmd\Exception\ZmdException;

/** @internal The access tokens of a client with a token provider. */
final class Tokens
{
    /** How often the token was renewed. */
    public int $renewals = 0;
    /** The client that uses the tokens; null: it is closed. */
    public ?\FFI\CData $client = null;
    public string $token;

    public function __construct(private readonly \Closure $provider)
    {
        $this->token = ($this->provider)(null);
    }

    /** Replaces the token, which the service has refused; false: there is no client that needs it. */
    public function renew(): bool
    {
        if ($this->client === null) {
            return false;
        }
        $this->token = ($this->provider)($this->token);
        ZmdException::check(Library::functions()->zmd_client_set_access_token(
            $this->client, Library::text('access_token', $this->token)));
        $this->renewals++;
        return true;
    }
}
