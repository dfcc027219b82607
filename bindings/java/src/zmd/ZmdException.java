package zmd;

/** A call that failed. Its message says in one line what happened and what to do. */
public final class ZmdException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** What failed; the numbers are those of {@code zmd_error} in zmd.h, which documents them. */
    public enum Kind {
        NULL_POINTER(1),
        INVALID_ARGUMENT(2),
        INVALID_CONFIG(3),
        DNS(10),
        CONNECT(11),
        TLS(12),
        PROXY(13),
        NETWORK(14),
        TIMEOUT(15),
        CANCELLED(16),
        UNAUTHORIZED(20),
        SCOPE(21),
        FORBIDDEN(22),
        INVALID_MODULE(23),
        JOB_NOT_FOUND(24),
        RATE_LIMITED(25),
        SERVER(26),
        API(27),
        BAD_RESPONSE(28),
        OAUTH(29),
        INTERNAL(99),
        /** An error that a newer library has; see {@link ZmdException#number}. */
        OTHER(-1);

        private final int number;

        Kind(int number) {
            this.number = number;
        }

        static Kind of(int number) {
            for (Kind kind : values()) {
                if (kind.number == number) {
                    return kind;
                }
            }
            return OTHER;
        }
    }

    private final int number;
    private final String code;
    private final transient Status status;

    ZmdException(int number, String code, String message, Status status) {
        super(message);
        this.number = number;
        this.code = code;
        this.status = status;
    }

    /** What failed. */
    public Kind kind() {
        return Kind.of(number);
    }

    /** The number of the error. */
    public int number() {
        return number;
    }

    /** Whether the same call may succeed later; a wait continues after such an error of a poll. */
    public boolean isTransient() {
        return Native.ZMD.zmd_error_is_transient(number) != 0;
    }

    /** The API's own code, such as {@code NO_PERMISSION}; empty where there is none. */
    public String code() {
        return code;
    }

    /** Of a status call or a wait: the status as the library wrote it, after a timeout the last one seen. Else null. */
    public Status status() {
        return status;
    }
}
