package zmd;

/** Called after every poll of a wait, on the thread that waits. */
@FunctionalInterface
public interface ProgressListener {
    /**
     * Takes the result of a poll. What it throws ends the wait and is thrown by it.
     *
     * @param status the status that the poll got
     * @param error null, or why the poll failed: the wait continues after a transient error
     * @return true to continue; false ends this wait with {@link ZmdException.Kind#CANCELLED}
     */
    boolean polled(Status status, ZmdException error);
}
