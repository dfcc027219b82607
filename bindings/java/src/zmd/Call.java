package zmd;

import com.sun.jna.Pointer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;

/** A wait or a status call in the queue of a client. */
final class Call {
    final String module;
    final String jobId;
    final int index;
    final CompletableFuture<Status> future = new CompletableFuture<>();
    private final Client client;
    private final PollListener listener;
    private final Executor executor;
    private boolean isStopped;
    /** Of its events. */
    long id;
    /** Its last event has come: the client has forgotten it. */
    volatile boolean hasEnded;

    /** The executor runs the listener, and completes the future: one task after another. */
    Call(Client client, Job job, int index, PollListener listener, Executor executor) {
        this.client = client;
        this.module = job.module;
        this.jobId = job.id;
        this.index = index;
        this.listener = listener;
        this.executor = executor;
    }

    /** On the thread of the queue, whose last event this is. */
    void happened(Pointer event, boolean hasEnded) {
        Status status = new Status(module, jobId, event.getByteArray(32, Status.SIZE));
        int error = event.getInt(8);
        String code = error == 0 ? "" : Native.text(Native.zmd_last_error_code_of_job(Native.size(0)));
        String message = error == 0 ? "" : Native.text(Native.zmd_last_error_of_job(Native.size(0)));
        long remaining = Native.zmd_progress_remaining_ms();
        long elapsed = event.getLong(16);
        long nextPoll = event.getLong(24);
        // The exception is made by the executor: in a blocking call it has the caller's stack trace.
        executor.execute(() -> {
            ZmdException failure = error == 0 ? null : client.failure(error, code, message, this, status);
            if (hasEnded && failure == null && isStopped) {
                // The poll at which the job had ended was under way.
                failure = client.failure(16, "", "the listener has ended the wait", this, status);
            }
            if (hasEnded && failure != null) {
                future.completeExceptionally(failure);
                return;
            }
            boolean isReported = listener != null && !isStopped && !future.isDone();
            if (isReported && !listener.polled(new Poll(this, status, failure, elapsed, nextPoll, remaining)) && !hasEnded) {
                isStopped = true;
                stop();
            }
            if (hasEnded) {
                future.complete(status);
            }
        });
    }

    /** Ends the wait: its last event comes at once, with CANCELLED. */
    void stop() {
        client.end(this, false);
    }

    /** After its end. */
    Result result() {
        try {
            return new Result(module, jobId, future.join(), null);
        } catch (CompletionException failure) {
            return new Result(module, jobId, null, (ZmdException) failure.getCause());
        }
    }
}
