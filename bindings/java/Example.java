import java.time.Duration;
import zmd.Client;
import zmd.Poll;
import zmd.ZmdException;

/**
 * Waits until a mass-delete job has ended, for four hours or so many seconds at most, and prints its progress.
 *
 * <p>Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
 */
public class Example {
    static boolean show(Poll poll) {
        if (poll.error() == null) {
            System.out.println(poll.status());
        } else {
            System.err.println(poll.error().getMessage()); // the wait continues
        }
        return true;
    }

    static int run(String module, String jobId, Duration limit) {
        try (Client client = Client.fromEnvironment()) {
            return client.await(module, jobId, limit, Example::show).isSuccessful() ? 0 : 1;
        } catch (ZmdException failure) {
            System.err.println("ZMD_ERR_" + failure.kind() + ": " + failure.getMessage());
            return failure.kind() == ZmdException.Kind.TIMEOUT && failure.status().isPresent() ? 2 : 3;
        } catch (UnsatisfiedLinkError failure) {
            System.err.println(failure.getMessage());
            return 3;
        }
    }

    public static void main(String[] arguments) {
        boolean isLimited = arguments.length == 3 && arguments[2].matches("[0-9]{1,9}");
        if (arguments.length != 2 && !isLimited) {
            System.err.println("usage: Example MODULE JOB_ID [SECONDS]");
            System.exit(3);
        }
        Duration limit = isLimited ? Duration.ofSeconds(Long.parseLong(arguments[2])) : Duration.ofHours(4);
        System.exit(run(arguments[0], arguments[1], limit));
    }
}
