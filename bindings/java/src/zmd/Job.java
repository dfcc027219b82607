package zmd;

/** A job, for the calls for many. */
public final class Job {
    final String module;
    final String id;

    /**
     * Names a job.
     *
     * @param module the module's API name, such as {@code Leads}
     * @param id the job id from the response that scheduled the mass delete
     */
    public Job(String module, String id) {
        this.module = module;
        this.id = id;
    }
}
