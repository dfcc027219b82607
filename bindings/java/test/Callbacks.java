import zmd.Client;
import zmd.Status;
import zmd.ZmdException;

/** A wait with a callback that continues ({@code go}), or that ends it ({@code stop}): see tests/packages/hosts.rs. */
public class Callbacks {
    public static void main(String[] arguments) {
        boolean goesOn = arguments[0].equals("go");
        try (Client client = Client.fromEnvironment()) {
            Status last = client.await("Leads", "1001", null, poll -> {
                System.out.println(poll.status());
                return goesOn;
            });
            System.out.println(last.hasEnded() + " " + last.isSuccessful());
        } catch (ZmdException failure) {
            System.out.println("ZMD_ERR_" + failure.kind());
        }
    }
}
