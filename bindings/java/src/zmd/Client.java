package zmd;

import static zmd.Native.ZMD;
import static zmd.Native.utf8;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Asks how far Zoho CRM mass-delete jobs are.
 *
 * <p>Any number of threads may use one at the same time. It keeps connections open between calls: make one, keep it,
 * and close it at the end.
 */
public final class Client implements AutoCloseable {
    // Calls hold it for reading; close() takes it for writing, so that no call uses a freed client.
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private final Pointer client;
    private boolean isClosed;

    private Client(Pointer client) {
        this.client = client;
    }

    /** A client with these settings only. The keys are those of zmd_config_set() in zmd.h. */
    public static Client of(Map<String, String> settings) {
        return make(settings, false);
    }

    /**
     * A client with the settings of the environment ({@code ZMD_ACCESS_TOKEN}, {@code ZMD_DATA_CENTER}, ...), and of the
     * configuration file, if there is one.
     */
    public static Client fromEnvironment() {
        return make(Map.of(), true);
    }

    /** The same with further settings, which take precedence. */
    public static Client fromEnvironment(Map<String, String> settings) {
        return make(settings, true);
    }

    private static Client make(Map<String, String> settings, boolean environment) {
        PointerByReference config = new PointerByReference();
        Native.check(ZMD.zmd_config_new(config), null);
        try {
            if (environment) {
                Native.check(ZMD.zmd_config_load_env(config.getValue()), null);
                Native.check(ZMD.zmd_config_load_file(config.getValue(), null, null), null);
            }
            settings.forEach((key, value) ->
                    Native.check(ZMD.zmd_config_set(config.getValue(), utf8("a key", key), utf8(key, value)), null));
            PointerByReference client = new PointerByReference();
            Native.check(ZMD.zmd_client_new(config.getValue(), client), null);
            return new Client(client.getValue());
        } finally {
            ZMD.zmd_config_free(config.getValue());
        }
    }

    /** The version of the library. */
    public static String version() {
        return Native.text(ZMD.zmd_version());
    }

    /**
     * Gets the status of a job.
     *
     * @param module the module's API name, such as {@code Leads}
     * @param jobId the job id from the response that scheduled the mass delete
     * @throws ZmdException if the service did not return the job's status. A job that failed is a status.
     */
    public Status status(String module, String jobId) {
        byte[] moduleName = utf8("module", module);
        byte[] id = utf8("jobId", jobId);
        begin();
        try (Memory status = new Memory(Status.SIZE)) {
            int error = ZMD.zmd_client_status(client, moduleName, id, status);
            Status result = Status.at(status);
            Native.check(error, result);
            return result;
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Waits until a job has ended, without a limit. */
    public Status await(String module, String jobId) {
        return await(module, jobId, null, null);
    }

    /**
     * Waits until a job has ended. (A {@code wait} would hide Object's.)
     *
     * @param timeout the limit for the whole wait; null: none
     * @param progress called after every poll; null: none
     * @throws ZmdException of kind TIMEOUT when the timeout expires, CANCELLED when {@code progress}, {@link #cancel} or
     *     {@link #close} has ended the wait: then {@link ZmdException#status} is the last status seen
     */
    public Status await(String module, String jobId, Duration timeout, ProgressListener progress) {
        byte[] moduleName = utf8("module", module);
        byte[] id = utf8("jobId", jobId);
        Listening listening = progress == null ? null : new Listening(progress);
        begin();
        try (Memory status = new Memory(Status.SIZE)) {
            long limit = timeout == null ? -1 : Math.max(0, timeout.toMillis());
            int error = ZMD.zmd_client_wait(client, moduleName, id, limit, listening, null, status);
            if (listening != null && listening.thrown != null) {
                throw Listening.<RuntimeException>sneaky(listening.thrown);
            }
            Status result = Status.at(status);
            Native.check(error, result);
            return result;
        } finally {
            lock.readLock().unlock();
        }
    }

    /** No exception may pass through the library: an exception of the listener is kept until the call has returned. */
    private static final class Listening implements Native.Progress {
        private final ProgressListener listener;
        private Throwable thrown;

        Listening(ProgressListener listener) {
            this.listener = listener;
        }

        @Override
        public int polled(Pointer userData, Native.Size index, int error, Pointer status) {
            try {
                Status result = Status.at(status);
                return listener.polled(result, error == 0 ? null : Native.failure(error, result)) ? 0 : 1;
            } catch (Throwable problem) {
                thrown = problem;
                return 1;
            }
        }

        @SuppressWarnings("unchecked")
        static <T extends Throwable> T sneaky(Throwable thrown) throws T {
            throw (T) thrown;
        }
    }

    /** Replaces the access token: calls that start after this one use it. */
    public void setAccessToken(String accessToken) {
        byte[] token = utf8("accessToken", accessToken);
        begin();
        try {
            Native.check(ZMD.zmd_client_set_access_token(client, token), null);
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Ends every call on this client, from any thread, with CANCELLED; later calls too. This cannot be undone. */
    public void cancel() {
        begin();
        try {
            Native.check(ZMD.zmd_client_cancel(client), null);
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Ends the calls in progress, and frees the client. A second call does nothing. */
    @Override
    public void close() {
        if (lock.getReadHoldCount() > 0) {
            throw new IllegalStateException("a progress listener can't close the client that waits: return false");
        }
        // Before the lock is taken, which waits for the calls that this ends.
        lock.readLock().lock();
        try {
            if (!isClosed) {
                ZMD.zmd_client_cancel(client);
            }
        } finally {
            lock.readLock().unlock();
        }
        lock.writeLock().lock();
        try {
            if (!isClosed) {
                isClosed = true;
                ZMD.zmd_client_free(client);
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    private void begin() {
        lock.readLock().lock();
        if (isClosed) {
            lock.readLock().unlock();
            throw new IllegalStateException("the client is closed");
        }
    }
}
