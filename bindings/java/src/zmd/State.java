package zmd;

/** The state of a job. */
public enum State {
    /** A state that this version does not know; {@link Status#stateText} has the text that the service sent. */
    UNKNOWN,
    /** The job has not begun. */
    SCHEDULED,
    /** Records are being deleted. */
    RUNNING,
    /** The job has ended, perhaps without deleting all records: see {@link Status#isSuccessful}. */
    COMPLETED,
    /** The job has ended, and failed as a whole. */
    FAILED,
    /** The job is queued. */
    QUEUED,
    /** The job was interrupted, and has not ended. */
    SUSPENDED;

    // The numbers of zmd_state are the ordinals.
    static State of(int number) {
        return number >= 0 && number < values().length ? values()[number] : UNKNOWN;
    }
}
