// Waits until a mass-delete job has ended, for four hours at most, and prints its progress.
//
// Exit status: 0 every record was deleted, 1 the job failed or left records behind, 2 it still runs, 3 an error.
using System;
using Zmd;

internal static class Example
{
    private static string Count(long? count)
    {
        return count.HasValue ? count.Value.ToString() : "?";
    }

    private static bool Show(Status status, ZmdException error)
    {
        if (error != null)
            Console.Error.WriteLine(error.Message); // transient: the wait continues
        else
            Console.WriteLine(
                "{0}: {1} of {2} deleted, {3} failed",
                status.StateText, Count(status.DeletedCount), Count(status.TotalCount), Count(status.FailedCount));
        return true;
    }

    private static int Main(string[] arguments)
    {
        if (arguments.Length != 2)
        {
            Console.Error.WriteLine("usage: Example MODULE JOB_ID");
            return 3;
        }
        try
        {
            using (Client client = Client.FromEnvironment())
            {
                Status last = client.Wait(arguments[0], arguments[1], TimeSpan.FromHours(4), Show);
                return last.State == State.Completed && last.FailedCount.GetValueOrDefault() == 0 ? 0 : 1;
            }
        }
        catch (ZmdException failure)
        {
            Console.Error.WriteLine("{0}: {1}", failure.Name, failure.Message);
            return failure.Kind == ErrorKind.Timeout && failure.Status.State != State.Unknown ? 2 : 3;
        }
    }
}
