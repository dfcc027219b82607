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
        $this->provide(null);
    }

    /** Replaces the token, which the service has refused for a job. */
    public function renew(string $module, string $jobId, ?Status $status): void
    {
        $this->provide($this->token, $module, $jobId, $status);
        $this->renewals++;
    }

    private function provide(#[\SensitiveParameter] ?string $refused, mixed ...$about): void
    {
        try {
            $token = Library::text('its result', ($this->provider)($refused));
            if ($token === $refused) {
                throw new \UnexpectedValueException('its result is the one that the service has just refused');
            }
            if ($this->client !== null) {
                ZmdException::check(Library::functions()->zmd_client_set_access_token($this->client, $token));
            }
            $this->token = $token;
        } catch (\Throwable $cause) {
            $why = $refused === null ? $cause->getMessage() : str_replace($refused, '***', $cause->getMessage());
            throw ZmdException::ofProvider($cause, "the token provider returned no access token: $why", ...$about);
        }
    }
}
