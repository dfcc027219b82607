package zmd;

import java.time.Duration;
import java.util.Optional;

/**
 * A poll of a job that is waited for: {@link #status} is what it returned; else {@link #error} is a transient error, after
 * which the wait continues.
 */
public final class Poll extends Result {
    private final int index;
    private final long elapsed;
    private final long nextPoll;
    private final long remaining;

    // Times in milliseconds; -1: there is none.
    Poll(Call call, Status status, ZmdException error, long elapsed, long nextPoll, long remaining) {
        super(call.module, call.jobId, status, error);
        this.index = call.index;
        this.elapsed = elapsed;
        this.nextPoll = nextPoll;
        this.remaining = remaining;
    }

    /**
     * The job's place in the list of jobs.
     *
     * @return 0 in a wait for one
     */
    public int index() {
        return index;
    }

    /**
     * The time since the wait began.
     *
     * @return in milliseconds
     */
    public Duration elapsed() {
        return Duration.ofMillis(elapsed);
    }

    /**
     * The time until the job's next poll.
     *
     * @return empty: there is none, because the wait has ended
     */
    public Optional<Duration> nextPoll() {
        return time(nextPoll);
    }

    /**
     * A forecast of the time until the job ends.
     *
     * @return empty: its counts do not yet show how fast it is, or it has ended
     */
    public Optional<Duration> remaining() {
        return time(remaining);
    }

    private static Optional<Duration> time(long milliseconds) {
        return milliseconds < 0 ? Optional.empty() : Optional.of(Duration.ofMillis(milliseconds));
    }
}
