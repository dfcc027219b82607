package zmd;

import java.time.Duration;

/** What a client has done since it was created; each number only grows. */
public final class Counters {
    // zmd_counters
    final long[] raw = new long[9];

    /**
     * Requests for the status of a job, those of waits among them.
     *
     * @return how many
     */
    public long calls() {
        return raw[0];
    }

    /**
     * Those of waits.
     *
     * @return how many
     */
    public long polls() {
        return raw[1];
    }

    /**
     * Attempts that repeated one which had failed with a transient error.
     *
     * @return how many
     */
    public long retries() {
        return raw[2];
    }

    /**
     * Responses that there were too many requests.
     *
     * @return how many
     */
    public long rateLimits() {
        return raw[3];
    }

    /**
     * Requests for an access token.
     *
     * @return how many
     */
    public long tokenRequests() {
        return raw[4];
    }

    /**
     * Connections opened.
     *
     * @return how many
     */
    public long connections() {
        return raw[5];
    }

    /**
     * Bytes sent over them, TLS included.
     *
     * @return how many
     */
    public long bytesSent() {
        return raw[6];
    }

    /**
     * Bytes received over them, TLS included.
     *
     * @return how many
     */
    public long bytesReceived() {
        return raw[7];
    }

    /**
     * How long waits have lasted, up to their last polls, added up over their jobs.
     *
     * @return in milliseconds
     */
    public Duration waited() {
        return Duration.ofMillis(raw[8]);
    }
}
