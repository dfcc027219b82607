// The binding for Java, against the stand-in that tests/packages/hosts.rs starts.
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import zmd.Client;
import zmd.State;
import zmd.Status;
import zmd.ZmdException;
import zmd.ZmdException.Kind;

/** Against the stand-in that tests/packages/hosts.rs starts. */
public class Test {
    static void same(Object expected, Object found) {
        if (!expected.equals(found)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }

    static <T extends Throwable> T thrown(Class<T> type, Runnable code) {
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

    static ZmdException failure(Kind kind, Runnable code) {
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

        // The stand-in answers the first two polls with a job that is queued, without counts, and one that runs.
        List<String> seen = new ArrayList<>();
        Status last = client.await("Leads", "1001", Duration.ofMinutes(1), (status, error) -> {
            seen.add(error != null ? error.toString() : status.state() + " " + status.deletedCount());
            return true;
        });
        same(List.of("QUEUED OptionalLong.empty", "RUNNING OptionalLong[4]", "COMPLETED OptionalLong[9]"), seen);
        same(State.COMPLETED, last.state());

        OptionalLong nine = OptionalLong.of(9);
        Status completed = new Status(State.COMPLETED, "COMPLETED", 200, nine, nine, OptionalLong.of(0));
        same(completed, client.status("Leads", "1001"));
        same(completed, client.await("Leads", "1001"));
        same(State.FAILED, client.status("Leads", "1004").state());

        ZmdException failure = failure(Kind.FORBIDDEN, () -> client.status("Leads", "error-NO_PERMISSION"));
        same("NO_PERMISSION", failure.code());
        same(403, failure.status().httpStatus());
        contains("permission denied", failure);
        contains("Sales_Orders", failure(Kind.INVALID_ARGUMENT, () -> client.status("Sales Orders", "1001")));
        contains("NUL", thrown(IllegalArgumentException.class, () -> client.status("Leads\0", "1001")));
        thrown(NullPointerException.class, () -> client.status("Leads", null));

        int[] polls = {0};
        failure = failure(Kind.CANCELLED, () -> client.await("Leads", "1002", null, (status, error) -> ++polls[0] < 2));
        same(2, polls[0]);
        same(State.RUNNING, failure.status().state());
        Throwable mine = thrown(UnsupportedOperationException.class, () -> client.await("Leads", "1002", null, (status, error) -> {
            throw new UnsupportedOperationException("mine");
        }));
        same("mine", mine.getMessage());
        contains("can't close", thrown(IllegalStateException.class, () -> client.await("Leads", "1002", null, (status, error) -> {
            client.close();
            return true;
        })));
        same(completed, client.status("Leads", "1001"));

        failure = failure(Kind.TIMEOUT, () -> client.await("Leads", "1002", Duration.ofMillis(500), null));
        same(State.RUNNING, failure.status().state());

        contains("acces_token", failure(Kind.INVALID_CONFIG, () -> Client.of(Map.of("acces_token", "x"))));
        try (Client other = Client.fromEnvironment(Map.of("access_token", "wrong"))) {
            same("INVALID_TOKEN", failure(Kind.UNAUTHORIZED, () -> other.status("Leads", "1001")).code());
            other.setAccessToken(System.getenv("ZMD_ACCESS_TOKEN"));
            same(completed, other.status("Leads", "1001"));
        }
        same("0.1.0", Client.version());

        // Closed while another thread waits.
        CountDownLatch polled = new CountDownLatch(1);
        ZmdException[] ended = {null};
        Thread waiting = new Thread(() -> ended[0] = failure(Kind.CANCELLED, () -> client.await("Leads", "1002", null, (status, error) -> {
            polled.countDown();
            return true;
        })));
        waiting.start();
        polled.await();
        client.close();
        waiting.join();
        same(Kind.CANCELLED, ended[0].kind());
        client.close();
        thrown(IllegalStateException.class, () -> client.status("Leads", "1001"));
        System.out.println("ok java");
    }
}
