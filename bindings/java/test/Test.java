import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import zmd.Client;
import zmd.Job;
import zmd.JobFailedException;
import zmd.Poll;
import zmd.Result;
import zmd.Settings;
import zmd.State;
import zmd.Status;
import zmd.ZmdException;
import zmd.ZmdException.Kind;

/**
 * Against the stand-in that tests/packages/hosts.rs starts. Job 1002 never ends, and 1005 ends in hours, as its counts show. A
 * limit of some time says nothing of what a busy machine does within it; one of zero polls once.
 */
public class Test {
    interface Code {
        void run() throws Exception;
    }

    static void same(Object expected, Object found) {
        if (!expected.equals(found)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }

    static <T extends Throwable> T thrown(Class<T> type, Code code) {
        try {
            code.run();
        } catch (Throwable thrown) {
            if (!type.isInstance(thrown)) {
                throw new AssertionError("expected " + type, thrown);
            }
            return type.cast(thrown);
        }
        throw new AssertionError("expected " + type);
    }

    static ZmdException failure(Kind kind, Code code) {
        ZmdException failure = thrown(ZmdException.class, code);
        same(kind, failure.kind());
        return failure;
    }

    static void contains(String part, Throwable failure) {
        if (!failure.getMessage().contains(part)) {
            throw new AssertionError(part + " is not in " + failure.getMessage());
        }
    }

    public static void main(String[] arguments) throws Exception {
        Client client = Client.fromEnvironment();
        results(client);
        settings();
        token();
        log();
        callbacks(client);
        many(client);
        futures(client);
        interrupt(client);
        virtualThreads(client);
        closed(client);
        races();
        System.out.println("ok java");
    }

    static void results(Client client) {
        // The stand-in answers the first two polls with a job that is queued, without counts, and one that runs.
        List<String> seen = new ArrayList<>();
        Status last = client.await("Leads", " 1001", Duration.ofMinutes(1), poll -> {
            seen.add(poll.error() != null ? poll.error().toString() : poll.status().state() + " " + poll.status().deletedCount());
            same(poll.nextPoll().isPresent(), !poll.status().hasEnded());
            same("Leads", poll.module());
            return true;
        });
        same(Arrays.asList("QUEUED OptionalLong.empty", "RUNNING OptionalLong[4]", "COMPLETED OptionalLong[9]"), seen);
        same(last, last.check());
        same(State.COMPLETED, last.state());
        same("COMPLETED", last.stateText());
        same(200, last.httpStatus());
        same("Leads", last.module());
        same(" 1001", last.jobId());
        same(OptionalLong.of(9), last.totalCount());
        same(OptionalLong.of(0), last.failedCount());
        same("COMPLETED, 9 of 9 deleted, 0 failed", last.toString());
        same(client.status("Leads", "1001"), client.await("Leads", "1001"));

        Status failed = client.status("Leads", "1004");
        same(State.FAILED, failed.state());
        JobFailedException notDeleted = thrown(JobFailedException.class, failed::check);
        same("not all of the records are deleted: FAILED, 0 of 9 deleted, 9 failed", notDeleted.getMessage());
        same(failed, notDeleted.status().get());
        same(Kind.JOB_FAILED, notDeleted.kind());
        same("1004", notDeleted.jobId());

        ZmdException failure = failure(Kind.FORBIDDEN, () -> client.status("Leads", "error-NO_PERMISSION"));
        same("NO_PERMISSION", failure.code());
        same(403, failure.httpStatus());
        same("Leads error-NO_PERMISSION", failure.module() + " " + failure.jobId());
        same(false, failure.isTransient() || failure.status().isPresent());
        contains("permission denied", failure);
        same("main", failure.getStackTrace()[failure.getStackTrace().length - 1].getMethodName());
        contains("Sales_Orders", failure(Kind.INVALID_ARGUMENT, () -> client.status("Sales Orders", "1001")));
        contains("NUL", thrown(IllegalArgumentException.class, () -> client.status("Leads\0", "1001")));
        thrown(NullPointerException.class, () -> client.status("Leads", null));

        contains("within 500 ms", failure(Kind.TIMEOUT, () -> client.await("Leads", "1002", Duration.ofMillis(500), null)));
        failure = failure(Kind.TIMEOUT, () -> client.await("Leads", "1002", Duration.ZERO, null));
        same(State.RUNNING, failure.status().get().state());
        same(true, failure.isTransient());
    }

    static void settings() throws Exception {
        contains("did you mean access_token", failure(Kind.INVALID_CONFIG, () -> Client.of(new Settings().set("acces_token", "x"))));
        contains("1 to 86400000", failure(Kind.INVALID_CONFIG, () ->
                Client.fromEnvironment(new Settings().set("timeout_ms", Duration.ofDays(2)))));
        contains("0 to 100", failure(Kind.INVALID_CONFIG, () -> Client.of(new Settings().set("max_retries", 101))));
        Path file = Files.createTempFile("zmd", ".toml"); // which other users can't read
        Files.write(file, "[night]\nmax_retries = 0\n".getBytes("UTF-8"));
        Settings night = new Settings().configFile(file.toString());
        Client.fromEnvironment(night.profile("night")).close();
        contains("nigth", failure(Kind.INVALID_CONFIG, () -> Client.fromEnvironment(night.profile("nigth"))));
        Files.delete(file);
        contains("/nowhere", failure(Kind.INVALID_CONFIG, () -> Client.of(new Settings().configFile("/nowhere"))));
        try (Client other = Client.fromEnvironment(new Settings(Collections.singletonMap("access_token", "wrong")))) {
            same("INVALID_TOKEN", failure(Kind.UNAUTHORIZED, () -> other.status("Leads", "1001")).code());
            other.setAccessToken(System.getenv("ZMD_ACCESS_TOKEN"));
            same(true, other.status("Leads", "1001").isSuccessful());
        }
        same("0.1.0", Client.version());
    }

    static void token() {
        List<String> refused = new ArrayList<>();
        Settings settings = new Settings().set("access_token", "wrong").tokenProvider(last -> {
            refused.add(String.valueOf(last));
            return System.getenv("ZMD_ACCESS_TOKEN");
        });
        try (Client client = Client.fromEnvironment(settings)) {
            client.status("Leads", "1001");
        }
        same(Arrays.asList("wrong"), refused);
        settings.tokenProvider(last -> {
            throw new java.io.IOException("the vault is sealed");
        });
        try (Client client = Client.fromEnvironment(settings)) {
            ZmdException failure = failure(Kind.OAUTH, () -> client.status("Leads", "1001"));
            contains("the vault is sealed", failure);
            same(java.io.IOException.class, failure.getCause().getClass());
        }
    }

    static void log() {
        List<String> lines = Collections.synchronizedList(new ArrayList<>());
        Client.setLogger((level, line) -> lines.add(level + line), 4);
        try (Client client = Client.fromEnvironment()) {
            client.status("Leads", "1001");
        }
        Client.setLogger(null, 0);
        same(true, lines.stream().anyMatch(line -> line.matches("4[a-z]+: .*")));
    }

    static void callbacks(Client client) {
        int[] polls = {0};
        ZmdException failure = failure(Kind.CANCELLED, () -> client.await("Leads", "1002", null, poll -> ++polls[0] < 2));
        same(2, polls[0]);
        same(State.RUNNING, failure.status().get().state());
        Throwable mine = thrown(UnsupportedOperationException.class, () -> client.await("Leads", "1002", null, poll -> {
            throw new UnsupportedOperationException("mine");
        }));
        same("mine", mine.getMessage());
        AtomicReference<Poll> last = new AtomicReference<>();
        failure(Kind.CANCELLED, () -> client.await("Leads", "1005", null, poll -> {
            same(true, last.get() == null || poll.elapsed().compareTo(last.get().elapsed()) > 0);
            last.set(poll);
            return !poll.remaining().isPresent();
        }));
        // The unit is right; the number follows from two polls, of which one may have been late.
        Duration remaining = last.get().remaining().get();
        same(true, remaining.compareTo(Duration.ofSeconds(10)) > 0 && remaining.compareTo(Duration.ofDays(100)) < 0);

        // A permanent error is thrown, and not reported too.
        failure(Kind.JOB_NOT_FOUND, () -> client.await("Leads", "4711", null, poll -> {
            throw new AssertionError("reported");
        }));
        // A callback may call the client.
        client.await("Leads", "1001", null, poll -> client.status("Leads", "1001").isSuccessful());
    }

    static void many(Client client) {
        List<Job> jobs = new ArrayList<>();
        for (String id : Arrays.asList("1001", "4711", "no id", "1004", "1002")) {
            jobs.add(new Job("Leads", id));
        }
        same("[COMPLETED, JOB_NOT_FOUND, INVALID_ARGUMENT, FAILED, RUNNING]", shown(client.statusAll(jobs)));
        List<Integer> stopped = new ArrayList<>();
        List<Result> results = client.awaitAll(jobs, null, poll -> {
            if (poll.status().state() == State.RUNNING) {
                stopped.add(poll.index());
            }
            return poll.status().state() != State.RUNNING;
        });
        same("[COMPLETED, JOB_NOT_FOUND, INVALID_ARGUMENT, FAILED, CANCELLED]", shown(results));
        same(Arrays.asList(4), stopped);
        same("no id", results.get(2).error().jobId());
        failure(Kind.JOB_NOT_FOUND, () -> results.get(1).get());
        same(0, client.awaitAll(Collections.emptyList(), null, null).size());
        same(true, client.counters().polls() > 5 && client.counters().connections() > 0 && !client.credits().isPresent());
        contains("mine", thrown(IllegalStateException.class, () -> client.awaitAll(jobs, null, poll -> {
            throw new IllegalStateException("mine");
        })));
    }

    static String shown(List<Result> results) {
        return results.stream()
                .map(result -> result.error() == null ? "" + result.status().state() : "" + result.error().kind())
                .collect(Collectors.toList())
                .toString();
    }

    static void futures(Client client) throws Exception {
        same(true, client.awaitAsync("Leads", "1001", null).get().isSuccessful());
        same(State.FAILED, client.statusAsync("Leads", "1004").thenApply(Status::state).get());
        thrown(JobFailedException.class, () -> {
            try {
                client.awaitAsync("Leads", "1004", null).thenApply(Status::check).join();
            } catch (CompletionException failure) {
                throw (Exception) failure.getCause();
            }
        });
        ExecutionException failure = thrown(ExecutionException.class, () -> client.statusAsync("Leads", "4711").get());
        same(Kind.JOB_NOT_FOUND, ((ZmdException) failure.getCause()).kind());
        // What depends on a future may block in the client.
        same(true, client.awaitAsync("Leads", "1001", null).thenApply(last -> client.await("Leads", "1001")).get().hasEnded());

        CountDownLatch polled = new CountDownLatch(3);
        CompletableFuture<Status> wait = client.awaitAsync("Leads", "1002", null, poll -> {
            polled.countDown();
            return true;
        });
        polled.await();
        wait.cancel(true);
        long before = client.counters().polls();
        int[] others = {0};
        failure(Kind.CANCELLED, () -> client.await("Leads", "1002", null, poll -> ++others[0] < 8));
        // One of each may have been under way.
        same(true, client.counters().polls() <= before + 8 + 2);
        thrown(CancellationException.class, wait::get);

        failure = thrown(ExecutionException.class, () -> client.awaitAsync("Leads", "1002", null, poll -> false).get());
        same(Kind.CANCELLED, ((ZmdException) failure.getCause()).kind());
        failure = thrown(ExecutionException.class, () -> client.awaitAsync("Leads", "1002", null, poll -> {
            throw new IllegalStateException("mine");
        }).get());
        contains("mine", failure.getCause());
        // An executor that refuses.
        try (Client other = Client.fromEnvironment(new Settings().executor(task -> {
            throw new java.util.concurrent.RejectedExecutionException("closed");
        }))) {
            contains("closed", thrown(ExecutionException.class, () -> other.statusAsync("Leads", "1001").get()).getCause());
            same(true, other.status("Leads", "1001").hasEnded());
        }
    }

    static void interrupt(Client client) throws Exception {
        CountDownLatch polled = new CountDownLatch(1);
        AtomicReference<Throwable> ended = new AtomicReference<>();
        Thread waiting = new Thread(() -> {
            ZmdException failure = failure(Kind.CANCELLED, () -> client.await("Leads", "1002", null, poll -> {
                polled.countDown();
                return true;
            }));
            same(State.RUNNING, failure.status().get().state());
            same(true, Thread.interrupted());
        });
        waiting.setUncaughtExceptionHandler((thread, thrown) -> ended.set(thrown));
        waiting.start();
        polled.await();
        waiting.interrupt();
        waiting.join();
        if (ended.get() != null) {
            throw new AssertionError(ended.get());
        }
        Thread.currentThread().interrupt();
        failure(Kind.CANCELLED, () -> client.await("Leads", "1002"));
        same(true, Thread.interrupted());
    }

    /** Forty wait at once, where there is one carrier: jdk.virtualThreadScheduler.maxPoolSize=1. */
    static void virtualThreads(Client client) throws Exception {
        java.lang.reflect.Method start;
        try {
            start = Thread.class.getMethod("startVirtualThread", Runnable.class);
        } catch (NoSuchMethodException error) {
            return; // before Java 21
        }
        CountDownLatch polled = new CountDownLatch(40);
        List<Thread> threads = new ArrayList<>();
        for (int index = 0; index < 40; index++) {
            threads.add((Thread) start.invoke(null, (Runnable) () -> failure(Kind.CANCELLED, () -> {
                AtomicInteger polls = new AtomicInteger();
                client.await("Leads", "1002", null, poll -> {
                    if (polls.getAndIncrement() == 0) {
                        polled.countDown();
                    }
                    return true;
                });
            })));
        }
        polled.await();
        for (Thread thread : threads) {
            thread.interrupt();
            thread.join();
        }
    }

    static void closed(Client client) throws Exception {
        CountDownLatch polled = new CountDownLatch(1);
        AtomicReference<ZmdException> ended = new AtomicReference<>();
        Thread waiting = new Thread(() -> ended.set(failure(Kind.CANCELLED, () -> client.await("Leads", "1002", null, poll -> {
            polled.countDown();
            return true;
        }))));
        waiting.start();
        polled.await();
        CompletableFuture<Status> future = client.awaitAsync("Leads", "1002", null);
        client.close();
        waiting.join();
        same(Kind.CANCELLED, ended.get().kind());
        ExecutionException failure = thrown(ExecutionException.class, future::get);
        same(Kind.CANCELLED, ((ZmdException) failure.getCause()).kind());
        client.close();
        thrown(IllegalStateException.class, () -> client.status("Leads", "1001"));
        // Its thread ends.
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().equals("zmd")) {
                thread.join(60_000);
                same(false, thread.isAlive());
            }
        }

