package zmd;

import com.sun.jna.Pointer;
import java.util.OptionalLong;

/**
 * The status of a job.
 *
 * @param state the state of the job
 * @param stateText the state as the service sent it
 * @param httpStatus the HTTP status of the answer; 0: there was none
 * @param totalCount records that the job is to delete; empty: not reported
 * @param deletedCount records deleted so far
 * @param failedCount records that could not be deleted so far
 */
public record Status(
        State state,
        String stateText,
        int httpStatus,
        OptionalLong totalCount,
        OptionalLong deletedCount,
        OptionalLong failedCount) {

    /** The size of zmd_status: it has no padding on any platform. */
    static final int SIZE = 64;

    static Status at(Pointer status) {
        return new Status(
                State.of(status.getInt(0)),
                status.getString(32, "UTF-8"),
                status.getInt(4),
                count(status.getLong(8)),
                count(status.getLong(16)),
                count(status.getLong(24)));
    }

    private static OptionalLong count(long count) {
        return count == -1 ? OptionalLong.empty() : OptionalLong.of(count);
    }
}
