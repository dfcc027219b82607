package zmd;

import com.sun.jna.Callback;
import com.sun.jna.CallbackThreadInitializer;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Asks how far Zoho CRM mass-delete jobs are.
 *
 * <p>Any number of threads may use one at the same time. It keeps connections open between calls, and has one thread for all
 * of them: make one, keep it, and close it at the end.
 *
 * <p>A blocking call ends when its thread is interrupted, with {@link ZmdException.Kind#CANCELLED}, and leaves the thread
 * interrupted. A virtual thread that blocks in one does not keep its carrier.
 */
public final class Client implements AutoCloseable {
    // The library keeps only its address.
    private static Native.LogFunction logger;

    // A lock, and no synchronized: that would pin a virtual thread.
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition closing = lock.newCondition();
    private final Map<Long, Call> calls = new HashMap<>();
    private final Executor executor;
    private final Native.TokenFunction provide;
    private final Pointer client;
    private final Pointer waits;
    private final Thread thread;
    private volatile Throwable thrownByProvider;
    private boolean isClosed;

    private Client(Settings settings, boolean environment) {
        Native.load();
        executor = settings.executor;
        provide = settings.tokenProvider == null ? null : tokenFunction(settings.tokenProvider);
        PointerByReference made = new PointerByReference();
        Native.check(Native.zmd_config_new(made));
        Pointer config = made.getValue();
        try {
            if (environment) {
                Native.check(Native.zmd_config_load_env(config));
            }
            if (environment || settings.configFile != null || settings.profile != null) {
                byte[] file = settings.configFile == null ? null : Native.utf8("configFile", settings.configFile);
                byte[] profile = settings.profile == null ? null : Native.utf8("profile", settings.profile);
                Native.check(Native.zmd_config_load_file(config, file, profile));
            }
            settings.values.forEach((key, value) ->
                    Native.check(Native.zmd_config_set(config, Native.utf8("a key", key), Native.utf8(key, value))));
            Native.check(Native.zmd_config_set_token_provider(config, provide, null));
            Native.check(Native.zmd_client_new(config, made));
        } finally {
            Native.zmd_config_free(config);
        }
        client = made.getValue();
        int error = Native.zmd_waits_new(client, made);
        try {
            Native.check(error);
        } finally {
            if (error != 0) {
                Native.zmd_client_free(client);
            }
        }
        waits = made.getValue();
        thread = new Thread(this::takeEvents, "zmd");
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Creates a client with these settings only.
     *
     * @param settings which also name a configuration file or a profile of it, if they are to be used
     * @return a client, to be closed by the caller
     * @throws ZmdException of kind INVALID_CONFIG
     * @throws UnsatisfiedLinkError if the library can't be loaded: the message says from where, and why
     */
    public static Client of(Settings settings) {
        return new Client(settings, false);
    }

    /**
     * Creates a client with the settings of the environment ({@code ZMD_ACCESS_TOKEN}, {@code ZMD_DATA_CENTER}, ...), and of the
     * configuration file, if there is one.
     *
     * @return as {@link #of}
     */
    public static Client fromEnvironment() {
        return fromEnvironment(new Settings());
    }

    /**
     * The same with further settings.
     *
     * @param settings which take precedence
     * @return as {@link #of}
     */
    public static Client fromEnvironment(Settings settings) {
        return new Client(settings, true);
    }

    /**
     * The version of the library.
     *
     * @return such as {@code 0.1.0}
     */
    public static String version() {
        Native.load();
        return Native.text(Native.zmd_version());
    }

    /**
     * Sets the logger of the process: token renewals, retries, connections. It replaces another one.
     *
     * @param listener receives the lines; null: none
     * @param maxLevel 1 errors only, 2 warnings too, 3 infos, 4 debug, 5 trace
     */
    public static synchronized void setLogger(LogListener listener, int maxLevel) {
        Native.load();
        Native.LogFunction log =
                listener == null ? null : onThreads((data, level, line) -> listener.log(level, Native.text(line)));
        Native.check(Native.zmd_set_logger(log, null, maxLevel));
        logger = log;
    }

    /**
     * Gets the status of a job.
     *
     * @param module the module's API name, such as {@code Leads}
     * @param jobId the job id from the response that scheduled the mass delete
     * @return its status. A job that failed is a status, too.
     * @throws ZmdException if the service did not return it
     */
    public Status status(String module, String jobId) {
        return block(Collections.singletonList(new Job(module, jobId)), false, -1, null).get(0).get();
    }

    /**
     * Gets the status of a job, without blocking.
     *
     * @param module as for {@link #status}
     * @param jobId as for {@link #status}
     * @return a future of what {@link #status} returns or throws; completing it, as {@code cancel} does, ends the call
     */
    public CompletableFuture<Status> statusAsync(String module, String jobId) {
        return future(new Job(module, jobId), false, -1, null);
    }

    /**
     * Gets the status of many jobs, with at most {@code max_concurrency} requests at the same time.
     *
     * @param jobs the jobs
     * @return what {@link #status} returns or throws for each, in their order
     */
    public List<Result> statusAll(List<Job> jobs) {
        return block(jobs, false, -1, null);
    }

    /**
     * Waits until a job has ended, without a limit. (A {@code wait} would hide Object's.)
     *
     * @param module as for {@link #status}
     * @param jobId as for {@link #status}
     * @return as for {@link #await(String, String, Duration, PollListener)}
     */
    public Status await(String module, String jobId) {
        return await(module, jobId, null, null);
    }

    /**
     * Waits until a job has ended.
     *
     * @param module as for {@link #status}
     * @param jobId as for {@link #status}
     * @param timeout the limit for the whole wait; zero or less: poll once; null: none
     * @param listener called after every poll; null: none
     * @return the last status. {@link Status#check} throws if not all records were deleted.
     * @throws ZmdException of kind TIMEOUT when the timeout expires, CANCELLED when the listener, an interrupt, {@link #cancel}
     *     or {@link #close} has ended the wait: then {@link ZmdException#status} is the last status seen. Else a permanent error.
     */
    public Status await(String module, String jobId, Duration timeout, PollListener listener) {
        return block(Collections.singletonList(new Job(module, jobId)), true, limit(timeout), listener).get(0).get();
    }

    /**
     * Waits until a job has ended, without blocking.
     *
     * @param module as for {@link #status}
     * @param jobId as for {@link #status}
     * @param timeout as for {@link #await(String, String, Duration, PollListener)}
     * @return as for {@link #awaitAsync(String, String, Duration, PollListener)}
     */
    public CompletableFuture<Status> awaitAsync(String module, String jobId, Duration timeout) {
        return awaitAsync(module, jobId, timeout, null);
    }

    /**
     * Waits until a job has ended, without blocking and without a thread for each wait.
     *
     * @param module as for {@link #status}
     * @param jobId as for {@link #status}
     * @param timeout as for {@link #await(String, String, Duration, PollListener)}
     * @param listener called after every poll, one poll after the other; null: none
     * @return a future of what {@code await} returns or throws; completing it, as {@code cancel} does, ends the wait
     */
    public CompletableFuture<Status> awaitAsync(String module, String jobId, Duration timeout, PollListener listener) {
        return future(new Job(module, jobId), true, limit(timeout), listener);
    }

    /**
     * Waits until many jobs have ended, with at most {@code max_concurrency} requests at the same time.
     *
     * @param jobs the jobs
     * @param timeout the limit for the whole wait; zero or less: poll each job once; null: none
     * @param listener called after every poll; null: none
     * @return what {@code await} returns or throws for each, in their order
     */
    public List<Result> awaitAll(List<Job> jobs, Duration timeout, PollListener listener) {
        return block(jobs, true, limit(timeout), listener);
    }

    /**
     * Replaces the access token: calls that start after this one use it.
     *
     * @param accessToken the new one
     */
    public void setAccessToken(String accessToken) {
        byte[] token = Native.utf8("accessToken", accessToken);
        begin();
        try {
            Native.check(Native.zmd_client_set_access_token(client, token));
        } finally {
            lock.unlock();
        }
    }

    /**
     * API credits that remained when the service last told.
     *
     * @return empty: it has not
     */
    public OptionalLong credits() {
        begin();
        try {
            long credits = Native.zmd_client_credits(client);
            return credits < 0 ? OptionalLong.empty() : OptionalLong.of(credits);
        } finally {
            lock.unlock();
        }
    }

    /**
     * What the client has done so far.
     *
     * @return the numbers of this moment
     */
    public Counters counters() {
        Counters counters = new Counters();
        begin();
        try {
            Native.check(Native.zmd_client_counters(client, counters.raw, Native.size(8 * counters.raw.length)));
        } finally {
            lock.unlock();
        }
        return counters;
    }

    /** Ends every call on this client, from any thread, with CANCELLED; later calls too. This cannot be undone. */
    public void cancel() {
        begin();
        try {
            Native.check(Native.zmd_client_cancel(client));
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends the calls in progress with CANCELLED, and frees the client. It may be called from any thread, and returns within a
     * second, although a token provider does not. A second call does nothing.
     */
    @Override
    public void close() {
        lock.lock();
        try {
            if (!isClosed) {
                Native.zmd_client_cancel(client);
                isClosed = true;
                closing.signal();
            }
        } finally {
            lock.unlock();
        }
        try {
            thread.join(1000);
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
    }

    private static long limit(Duration timeout) {
        return timeout == null ? -1 : timeout.isNegative() ? 0 : Settings.milliseconds(timeout);
    }

    /** Makes calls, and does what they have to do on this thread. */
    private List<Result> block(List<Job> jobs, boolean isWait, long timeoutMs, PollListener listener) {
        BlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>();
        List<Call> made = new ArrayList<>();
        boolean isInterrupted = false;
        try {
            for (Job job : jobs) {
                made.add(new Call(this, job, made.size(), listener, tasks::add));
                start(made.get(made.size() - 1), isWait, timeoutMs);
            }
            for (Call call : made) {
                while (!call.future.isDone()) {
                    try {
                        tasks.take().run();
                    } catch (InterruptedException interrupt) {
                        isInterrupted = true;
                        made.forEach(Call::stop);
                    }
                }
            }
            return made.stream().map(Call::result).collect(Collectors.toList());
        } finally {
            // After an exception of the listener, the others.
            made.forEach(call -> call.future.cancel(false));
            if (isInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private CompletableFuture<Status> future(Job job, boolean isWait, long timeoutMs, PollListener listener) {
        InOrder tasks = new InOrder(executor);
        Call call = new Call(this, job, 0, listener, tasks);
        tasks.onThrow = call.future::completeExceptionally;
        start(call, isWait, timeoutMs);
        return call.future;
    }

    /** Runs tasks one after another. */
    private static final class InOrder implements Executor {
        private final Executor executor;
        private CompletableFuture<Void> last = CompletableFuture.completedFuture(null);
        private Consumer<Throwable> onThrow;

        InOrder(Executor executor) {
            this.executor = executor;
        }

        @Override
        public void execute(Runnable task) {
            last = last.thenRunAsync(task, executor);
            last.whenComplete((done, thrown) -> {
                if (thrown != null) {
                    onThrow.accept(thrown.getCause());
                }
            });
        }
    }

    /** What is wrong with a call's arguments is its result. */
    private void start(Call call, boolean isWait, long timeoutMs) {
        byte[] module = Native.utf8("module", call.module);
        byte[] jobId = Native.utf8("jobId", call.jobId);
        long[] id = {0};
        ZmdException failure;
        begin();
        try {
            int error = isWait
                    ? Native.zmd_waits_add(waits, module, jobId, timeoutMs, id)
                    : Native.zmd_waits_add_status(waits, module, jobId, timeoutMs, id);
            failure = Native.failure(error, call.module, call.jobId);
            if (failure == null) {
                call.id = id[0];
                calls.put(call.id, call);
            }
        } finally {
            lock.unlock();
        }
        if (failure != null) {
            call.future.completeExceptionally(failure);
        } else {
            call.future.whenComplete((status, thrown) -> {
                if (!call.hasEnded) {
                    end(call, true);
                }
            });
        }
    }

    /** Ends a call that has not ended: with a last event, or if it is forgotten, without. */
    void end(Call call, boolean isForgotten) {
        lock.lock();
        try {
            if ((isForgotten ? calls.remove(call.id, call) : calls.get(call.id) == call) && !isClosed) {
                Native.zmd_waits_remove(waits, call.id);
            }
        } finally {
            lock.unlock();
        }
    }

    ZmdException failure(int error, String code, String message, Call call, Status status) {
        ZmdException failure = new ZmdException(error, code, message, call.module, call.jobId, status);
        if (failure.kind() == ZmdException.Kind.OAUTH) {
            failure.initCause(thrownByProvider);
        }
        return failure;
    }

    private void takeEvents() {
        Pointer event = new Memory(32 + Status.SIZE);
        while (Native.zmd_waits_next(waits, -1, event) == 0) {
            long id = event.getLong(0);
            boolean hasEnded = event.getInt(12) != 0;
            lock.lock();
            Call call;
            try {
                call = hasEnded ? calls.remove(id) : calls.get(id);
            } finally {
                lock.unlock();
            }
            if (call != null) {
                call.hasEnded = hasEnded;
                call.happened(event, hasEnded);
            }
        }
        // It was cancelled, and is usable until it is closed.
        lock.lock();
        try {
            while (!isClosed) {
                closing.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
        Native.zmd_waits_free(waits);
        Native.zmd_client_free(client);
    }

    private Native.TokenFunction tokenFunction(TokenProvider provider) {
        return onThreads((data, refused, token, size) -> {
            byte[] text;
            Throwable problem = null;
            try {
                text = Native.utf8("the access token", provider.token(refused == null ? null : Native.text(refused)));
                if (text.length > Pointer.nativeValue(size)) {
                    throw new IllegalArgumentException("the access token is too long");
                }
            } catch (Throwable thrown) {
                problem = thrown;
                text = Arrays.copyOf(thrown.toString().getBytes(StandardCharsets.UTF_8), 1000);
                text[text.length - 1] = 0;
            }
            thrownByProvider = problem;
            token.write(0, text, 0, text.length);
            return problem == null ? 0 : 1;
        });
    }

    /** A callback for threads of the library, which do not keep the process alive. */
    private static <T extends Callback> T onThreads(T callback) {
        com.sun.jna.Native.setCallbackThreadInitializer(callback, new CallbackThreadInitializer(true, false, "zmd"));
        return callback;
    }

    private void begin() {
        lock.lock();
        if (isClosed) {
            lock.unlock();
            throw new IllegalStateException("the client is closed");
        }
    }
}
