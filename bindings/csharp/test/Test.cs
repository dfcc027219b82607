// The binding for C#, against the stand-in that tests/packages/hosts.rs starts.
using System;
using System.Collections.Generic;
using System.Threading;
using Zmd;

internal static class Test
{
    private static void Same<T>(T expected, T found)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, found))
            throw new Exception("expected " + expected + ", found " + found);
    }

    private static T Thrown<T>(Action code) where T : Exception
    {
        try
        {
            code();
        }
        catch (T thrown)
        {
            return thrown;
        }
        throw new Exception("expected a " + typeof(T));
    }

    private static ZmdException Failure(ErrorKind kind, Action code)
    {
        ZmdException failure = Thrown<ZmdException>(code);
        Same(kind, failure.Kind);
        return failure;
    }

    private static void Contains(string part, Exception failure)
    {
        if (!failure.Message.Contains(part))
            throw new Exception(part + " is not in " + failure.Message);
    }

    private static Dictionary<string, string> Setting(string key, string value)
    {
        return new Dictionary<string, string> { { key, value } };
    }

    private static void Main()
    {
        Client client = Client.FromEnvironment();

        // The stand-in answers the first two polls with a job that is queued, without counts, and one that runs.
        List<string> seen = new List<string>();
        Status last = client.Wait("Leads", "1001", TimeSpan.FromMinutes(1), (status, error) =>
        {
            seen.Add(error != null ? error.Message : status.State + " " + status.DeletedCount);
            return true;
        });
        Same("Queued ,Running 4,Completed 9", string.Join(",", seen));
        Same(State.Completed, last.State);

        Status completed = client.GetStatus("Leads", "1001");
        Same(State.Completed, completed.State);
        Same("COMPLETED", completed.StateText);
        Same(200, completed.HttpStatus);
        Same((long?)9, completed.TotalCount);
        Same((long?)9, completed.DeletedCount);
        Same((long?)0, completed.FailedCount);
        Same(State.Completed, client.Wait("Leads", "1001").State);
        Same(State.Failed, client.GetStatus("Leads", "1004").State);

        ZmdException failure = Failure(ErrorKind.Forbidden, () => client.GetStatus("Leads", "error-NO_PERMISSION"));
        Same("ZMD_ERR_FORBIDDEN", failure.Name);
        Same("NO_PERMISSION", failure.Code);
        Same(403, failure.Status.HttpStatus);
        Contains("permission denied", failure);
        Contains("Sales_Orders", Failure(ErrorKind.InvalidArgument, () => client.GetStatus("Sales Orders", "1001")));
        Contains("NUL", Thrown<ArgumentException>(() => client.GetStatus("Leads\0", "1001")));
        Thrown<ArgumentNullException>(() => client.GetStatus("Leads", null));

        int polls = 0;
        failure = Failure(ErrorKind.Cancelled, () => client.Wait("Leads", "1002", null, (status, error) => ++polls < 2));
        Same(2, polls);
        Same(State.Running, failure.Status.State);
        Contains("mine", Thrown<NotSupportedException>(() => client.Wait("Leads", "1002", null, (status, error) =>
        {
            throw new NotSupportedException("mine");
        })));
        Same(State.Completed, client.GetStatus("Leads", "1001").State);

        failure = Failure(ErrorKind.Timeout, () => client.Wait("Leads", "1002", TimeSpan.FromMilliseconds(500)));
        Same(State.Running, failure.Status.State);

        // The callback survives a collection in the middle of a wait.
        client.Wait("Leads", "1001", null, (status, error) =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return true;
        });

        Contains("acces_token", Failure(ErrorKind.InvalidConfig, () => new Client(Setting("acces_token", "x"))));
        using (Client other = Client.FromEnvironment(Setting("access_token", "wrong")))
        {
            Same("INVALID_TOKEN", Failure(ErrorKind.Unauthorized, () => other.GetStatus("Leads", "1001")).Code);
            other.SetAccessToken(Environment.GetEnvironmentVariable("ZMD_ACCESS_TOKEN"));
            Same(State.Completed, other.GetStatus("Leads", "1001").State);
        }
        Same("0.1.0", Client.Version);

        // Disposed while another thread waits.
        ManualResetEvent polled = new ManualResetEvent(false);
        Exception ended = null;
        Thread waiting = new Thread(() =>
        {
            try
            {
                client.Wait("Leads", "1002", null, (status, error) => polled.Set());
            }
            catch (Exception thrown)
            {
                ended = thrown;
            }
        });
        waiting.Start();
        polled.WaitOne();
        client.Dispose();
        waiting.Join();
        Same(ErrorKind.Cancelled, ((ZmdException)ended).Kind);
        client.Dispose();
        Thrown<ObjectDisposedException>(() => client.GetStatus("Leads", "1001"));
        Console.WriteLine("ok csharp");
    }
}