        Client cancelled = Client.fromEnvironment();
        cancelled.cancel();
        failure(Kind.CANCELLED, () -> cancelled.status("Leads", "1001"));
        // A listener closes the client that waits.
        Client other = Client.fromEnvironment();
        failure(Kind.CANCELLED, () -> other.await("Leads", "1002", null, poll -> {
            other.close();
            return true;
        }));
        cancelled.close();
    }

    /** Clients are closed while threads wait, cancel and are interrupted: each call ends, in one of the ways that it may. */
    static void races() throws Exception {
        Random random = new Random(1);
        for (int round = 0; round < 100; round++) {
            Client client = Client.fromEnvironment();
            AtomicReference<Throwable> wrong = new AtomicReference<>();
            List<Thread> threads = new ArrayList<>();
            for (int index = 0; index < 6; index++) {
                int kind = index;
                threads.add(new Thread(() -> {
                    try {
                        while (!Thread.currentThread().isInterrupted()) {
                            switch (kind) {
                                case 0:
                                    client.await("Leads", "1002");
                                    break;
                                case 1:
                                    client.await("Leads", "1001");
                                    break;
                                case 2:
                                    client.awaitAsync("Leads", "1002", null).cancel(true);
                                    break;
                                case 3:
                                    client.awaitAll(Arrays.asList(new Job("Leads", "1001"), new Job("Leads", "1004")), null, null);
                                    break;
                                case 4:
                                    client.awaitAsync("Leads", "1002", Duration.ZERO).join();
                                    break;
                                default:
                                    client.setAccessToken(System.getenv("ZMD_ACCESS_TOKEN"));
                            }
                        }
                    } catch (IllegalStateException closed) {
                        // it may be closed
                    } catch (CompletionException | ZmdException failure) {
                        Throwable cause = failure instanceof ZmdException ? failure : failure.getCause();
                        Kind found = ((ZmdException) cause).kind();
                        if (found != Kind.CANCELLED && found != Kind.TIMEOUT) {
                            wrong.set(failure);
                        }
                    } catch (Throwable failure) {
                        wrong.set(failure);
                    }
                }));
            }
            threads.forEach(Thread::start);
            Thread.sleep(random.nextInt(5)); // anything may be under way
            threads.get(random.nextInt(6)).interrupt();
            client.close();
            for (Thread thread : threads) {
                thread.interrupt();
                thread.join();
            }
            if (wrong.get() != null) {
                throw new AssertionError(wrong.get());
            }
        }
    }
}
