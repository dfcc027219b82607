// A wait with a callback that continues (go), or that ends it (stop): see tests/packages/hosts.rs.
using System;
using Zmd;

internal static class Callbacks
{
    private static void Main(string[] arguments)
    {
        try
        {
            using (Client client = Client.FromEnvironment())
            {
                Status last = client.Wait("Leads", "1001", null, poll =>
                {
                    Console.WriteLine(poll.Status);
                    return arguments[0] == "go";
                });
                Console.WriteLine("{0} {1}", last.HasEnded, last.IsSuccessful);
            }
        }
        catch (ZmdException failure)
        {
            Console.WriteLine(failure.Name);
        }
    }
}
