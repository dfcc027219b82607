package zmd;

/** What a call returned for one of many jobs: a status, or an error. */
public class Result {
    private final String module;
    private final String jobId;
    private final Status status;
    private final ZmdException error;

    Result(String module, String jobId, Status status, ZmdException error) {
        this.module = module;
        this.jobId = jobId;
        this.status = error == null ? status : null;
        this.error = error;
    }

    /**
     * The job's module.
     *
     * @return as it was passed
     */
    public String module() {
        return module;
    }

    /**
     * The job's id.
     *
     * @return as it was passed
     */
    public String jobId() {
        return jobId;
    }

    /**
     * The status of the job.
     *
     * @return null: there is an error
     */
    public Status status() {
        return status;
    }

    /**
     * Why there is no status.
     *
     * @return null: there is a status
     */
    public ZmdException error() {
        return error;
    }

    /**
     * The status, or else the error.
     *
     * @return the status, never null
     * @throws ZmdException the error
     */
    public Status get() {
        if (error != null) {
            throw error;
        }
        return status;
    }
}
