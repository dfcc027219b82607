// Waits until a mass-delete job has ended, for four hours or so many seconds at most, and prints its progress.
//
// Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
using System;
using Zmd;

internal static class Example
{
    private static bool Show(Poll poll)
    {
        if (poll.Error == null)
            Console.WriteLine(poll.Status);
        else
            Console.Error.WriteLine(poll.Error.Message); // the wait continues
        return true;
    }

    private static int Main(string[] arguments)
    {
        int seconds = 4 * 3600;
        if (arguments.Length < 2 || arguments.Length > 3
            || arguments.Length == 3 && !int.TryParse(arguments[2], out seconds))
        {
            Console.Error.WriteLine("usage: Example MODULE JOB_ID [SECONDS]");
            return 3;
        }
        try
        {
            using (Client client = Client.FromEnvironment())
            {
                Status last = client.Wait(arguments[0], arguments[1], TimeSpan.FromSeconds(seconds), Show);
                return last.IsSuccessful ? 0 : 1;
            }
        }
        catch (ZmdException failure)
        {
            Console.Error.WriteLine("{0}: {1}", failure.Name, failure.Message);
            return failure.Kind == ErrorKind.Timeout && failure.Status != null ? 2 : 3;
        }
        catch (DllNotFoundException failure)
        {
            Console.Error.WriteLine(failure.Message);
            return 3;
        }
    }
}
