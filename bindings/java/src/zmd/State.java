package zmd;

/** How far a job is. */
public enum State {
    /** A state that this version does not know; {@link Status#stateText} has the service's word. */
    UNKNOWN,
    /** The job has not begun. */
    SCHEDULED,
    /** Records are being deleted. */
    RUNNING,
    /** The job is over. Look at {@link Status#failedCount}: records that could not be deleted are still there. */
    COMPLETED,
    /** The job is over, and failed as a whole. */
    FAILED,
    /** The job waits for its turn. */
    QUEUED,
    /** The job was interrupted, and is not over. */
    SUSPENDED;

    // The numbers of zmd_state are the ordinals.
    static State of(int number) {
        return number >= 0 && number < values().length ? values()[number] : UNKNOWN;
    }
}
