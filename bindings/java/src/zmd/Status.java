package zmd;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.OptionalLong;

/** The status of a job. */
public final class Status implements Serializable {
    private static final long serialVersionUID = 1;

    /** The size of zmd_status: it has no padding on any platform. */
    static final int SIZE = 64;

    private static final int TEXT = 32;

    private final String module;
    private final String jobId;
    private final byte[] raw;

    Status(String module, String jobId, byte[] raw) {
        this.module = module;
        this.jobId = jobId;
        this.raw = raw;
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
     * The state of the job.
     *
     * @return never null
     */
    public State state() {
        return State.of(field(0).getInt());
    }

    /**
     * The state as the service sent it.
     *
     * @return at most 31 bytes of UTF-8
     */
    public String stateText() {
        return Native.text(Arrays.copyOfRange(raw, TEXT, SIZE));
    }

    /**
     * The HTTP status of the response.
     *
     * @return such as 200; 0: there was no response
     */
    public int httpStatus() {
        return field(4).getInt();
    }

    /**
     * Records that the job is to delete.
     *
     * @return empty: not reported
     */
    public OptionalLong totalCount() {
        return count(8);
    }

    /**
     * Records deleted so far.
     *
     * @return empty: not reported
     */
    public OptionalLong deletedCount() {
        return count(16);
    }

    /**
     * Records that could not be deleted so far.
     *
     * @return empty: not reported
     */
    public OptionalLong failedCount() {
        return count(24);
    }

    /**
     * Whether all records were deleted: the job is COMPLETED, no record failed, and the deleted ones reach the total.
     *
     * @return true: they were
     */
    public boolean isSuccessful() {
        return Native.zmd_status_is_successful(raw) != 0;
    }

    /**
     * Whether the job has ended: COMPLETED or FAILED.
     *
     * @return false also for a state that this version does not know
     */
    public boolean hasEnded() {
        return Native.zmd_status_has_ended(raw) != 0;
    }

    /**
     * Checks that all records were deleted: {@code client.await("Leads", jobId).check()}.
     *
     * @return this status
     * @throws JobFailedException if it is not {@linkplain #isSuccessful successful}
     */
    public Status check() {
        if (!isSuccessful()) {
            throw new JobFailedException(this);
        }
        return this;
    }

    /** One line for people: {@code COMPLETED, 9 of 9 deleted, 0 failed}. Its wording may change. */
    @Override
    public String toString() {
        byte[] text = new byte[256];
        Native.zmd_status_text(raw, text, Native.size(text.length));
        return Native.text(text);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Status
                && module.equals(((Status) other).module)
                && jobId.equals(((Status) other).jobId)
                && Arrays.equals(raw, ((Status) other).raw);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(raw);
    }

    private ByteBuffer field(int offset) {
        ByteBuffer fields = ByteBuffer.wrap(raw).order(ByteOrder.nativeOrder());
        fields.position(offset);
        return fields;
    }

    private OptionalLong count(int offset) {
        long count = field(offset).getLong();
        return count == -1 ? OptionalLong.empty() : OptionalLong.of(count);
    }
}
