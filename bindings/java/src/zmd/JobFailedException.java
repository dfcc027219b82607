package zmd;

/** A job has ended, and not all of its records are deleted: {@link #status} says more. The call itself has succeeded. */
public final class JobFailedException extends ZmdException {
    private static final long serialVersionUID = 1;

    JobFailedException(Status status) {
        super(0, "", "not all of the records are deleted: " + status, status.module(), status.jobId(), status);
    }
}
