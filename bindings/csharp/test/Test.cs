// The binding for C#, against the stand-in that tests/packages/hosts.rs starts. Job 1002 never ends, and 1005 ends in hours,
// as its counts show. A limit of some time says nothing of what a busy machine does within it; one of zero polls once.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
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

    // Thrown as await throws it.
    private static T Thrown<T>(Task task) where T : Exception
    {
        return Thrown<T>(() => task.GetAwaiter().GetResult());
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

    private static void Main()
    {
        Client client = Client.FromEnvironment();
        Results(client);
        TypedSettings();
        Tokens();
        Log();
        Callbacks(client);
        Many(client);
        Tasks(client);
        Closed(client);
        for (int round = 0; round < 100; round++)
            Race(new Random(round));
        Console.WriteLine("ok csharp");
    }

    private static void Results(Client client)
    {
        // The stand-in answers the first two polls with a job that is queued, without counts, and one that runs.
        List<string> seen = new List<string>();
        Status last = client.Wait("Leads", " 1001", TimeSpan.FromMinutes(1), poll =>
        {
            seen.Add(poll.Error != null ? poll.Error.Message : poll.Status.State + " " + poll.Status.DeletedCount);
            Same(poll.NextPoll != null, !poll.Status.HasEnded);
            Same("Leads", poll.Module);
            return true;
        });
        Same("Queued ,Running 4,Completed 9", string.Join(",", seen));
        Same(last, last.Check());
        Same(State.Completed, last.State);
        Same("COMPLETED", last.StateText);
        Same(200, last.HttpStatus);
        Same("Leads/ 1001", last.Module + "/" + last.JobId);
        Same((long?)9, last.TotalCount);
        Same((long?)9, last.DeletedCount);
        Same((long?)0, last.FailedCount);
        Same("COMPLETED, 9 of 9 deleted, 0 failed", last.ToString());
        Same(State.Completed, client.Wait("Leads", "1001").State);

        Status failed = client.GetStatus("Leads", "1004");
        Same(State.Failed, failed.State);
        JobFailedException notDeleted = Thrown<JobFailedException>(() => failed.Check());
        Same("not all of the records are deleted: FAILED, 0 of 9 deleted, 9 failed", notDeleted.Message);
        Same(failed, notDeleted.Status);
        Same(ErrorKind.JobFailed, notDeleted.Kind);
        Same("1004", notDeleted.JobId);

        ZmdException failure = Failure(ErrorKind.Forbidden, () => client.GetStatus("Leads", "error-NO_PERMISSION"));
        Same("ZMD_ERR_FORBIDDEN", failure.Name);
        Same("NO_PERMISSION", failure.Code);
        Same(403, failure.HttpStatus);
        Same("Leads/error-NO_PERMISSION", failure.Module + "/" + failure.JobId);
        Same(false, failure.IsTransient || failure.Status != null);
        Contains("permission denied", failure);
        Contains("Sales_Orders", Failure(ErrorKind.InvalidArgument, () => client.GetStatus("Sales Orders", "1001")));
        Contains("NUL", Thrown<ArgumentException>(() => client.GetStatus("Leads\0", "1001")));
        Thrown<ArgumentNullException>(() => client.GetStatus("Leads", null));

        Contains("within 500 ms", Failure(ErrorKind.Timeout, () =>
            client.Wait("Leads", "1002", TimeSpan.FromMilliseconds(500))));
        failure = Failure(ErrorKind.Timeout, () => client.Wait("Leads", "1002", TimeSpan.Zero));
        Same(State.Running, failure.Status.State);
        Same(true, failure.IsTransient);
    }

    private static void TypedSettings()
    {
        Contains("did you mean access_token", Failure(
            ErrorKind.InvalidConfig, () => new Client(new Settings { { "acces_token", "x" } })));
        Contains("1 to 86400000", Failure(ErrorKind.InvalidConfig, () => Client.FromEnvironment(
            new Settings { { "timeout_ms", TimeSpan.FromDays(2) } })));
        Contains("0 to 100", Failure(ErrorKind.InvalidConfig, () => new Client(new Settings { { "max_retries", 101 } })));
        string file = Path.GetTempFileName(); // which other users can't read
        File.WriteAllText(file, "[night]\nmax_retries = 0\n");
        Client.FromEnvironment(new Settings { ConfigFile = file, Profile = "night" }).Dispose();
        Contains("nigth", Failure(ErrorKind.InvalidConfig, () => Client.FromEnvironment(
            new Settings { ConfigFile = file, Profile = "nigth" })));
        File.Delete(file);
        Contains("/nowhere", Failure(ErrorKind.InvalidConfig, () => new Client(new Settings { ConfigFile = "/nowhere" })));
        using (Client other = Client.FromEnvironment(new Settings { { "access_token", "wrong" } }))
        {
            Same("INVALID_TOKEN", Failure(ErrorKind.Unauthorized, () => other.GetStatus("Leads", "1001")).Code);
            other.SetAccessToken(Environment.GetEnvironmentVariable("ZMD_ACCESS_TOKEN"));
            Same(State.Completed, other.GetStatus("Leads", "1001").State);
        }
        Same("0.1.0", Client.Version);
    }

    private static void Tokens()
    {
        List<string> refused = new List<string>();
        Settings settings = new Settings { { "access_token", "wrong" } };
        settings.TokenProvider = last =>
        {
            refused.Add(last);
            GC.Collect();
            return Environment.GetEnvironmentVariable("ZMD_ACCESS_TOKEN");
        };
        using (Client client = Client.FromEnvironment(settings))
        {
            client.GetStatus("Leads", "1001");
        }
        Same("wrong", refused.Single());
        settings.TokenProvider = last => throw new IOException("the vault is sealed");
        using (Client client = Client.FromEnvironment(settings))
        {
            ZmdException failure = Failure(ErrorKind.OAuth, () => client.GetStatus("Leads", "1001"));
            Contains("the vault is sealed", failure);
            Same(typeof(IOException), failure.InnerException.GetType());
        }
    }

    private static void Log()
    {
        List<string> lines = new List<string>();
        Client.SetLogger((level, line) =>
        {
            lock (lines)
                lines.Add(level.ToString(CultureInfo.InvariantCulture) + line);
            throw new Exception("ignored");
        }, 4);
        using (Client client = Client.FromEnvironment())
        {
            client.GetStatus("Leads", "1001");
            // A collection stops the threads of the library that have called the logger.
            Task<Status> wait = client.WaitAsync("Leads", "1002", TimeSpan.FromSeconds(1));
            while (!wait.IsCompleted)
            {
                GC.Collect();
                Thread.Sleep(50);
            }
            Same(true, wait.IsFaulted);
        }
        Client.SetLogger(null, 0);
        Same(true, lines.Any(line => line.StartsWith("4client: ", StringComparison.Ordinal)));
    }

    private static void Callbacks(Client client)
    {
        int polls = 0;
        ZmdException failure = Failure(ErrorKind.Cancelled, () => client.Wait("Leads", "1002", null, poll => ++polls < 2));
        Same(2, polls);
        Same(State.Running, failure.Status.State);
        Contains("mine", Thrown<NotSupportedException>(() => client.Wait("Leads", "1002", null, poll =>
        {
            throw new NotSupportedException("mine");
        })));
        Poll last = null;
        Failure(ErrorKind.Cancelled, () => client.Wait("Leads", "1005", null, poll =>
        {
            Same(true, last == null || poll.Elapsed > last.Elapsed);
            last = poll;
            return poll.Remaining == null;
        }));
        // The unit is right; the number follows from two polls, of which one may have been late.
        Same(true, last.Remaining > TimeSpan.FromSeconds(10) && last.Remaining < TimeSpan.FromDays(100));

        // A permanent error is thrown, and not reported too.
        Failure(ErrorKind.JobNotFound, () => client.Wait("Leads", "4711", null, poll =>
        {
            throw new Exception("reported");
        }));
        // A callback may call the client.
        client.Wait("Leads", "1001", null, poll => client.GetStatus("Leads", "1001").IsSuccessful);
    }

    private static void Many(Client client)
    {
        Job[] jobs = new[] { "1001", "4711", "no id", "1004", "1002" }.Select(id => new Job("Leads", id)).ToArray();
        Same("Completed JobNotFound InvalidArgument Failed Running", Shown(client.GetStatusAll(jobs)));
        List<int> stopped = new List<int>();
        IReadOnlyList<Result> results = client.WaitAll(jobs, null, poll =>
        {
            if (poll.Status.State == State.Running)
                stopped.Add(poll.Index);
            return poll.Status.State != State.Running;
        });
        Same("Completed JobNotFound InvalidArgument Failed Cancelled", Shown(results));
        Same(4, stopped.Single());
        Same("no id", results[2].Error.JobId);
        Same(0, client.WaitAll(new Job[0]).Count);
        Same(true, client.GetCounters().Polls > 5 && client.GetCounters().Connections > 0 && client.Credits == null);
        Contains("mine", Thrown<NotSupportedException>(() => client.WaitAll(jobs, null, poll =>
        {
            throw new NotSupportedException("mine");
        })));
    }

    private static string Shown(IEnumerable<Result> results)
    {
        return string.Join(" ", results.Select(
            result => result.Error == null ? result.Status.State.ToString() : result.Error.Kind.ToString()));
    }

    private sealed class Reports : IProgress<Poll>
    {
        private readonly Action<Poll> report;

        internal Reports(Action<Poll> report)
        {
            this.report = report;
        }

        public void Report(Poll poll)
        {
            report(poll);
        }
    }

    private static void Tasks(Client client)
    {
        Same(true, client.WaitAsync("Leads", "1001").Result.IsSuccessful);
        Same(State.Failed, client.GetStatusAsync("Leads", "1004").Result.State);
        Same(ErrorKind.JobNotFound, Thrown<ZmdException>(client.GetStatusAsync("Leads", "4711")).Kind);
        // What continues after a task may block in the client.
        Same(true, client.WaitAsync("Leads", "1001").ContinueWith(last => client.Wait("Leads", "1001")).Result.HasEnded);
        Contains("mine", Thrown<NotSupportedException>(client.WaitAsync("Leads", "1002", null, new Reports(poll =>
        {
            throw new NotSupportedException("mine");
        }))));

        CountdownEvent polled = new CountdownEvent(3);
        CancellationTokenSource source = new CancellationTokenSource();
        Task<Status> wait = client.WaitAsync("Leads", "1002", null, new Reports(poll =>
        {
            if (!polled.IsSet)
                polled.Signal();
        }), source.Token);
        polled.Wait();
        source.Cancel();
        Same(source.Token, Thrown<OperationCanceledException>(wait).CancellationToken);
        Same(true, wait.IsCanceled);
        long before = client.GetCounters().Polls;
        int others = 0;
        Failure(ErrorKind.Cancelled, () => client.Wait("Leads", "1002", null, poll => ++others < 8));
        // One of each may have been under way.
        Same(true, client.GetCounters().Polls <= before + 8 + 2);

        // One that is cancelled already, and in calls that block.
        Thrown<OperationCanceledException>(client.WaitAsync("Leads", "1002", null, null, source.Token));
        source = new CancellationTokenSource();
        Thrown<OperationCanceledException>(() => client.Wait("Leads", "1002", Timeout.InfiniteTimeSpan, poll =>
        {
            source.Cancel();
            return true;
        }, source.Token));
    }

    private static void Closed(Client client)
    {
        ManualResetEvent polled = new ManualResetEvent(false);
        Exception ended = null;
        Thread waiting = new Thread(() => ended = Thrown<ZmdException>(
            () => client.Wait("Leads", "1002", null, poll => polled.Set())));
        waiting.Start();
        polled.WaitOne();
        Task<Status> task = client.WaitAsync("Leads", "1002");
        client.Dispose();
        waiting.Join();
        Same(ErrorKind.Cancelled, ((ZmdException)ended).Kind);
        Same(ErrorKind.Cancelled, Thrown<ZmdException>(task).Kind);
        client.Dispose();
        Thrown<ObjectDisposedException>(() => client.GetStatus("Leads", "1001"));
        Thrown<ObjectDisposedException>(() => client.Cancel());

        Client cancelled = Client.FromEnvironment();
        cancelled.Cancel();
        Failure(ErrorKind.Cancelled, () => cancelled.GetStatus("Leads", "1001"));
        cancelled.Dispose();
        // A callback disposes the client that waits.
        Client other = Client.FromEnvironment();
        Failure(ErrorKind.Cancelled, () => other.Wait("Leads", "1002", null, poll =>
        {
            other.Dispose();
            return true;
        }));
#if NETSTANDARD2_1_OR_GREATER
        Client asynchronous = Client.FromEnvironment();
        task = asynchronous.WaitAsync("Leads", "1002");
        ((IAsyncDisposable)asynchronous).DisposeAsync().AsTask().Wait();
        Same(ErrorKind.Cancelled, Thrown<ZmdException>(task).Kind);
#endif
    }

    // A client is disposed while threads wait and cancel: each call ends, in one of the ways that it may.
    private static void Race(Random random)
    {
        Client client = Client.FromEnvironment();
        CancellationTokenSource source = new CancellationTokenSource();
        Exception wrong = null;
        Action<Client>[] kinds =
        {
            c => c.Wait("Leads", "1002"),
            c => c.Wait("Leads", "1001"),
            c => c.Wait("Leads", "1002", null, null, source.Token),
            c => c.WaitAll(new[] { new Job("Leads", "1001"), new Job("Leads", "1004") }),
            c => c.WaitAsync("Leads", "1002", null, null, source.Token).GetAwaiter().GetResult(),
            c => c.SetAccessToken(Environment.GetEnvironmentVariable("ZMD_ACCESS_TOKEN"))
        };
        Thread[] threads = kinds.Select(call => new Thread(() =>
        {
            try
            {
                while (true)
                    call(client);
            }
            catch (ObjectDisposedException)
            {
            }
            catch (OperationCanceledException)
            {
            }
            catch (ZmdException failure)
            {
                if (failure.Kind != ErrorKind.Cancelled)
                    wrong = failure;
            }
            catch (Exception failure)
            {
                wrong = failure;
            }
        })).ToArray();
        foreach (Thread thread in threads)
            thread.Start();
        Thread.Sleep(random.Next(5)); // anything may be under way
        source.Cancel();
        client.Dispose();
        foreach (Thread thread in threads)
            thread.Join();
        if (wrong != null)
            throw new Exception("wrong", wrong);
    }
}
