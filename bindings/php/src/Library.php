<?php

declare(strict_types=1);

namespace Zmd;

/** @internal libzmd: where it is, and its functions. */
final class Library
{
    private const DECLARATIONS = <<<'C'
        typedef struct zmd_config zmd_config;
        typedef struct zmd_client zmd_client;
        typedef struct zmd_waits zmd_waits;
        typedef struct zmd_status {
            int32_t state;
            int32_t http_status;
            int64_t total_count;
            int64_t deleted_count;
            int64_t failed_count;
            char state_text[32];
        } zmd_status;
        typedef struct zmd_event {
            uint64_t id;
            int32_t error;
            int32_t has_ended;
            int64_t elapsed_ms;
            int64_t next_poll_ms;
            zmd_status status;
        } zmd_event;
        const char *zmd_version(void);
        const char *zmd_error_name(int32_t error);
        int32_t zmd_error_is_transient(int32_t error);
        const char *zmd_last_error(void);
        const char *zmd_last_error_code(void);
        const char *zmd_last_error_of_job(size_t index);
        const char *zmd_last_error_code_of_job(size_t index);
        int32_t zmd_config_new(zmd_config **config);
        int32_t zmd_config_set(zmd_config *config, const char *key, const char *value);
        int32_t zmd_config_load_env(zmd_config *config);
        int32_t zmd_config_load_file(zmd_config *config, const char *path, const char *profile);
        void zmd_config_free(zmd_config *config);
        int32_t zmd_client_new(const zmd_config *config, zmd_client **client);
        int32_t zmd_client_set_access_token(zmd_client *client, const char *access_token);
        typedef struct zmd_counters {
            int64_t calls, polls, retries, rate_limits, token_requests, connections, bytes_sent, bytes_received, waited_ms;
        } zmd_counters;
        int64_t zmd_client_credits(const zmd_client *client);
        int32_t zmd_client_counters(const zmd_client *client, zmd_counters *counters, size_t size);
        void zmd_client_free(zmd_client *client);
        int32_t zmd_status_is_successful(const zmd_status *status);
        int32_t zmd_status_has_ended(const zmd_status *status);
        size_t zmd_status_text(const zmd_status *status, char *text, size_t size);
        int32_t zmd_waits_new(zmd_client *client, zmd_waits **waits);
        int32_t zmd_waits_add(zmd_waits *waits, const char *module, const char *job_id, int64_t timeout_ms, uint64_t *id);
        int32_t zmd_waits_add_status(zmd_waits *waits, const char *module, const char *job_id, int64_t timeout_ms, uint64_t *id);
        int32_t zmd_waits_remove(zmd_waits *waits, uint64_t id);
        int32_t zmd_waits_next(zmd_waits *waits, int64_t timeout_ms, zmd_event *event);
        void zmd_waits_free(zmd_waits *waits);
        int64_t zmd_progress_remaining_ms(void);
        C;

    private static ?\FFI $functions = null;

    public static function functions(): \FFI
    {
        return self::$functions ??= self::load();
    }

    private static function load(): \FFI
    {
        $named = getenv('ZMD_LIBRARY');
        $file = $named ?: match (PHP_OS_FAMILY) {
            'Windows' => 'zmd.dll',
            'Darwin' => 'libzmd.dylib',
            default => 'libzmd.so.0',
        };
        try {
            return \FFI::cdef(self::DECLARATIONS, $file);
        } catch (\FFI\Exception $problem) {
            $why = $named ? 'which ZMD_LIBRARY names' : 'ZMD_LIBRARY, which could name another file, is not set';
            throw new \RuntimeException("cannot load libzmd from $file ($why): {$problem->getMessage()}", 0, $problem);
        }
    }

    /** A string without a NUL, which would cut it. */
    public static function text(string $name, #[\SensitiveParameter] string $value): string
    {
        if (str_contains($value, "\0")) {
            throw new \ValueError("$name has a NUL in it");
        }
        return $value;
    }

    public static function milliseconds(?float $seconds): int
    {
        return $seconds === null || $seconds === INF ? -1 : (int) max(0, $seconds * 1000);
    }
}
