import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import zmd.Client;

/**
 * What many waits cost: {@code Waits COUNT SECONDS}, each for a job that does not end within its limit. Prints by how much
 * the last one missed its limit, and the most memory that the process used.
 */
public class Waits {
    public static void main(String[] arguments) throws Exception {
        int count = Integer.parseInt(arguments[0]);
        Duration limit = Duration.ofSeconds(Long.parseLong(arguments[1]));
        AtomicLong latest = new AtomicLong();
        List<CompletableFuture<?>> waits = new ArrayList<>();
        try (Client client = Client.fromEnvironment()) {
            // The machine loads its classes.
            client.awaitAsync("Leads", "1002", Duration.ZERO).handle((status, failure) -> status).join();
            for (int index = 0; index < count; index++) {
                long end = System.nanoTime() + limit.toNanos();
                waits.add(client.awaitAsync("Leads", "1002", limit).handle((status, failure) ->
                        latest.accumulateAndGet(System.nanoTime() - end, Math::max)));
            }
            CompletableFuture.allOf(waits.toArray(new CompletableFuture<?>[0])).join();
        }
        long threads = ManagementFactory.getThreadMXBean().getTotalStartedThreadCount();
        if (threads > 100) {
            throw new Exception(threads + " threads were started");
        }
        String memory = Files.lines(Paths.get("/proc/self/status")).filter(line -> line.startsWith("VmHWM:")).findFirst().get();
        System.out.println("late " + latest.get() / 1_000_000 + " ms, memory " + memory.replaceAll("\\D", "") + " KB");
    }
}
