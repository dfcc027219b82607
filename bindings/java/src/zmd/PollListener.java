package zmd;

/**
 * Called after every poll of a wait: by a blocking call on the thread that called it, else by
 * {@link Settings#executor}. It may call the client. What it throws ends the call, which throws it.
 */
@FunctionalInterface
public interface PollListener {
    /**
     * Takes the result of a poll.
     *
     * @param poll the result. A permanent error ends the wait, which throws it: it is not reported here too.
     * @return true to continue; false ends the wait for this job with {@link ZmdException.Kind#CANCELLED}
     */
    boolean polled(Poll poll);
}
