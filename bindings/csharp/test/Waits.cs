// What many waits cost: Waits COUNT SECONDS, each for a job that does not end within its limit. Prints by how much the last
// one missed its limit, and the most memory that the process used.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Zmd;

internal static class Waits
{
    private static async Task<TimeSpan> Wait(Client client, TimeSpan limit)
    {
        Stopwatch clock = Stopwatch.StartNew();
        try
        {
            await client.WaitAsync("Leads", "1002", limit);
        }
        catch (ZmdException)
        {
        }
        return clock.Elapsed - limit;
    }

    private static void Main(string[] arguments)
    {
        TimeSpan limit = TimeSpan.FromSeconds(int.Parse(arguments[1]));
        using (Client client = Client.FromEnvironment())
        {
            var waits = Enumerable.Range(0, int.Parse(arguments[0])).Select(index => Wait(client, limit)).ToArray();
            TimeSpan latest = Task.WhenAll(waits).Result.Max();
            string memory = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:"));
            Console.WriteLine(
                "late {0:0} ms, memory {1} KB", latest.TotalMilliseconds, new string(memory.Where(char.IsDigit).ToArray()));
        }
    }
}
