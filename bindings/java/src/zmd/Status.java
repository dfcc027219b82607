package zmd;

import static zmd.Native.ZMD;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;
import java.util.function.Function;

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

    private static final int TEXT = 32;

    /** Whether all records were deleted: the job is COMPLETED, no record failed, and the deleted ones reach the total. */
    public boolean isSuccessful() {
        return inC(status -> ZMD.zmd_status_is_successful(status) != 0);
    }

    /** Whether the job has ended: COMPLETED or FAILED. */
    public boolean hasEnded() {
        return inC(status -> ZMD.zmd_status_has_ended(status) != 0);
    }

    /** One line for people: {@code COMPLETED, 9 of 9 deleted, 0 failed}. Its wording may change. */
    @Override
    public String toString() {
        return inC(status -> {
            try (Memory text = new Memory(256)) {
                ZMD.zmd_status_text(status, text, new Native.Size(text.size()));
                return Native.text(text);
            }
        });
    }

    private <T> T inC(Function<Pointer, T> function) {
        try (Memory status = new Memory(SIZE)) {
            status.clear();
            status.setInt(0, state.ordinal());
            status.setInt(4, httpStatus);
            status.setLong(8, totalCount.orElse(-1));
            status.setLong(16, deletedCount.orElse(-1));
            status.setLong(24, failedCount.orElse(-1));
            byte[] text = stateText.getBytes(StandardCharsets.UTF_8);
            status.write(TEXT, text, 0, Math.min(text.length, SIZE - TEXT - 1));
            return function.apply(status);
        }
    }

    static Status at(Pointer status) {
        return new Status(
                State.of(status.getInt(0)),
                status.getString(TEXT, "UTF-8"),
                status.getInt(4),
                count(status.getLong(8)),
                count(status.getLong(16)),
                count(status.getLong(24)));
    }

    private static OptionalLong count(long count) {
        return count == -1 ? OptionalLong.empty() : OptionalLong.of(count);
    }
}
