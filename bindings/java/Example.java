import java.time.Duration;
import java.util.OptionalLong;
import zmd.Client;
import zmd.State;
import zmd.Status;
import zmd.ZmdException;

/**
 * Waits until a mass-delete job has ended, for four hours at most, and prints its progress.
 *
 * <p>Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
 */
public class Example {
    static void show(Status status) {
        System.out.printf("%s: %s of %s deleted, %s failed%n", status.stateText(),
                count(status.deletedCount()), count(status.totalCount()), count(status.failedCount()));
    }

    static String count(OptionalLong count) {
        return count.isPresent() ? Long.toString(count.getAsLong()) : "?";
    }

    static int run(String module, String jobId) {
        try (Client client = Client.fromEnvironment()) {
            Status last = client.await(module, jobId, Duration.ofHours(4), (status, error) -> {
                if (error == null) {
                    show(status);
                } else {
                    System.err.println(error.getMessage()); // transient: the wait continues
                }
                return true;
            });
            return last.state() == State.COMPLETED && last.failedCount().orElse(0) == 0 ? 0 : 1;
        } catch (ZmdException failure) {
            System.err.println("ZMD_ERR_" + failure.kind() + ": " + failure.getMessage());
            boolean isRunning = failure.kind() == ZmdException.Kind.TIMEOUT && failure.status().state() != State.UNKNOWN;
            return isRunning ? 2 : 3;
        }
    }

    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            System.err.println("usage: Example MODULE JOB_ID");
            System.exit(3);
        }
        System.exit(run(arguments[0], arguments[1]));
    }
}
