package zmd;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;

/**
 * The settings of a client. The keys are those of {@code zmd_config_set()} in zmd.h; an unknown one, or a value that a setting
 * does not take, makes creating the client fail with {@link ZmdException.Kind#INVALID_CONFIG} and a message that names the
 * right one.
 */
public final class Settings {
    final Map<String, String> values = new LinkedHashMap<>();
    String configFile;
    String profile;
    TokenProvider tokenProvider;
    // CompletableFuture does not use a common pool of one thread, which it is on two processors, but starts a thread for each task.
    Executor executor = ForkJoinPool.getCommonPoolParallelism() > 0
            ? task -> ForkJoinPool.commonPool().execute(task)
            : ForkJoinPool.commonPool();

    /** No settings. */
    public Settings() {}

    /**
     * Settings from a map.
     *
     * @param values settings as text
     */
    public Settings(Map<String, String> values) {
        this.values.putAll(values);
    }

    /**
     * Sets a setting.
     *
     * @param key such as {@code data_center}
     * @param value its value as text
     * @return this
     */
    public Settings set(String key, String value) {
        values.put(key, value);
        return this;
    }

    /**
     * Sets a setting that is a number.
     *
     * @param key such as {@code max_retries}
     * @param value its value
     * @return this
     */
    public Settings set(String key, long value) {
        return set(key, Long.toString(value));
    }

    /**
     * Sets a setting that is a time.
     *
     * @param key such as {@code timeout_ms}
     * @param value its value, rounded up to milliseconds
     * @return this
     */
    public Settings set(String key, Duration value) {
        return set(key, milliseconds(value));
    }

    /**
     * Uses a profile of the configuration file; other settings take precedence.
     *
     * @param profile its name; null: that of the environment variable ZMD_PROFILE, or else {@code default}
     * @return this
     */
    public Settings profile(String profile) {
        this.profile = profile;
        return this;
    }

    /**
     * Uses a configuration file; other settings take precedence.
     *
     * @param file its path; null: that of the environment variable ZMD_CONFIG_FILE, or else the user's
     * @return this
     */
    public Settings configFile(String file) {
        configFile = file;
        return this;
    }

    /**
     * Gets access tokens from the program: in place of {@code refresh_token} and {@code org_id}.
     *
     * @param provider called when a token is needed; null: none
     * @return this
     */
    public Settings tokenProvider(TokenProvider provider) {
        tokenProvider = provider;
        return this;
    }

    /**
     * Sets where futures are completed and their listeners are called: for those that block.
     *
     * @param executor such as a pool of threads; without it, {@link ForkJoinPool#commonPool}
     * @return this
     */
    public Settings executor(Executor executor) {
        this.executor = executor;
        return this;
    }

    /** Rounded up, so that only 0 becomes 0; at most 292 million years. */
    static long milliseconds(Duration time) {
        return time.getSeconds() < Long.MAX_VALUE / 1000 - 1 ? time.plusNanos(999_999).toMillis() : Long.MAX_VALUE;
    }
}
