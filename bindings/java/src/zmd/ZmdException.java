package zmd;

import java.util.Optional;

/** A call that failed. Its message says in one line what happened and what to do. */
public class ZmdException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** What failed: {@code zmd_error} in zmd.h. */
    public enum Kind {
        /** The call succeeded, and the job did not: {@link JobFailedException}. */
        JOB_FAILED(0),
        /** An argument is missing. */
        NULL_POINTER(1),
        /** An argument is invalid; nothing was sent. */
        INVALID_ARGUMENT(2),
        /** A setting is unknown, missing or has an invalid value: the message names it. */
        INVALID_CONFIG(3),
        /** The host name could not be looked up. */
        DNS(10),
        /** Could not connect to the server. */
        CONNECT(11),
        /** The TLS handshake failed: for example, the certificate is not trusted. */
        TLS(12),
        /** The proxy can't be reached or refused the connection. */
        PROXY(13),
        /** The connection broke or the response was not HTTP. */
        NETWORK(14),
        /** A time limit expired. */
        TIMEOUT(15),
        /** Ended by the program: by the client, a listener or an interrupt. */
        CANCELLED(16),
        /** The job's state and counts have stayed the same for as long as the setting {@code stalled_ms} says. */
        STALLED(17),
        /** The API refused the access token. */
        UNAUTHORIZED(20),
        /** The access token lacks the scope {@code ZohoCRM.mass_delete.READ}. */
        SCOPE(21),
        /** The user has no permission. */
        FORBIDDEN(22),
        /** The API has no module of that name. */
        INVALID_MODULE(23),
        /** The API has no such job in that module. */
        JOB_NOT_FOUND(24),
        /** Too many requests: calls in flight, access tokens or API credits. */
        RATE_LIMITED(25),
        /** The service failed: HTTP 5xx, or a code that says so. */
        SERVER(26),
        /** The API returned another error: see {@link ZmdException#code}. */
        API(27),
        /** The response is not what the API documents. */
        BAD_RESPONSE(28),
        /** The accounts server, or the token provider, has no access token for this client. */
        OAUTH(29),
        /** A bug in libzmd: report it. */
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
    private final String module;
    private final String jobId;
    private final Status status;

    ZmdException(int number, String code, String message, String module, String jobId, Status status) {
        super(message);
        this.number = number;
        this.code = code;
        this.module = module;
        this.jobId = jobId;
        this.status = status;
    }

    /**
     * What failed.
     *
     * @return {@link Kind#OTHER} for an error that this version does not know
     */
    public Kind kind() {
        return Kind.of(number);
    }

    /**
     * The number of the error.
     *
     * @return a {@code zmd_error} of zmd.h
     */
    public int number() {
        return number;
    }

    /**
     * Whether the same call may succeed later: the network failed, a time limit expired, the service was busy. A proxy that
     * refused the credentials (HTTP 407) refuses them again.
     *
     * @return true: it may
     */
    public boolean isTransient() {
        return Native.zmd_error_is_transient(number) != 0 && httpStatus() != 407;
    }

    /**
     * The API's own code, such as {@code NO_PERMISSION}.
     *
     * @return empty if there is none
     */
    public String code() {
        return code;
    }

    /**
     * The HTTP status of the response that failed, or of the last one.
     *
     * @return 0: there was none
     */
    public int httpStatus() {
        return status == null ? 0 : status.httpStatus();
    }

    /**
     * The job's module.
     *
     * @return null: the error concerns no job
     */
    public String module() {
        return module;
    }

    /**
     * The job's id.
     *
     * @return null: the error concerns no job
     */
    public String jobId() {
        return jobId;
    }

    /**
     * The last status that the service reported for the job, when a wait timed out or was cancelled, or when the job failed.
     *
     * @return empty if there is none
     */
    public Optional<Status> status() {
        return Optional.ofNullable(status).filter(seen -> !seen.stateText().isEmpty());
    }
}
