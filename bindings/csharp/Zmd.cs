using System;
using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Zmd
{
    /// <summary>The state of a job.</summary>
    public enum State
    {
        /// <summary>A state that this version does not know; <see cref="Status.StateText"/> has its text.</summary>
        Unknown = 0,
        /// <summary>The job has not begun.</summary>
        Scheduled = 1,
        /// <summary>Records are being deleted.</summary>
        Running = 2,
        /// <summary>The job has ended, perhaps without deleting all records: see <see cref="Status.IsSuccessful"/>.</summary>
        Completed = 3,
        /// <summary>The job has ended, and failed as a whole.</summary>
        Failed = 4,
        /// <summary>The job is queued.</summary>
        Queued = 5,
        /// <summary>The job was interrupted, and has not ended.</summary>
        Suspended = 6
    }

    /// <summary>What failed: <c>zmd_error</c> in zmd.h. A newer library may have further numbers.</summary>
    public enum ErrorKind
    {
        /// <summary>The call succeeded, and the job did not: <see cref="JobFailedException"/>.</summary>
        JobFailed = 0,
        /// <summary>An argument is missing.</summary>
        NullPointer = 1,
        /// <summary>An argument is invalid; nothing was sent.</summary>
        InvalidArgument = 2,
        /// <summary>A setting is unknown, missing or has an invalid value: the message names it.</summary>
        InvalidConfig = 3,
        /// <summary>The host name could not be looked up.</summary>
        Dns = 10,
        /// <summary>Could not connect to the server.</summary>
        Connect = 11,
        /// <summary>The TLS handshake failed: for example, the certificate is not trusted.</summary>
        Tls = 12,
        /// <summary>The proxy can't be reached or refused the connection.</summary>
        Proxy = 13,
        /// <summary>The connection broke or the response was not HTTP.</summary>
        Network = 14,
        /// <summary>A time limit expired.</summary>
        Timeout = 15,
        /// <summary>Ended by the program.</summary>
        Cancelled = 16,
        /// <summary>The job's state and counts have stayed the same for as long as the setting stalled_ms says.</summary>
        Stalled = 17,
        /// <summary>The API refused the access token.</summary>
        Unauthorized = 20,
        /// <summary>The access token lacks the scope ZohoCRM.mass_delete.READ.</summary>
        Scope = 21,
        /// <summary>The user has no permission.</summary>
        Forbidden = 22,
        /// <summary>The API has no module of that name.</summary>
        InvalidModule = 23,
        /// <summary>The API has no such job in that module.</summary>
        JobNotFound = 24,
        /// <summary>Too many requests: calls in flight, access tokens or API credits.</summary>
        RateLimited = 25,
        /// <summary>The service failed: HTTP 5xx, or a code that says so.</summary>
        Server = 26,
        /// <summary>The API returned another error: see <see cref="ZmdException.Code"/>.</summary>
        Api = 27,
        /// <summary>The response is not what the API documents.</summary>
        BadResponse = 28,
        /// <summary>The accounts server, or the token provider, has no access token for this client.</summary>
        OAuth = 29,
        /// <summary>A bug in libzmd: report it.</summary>
        Internal = 99
    }

    /// <summary>The status of a job.</summary>
    public sealed class Status
    {
        private Native.Status inC;

        internal Status(Job job, ref Native.Status status)
        {
            inC = status;
            Module = job.Module;
            JobId = job.Id;
            State = Enum.IsDefined(typeof(State), status.State) ? (State)status.State : State.Unknown;
            StateText = Native.Text(status.StateText);
            HttpStatus = status.HttpStatus;
            TotalCount = Count(status.TotalCount);
            DeletedCount = Count(status.DeletedCount);
            FailedCount = Count(status.FailedCount);
        }

        private static long? Count(long count)
        {
            return count == -1 ? (long?)null : count;
        }

        /// <summary>The job's module, as it was passed.</summary>
        public string Module { get; }

        /// <summary>The job's id, as it was passed.</summary>
        public string JobId { get; }

        /// <summary>The state of the job.</summary>
        public State State { get; }

        /// <summary>The state as the service sent it.</summary>
        public string StateText { get; }

        /// <summary>The HTTP status of the response; 0: there was none.</summary>
        public int HttpStatus { get; }

        /// <summary>Records that the job is to delete; null: not reported.</summary>
        public long? TotalCount { get; }

        /// <summary>Records deleted so far; null: not reported.</summary>
        public long? DeletedCount { get; }

        /// <summary>Records that could not be deleted so far; null: not reported.</summary>
        public long? FailedCount { get; }

        /// <summary>Whether all records were deleted: the job is COMPLETED, no record failed, and the deleted ones reach
        /// the total.</summary>
        public bool IsSuccessful
        {
            get { return Native.zmd_status_is_successful(ref inC) != 0; }
        }

        /// <summary>Whether the job has ended: COMPLETED or FAILED.</summary>
        public bool HasEnded
        {
            get { return Native.zmd_status_has_ended(ref inC) != 0; }
        }

        /// <summary>Checks that all records were deleted: <c>client.Wait("Leads", jobId).Check()</c>.</summary>
        /// <returns>this status</returns>
        /// <exception cref="JobFailedException">it is not successful</exception>
        public Status Check()
        {
            if (!IsSuccessful)
                throw new JobFailedException(this);
            return this;
        }

        /// <summary>One line for people: "COMPLETED, 9 of 9 deleted, 0 failed". Its wording may change.</summary>
        public override string ToString()
        {
            byte[] text = new byte[256];
            Native.zmd_status_text(ref inC, text, (UIntPtr)text.Length);
            return Native.Text(text);
        }
    }

    /// <summary>A call that failed. The message says in one line what happened and what to do.</summary>
    public class ZmdException : Exception
    {
        private readonly Status status;

        internal ZmdException(int error, string message, string code, Job job, Status status, Exception cause = null)
            : base(message, cause)
        {
            Kind = (ErrorKind)error;
            Code = code;
            Module = job?.Module;
            JobId = job?.Id;
            this.status = status;
        }

        // Of the call that has failed on this thread.
        internal ZmdException(int error, Job job = null)
            : this(error, Native.Text(Native.zmd_last_error()), Native.Text(Native.zmd_last_error_code()), job, null)
        {
        }

        /// <summary>What failed.</summary>
        public ErrorKind Kind { get; }

        /// <summary>The name in zmd.h, such as ZMD_ERR_TIMEOUT.</summary>
        public string Name
        {
            get { return Native.Text(Native.zmd_error_name((int)Kind)); }
        }

        /// <summary>Whether the same call may succeed later: the network failed, a time limit expired, the service was busy.
        /// A proxy that refused the credentials (HTTP 407) refuses them again.</summary>
        public bool IsTransient
        {
            get { return Native.zmd_error_is_transient((int)Kind) != 0 && HttpStatus != 407; }
        }

        /// <summary>The API's own code, such as NO_PERMISSION; empty where there is none.</summary>
        public string Code { get; }

        /// <summary>The HTTP status of the response that failed, or of the last one; 0: there was none.</summary>
        public int HttpStatus
        {
            get { return status == null ? 0 : status.HttpStatus; }
        }

        /// <summary>The job's module; null: the error concerns no job.</summary>
        public string Module { get; }

        /// <summary>The job's id; null: the error concerns no job.</summary>
        public string JobId { get; }

        /// <summary>The last status that the service reported for the job, when a wait timed out or was cancelled, or when
        /// the job failed; null: there is none.</summary>
        public Status Status
        {
            get { return status == null || status.StateText.Length == 0 ? null : status; }
        }
    }

    /// <summary>A job has ended, and not all of its records are deleted: <see cref="ZmdException.Status"/> says more. The call
    /// itself has succeeded.</summary>
    public sealed class JobFailedException : ZmdException
    {
        internal JobFailedException(Status status)
            : base(0, "not all of the records are deleted: " + status, "", new Job(status.Module, status.JobId), status)
        {
        }
    }

    /// <summary>A job, for the calls for many.</summary>
    public sealed class Job
    {
        /// <summary>Names a job.</summary>
        /// <param name="module">the module's API name, such as Leads</param>
        /// <param name="id">the job id from the response that scheduled the mass delete</param>
        public Job(string module, string id)
        {
            Module = module;
            Id = id;
        }

        internal string Module { get; }

        internal string Id { get; }
    }

    /// <summary>What a call returned for one of many jobs: a status, or an error.</summary>
    public class Result
    {
        internal Result(Job job, Status status, ZmdException error)
        {
            Module = job.Module;
            JobId = job.Id;
            Status = error == null ? status : null;
            Error = error;
        }

        /// <summary>The job's module, as it was passed.</summary>
        public string Module { get; }

        /// <summary>The job's id, as it was passed.</summary>
        public string JobId { get; }

        /// <summary>The status of the job; null: there is an error.</summary>
        public Status Status { get; }

        /// <summary>Why there is no status; null: there is one.</summary>
        public ZmdException Error { get; }
    }

    /// <summary>A poll of a job that is waited for: its status, or a transient error, after which the wait continues. A permanent
    /// error is not reported: the wait throws it.</summary>
    public sealed class Poll : Result
    {
        internal Poll(Job job, int index, Status status, ZmdException error, ref Native.Event happened, long remaining)
            : base(job, status, error)
        {
            Index = index;
            Elapsed = TimeSpan.FromMilliseconds(happened.ElapsedMs);
            NextPoll = Time(happened.NextPollMs);
            Remaining = Time(remaining);
        }

        private static TimeSpan? Time(long milliseconds)
        {
            return milliseconds < 0 ? (TimeSpan?)null : TimeSpan.FromMilliseconds(milliseconds);
        }

        /// <summary>The job's place in the list of jobs; 0 in a wait for one.</summary>
        public int Index { get; }

        /// <summary>The time since the wait began.</summary>
        public TimeSpan Elapsed { get; }

        /// <summary>The time until the job's next poll; null: there is none, because the wait has ended.</summary>
        public TimeSpan? NextPoll { get; }

        /// <summary>A forecast of the time until the job ends; null: its counts do not yet show how fast it is, or it has
        /// ended.</summary>
        public TimeSpan? Remaining { get; }
    }

    /// <summary>The settings of a client. The keys are those of zmd_config_set() in zmd.h; an unknown one, or a value that a
    /// setting does not take, makes creating the client fail with <see cref="ErrorKind.InvalidConfig"/> and a message that names
    /// the right one: <c>new Settings { { "data_center", "eu" }, { "timeout_ms", TimeSpan.FromSeconds(10) } }</c>.</summary>
    public sealed class Settings : IEnumerable
    {
        internal readonly List<KeyValuePair<string, string>> Values = new List<KeyValuePair<string, string>>();

        /// <summary>A profile of the configuration file, whose settings come after the others; null: that of the environment
        /// variable ZMD_PROFILE, or else "default".</summary>
        public string Profile { get; set; }

        /// <summary>The path of a configuration file, whose settings come after the others; null: that of the environment
        /// variable ZMD_CONFIG_FILE, or else the user's.</summary>
        public string ConfigFile { get; set; }

        /// <summary>Returns an access token, in place of refresh_token and org_id; its argument is the token that the service has
        /// refused, or null. It is called on a thread of the library, one call at a time, and may block; it must not use the
        /// client. What it throws makes the call fail with <see cref="ErrorKind.OAuth"/>, and is the inner exception.</summary>
        public Func<string, string> TokenProvider { get; set; }

        /// <summary>Sets a setting.</summary>
        /// <param name="key">such as data_center</param>
        /// <param name="value">its value as text</param>
        public void Add(string key, string value)
        {
            Values.Add(new KeyValuePair<string, string>(key, value));
        }

        /// <summary>Sets a setting that is a number.</summary>
        /// <param name="key">such as max_retries</param>
        /// <param name="value">its value</param>
        public void Add(string key, long value)
        {
            Add(key, value.ToString(CultureInfo.InvariantCulture));
        }

        /// <summary>Sets a setting that is a time.</summary>
        /// <param name="key">such as timeout_ms</param>
        /// <param name="value">its value, rounded up to milliseconds</param>
        public void Add(string key, TimeSpan value)
        {
            Add(key, Milliseconds(value));
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return Values.GetEnumerator();
        }

        // So that only 0 becomes 0.
        internal static long Milliseconds(TimeSpan time)
        {
            return (long)Math.Ceiling(time.TotalMilliseconds);
        }
    }

    /// <summary>What a client has done since it was created; each number only grows.</summary>
    public sealed class Counters
    {
        private readonly Native.Counters raw;

        internal Counters(Native.Counters raw)
        {
            this.raw = raw;
        }

        /// <summary>Requests for the status of a job, those of waits among them.</summary>
        public long Calls
        {
            get { return raw.Calls; }
        }

        /// <summary>Those of waits.</summary>
        public long Polls
        {
            get { return raw.Polls; }
        }

        /// <summary>Attempts that repeated one which had failed with a transient error.</summary>
        public long Retries
        {
            get { return raw.Retries; }
        }

        /// <summary>Responses that there were too many requests.</summary>
        public long RateLimits
        {
            get { return raw.RateLimits; }
        }

        /// <summary>Requests for an access token.</summary>
        public long TokenRequests
        {
            get { return raw.TokenRequests; }
        }

        /// <summary>Connections opened.</summary>
        public long Connections
        {
            get { return raw.Connections; }
        }

        /// <summary>Bytes sent over them, TLS included.</summary>
        public long BytesSent
        {
            get { return raw.BytesSent; }
        }

        /// <summary>Bytes received over them, TLS included.</summary>
        public long BytesReceived
        {
            get { return raw.BytesReceived; }
        }

        /// <summary>How long waits have lasted, up to their last polls, added up over their jobs.</summary>
        public TimeSpan Waited
        {
            get { return TimeSpan.FromMilliseconds(raw.WaitedMs); }
        }
    }

    /// <summary>Asks how far Zoho CRM mass-delete jobs are. Any number of threads may use one at the same time. It keeps
    /// connections open between calls, and has one thread for all of them: make one, keep it, and dispose it at the end.</summary>
    public sealed class Client : IDisposable
#if NETSTANDARD2_1_OR_GREATER || NETCOREAPP3_0_OR_GREATER
        , IAsyncDisposable
#endif
    {
        // The library keeps only its address.
        private static Native.Log logger;
        private static readonly object logging = new object();

        private readonly ClientHandle client;
        private readonly WaitsHandle waits;
        private readonly Native.Token provide;
        private readonly Dictionary<ulong, Call> calls = new Dictionary<ulong, Call>();
        private readonly TaskCompletionSource<bool> closing = new TaskCompletionSource<bool>();
        private readonly TaskCompletionSource<bool> ended =
            new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);

        internal volatile Exception ThrownByProvider;

        /// <summary>A client with these settings only.</summary>
        /// <param name="settings">which also name a configuration file or a profile of it, if they are to be used</param>
        /// <exception cref="ZmdException">InvalidConfig</exception>
        /// <exception cref="DllNotFoundException">the library can't be loaded: the message says from where, and why</exception>
        public Client(Settings settings)
            : this(settings, false)
        {
        }

        private Client(Settings settings, bool environment)
        {
            Native.Load();
            ConfigHandle config;
            Check(Native.zmd_config_new(out config));
            using (config)
            {
                if (environment)
                    Check(Native.zmd_config_load_env(config));
                if (environment || settings.ConfigFile != null || settings.Profile != null)
                {
                    Check(Native.zmd_config_load_file(
                        config,
                        settings.ConfigFile == null ? null : Native.Utf8("ConfigFile", settings.ConfigFile),
                        settings.Profile == null ? null : Native.Utf8("Profile", settings.Profile)));
                }
                foreach (KeyValuePair<string, string> setting in settings.Values)
                {
                    Check(Native.zmd_config_set(
                        config, Native.Utf8("a key", setting.Key), Native.Utf8(setting.Key, setting.Value)));
                }
                if (settings.TokenProvider != null)
                {
                    provide = TokenFunction(settings.TokenProvider);
                    Check(Native.zmd_config_set_token_provider(config, provide, IntPtr.Zero));
                }
                Check(Native.zmd_client_new(config, out client));
            }
            Check(Native.zmd_waits_new(client, out waits));
            new Thread(TakeEvents) { IsBackground = true, Name = "zmd" }.Start();
        }

        /// <summary>A client with the settings of the environment (ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...), and of the
        /// configuration file, if there is one.</summary>
        /// <param name="settings">further settings, which take precedence</param>
        public static Client FromEnvironment(Settings settings = null)
        {
            return new Client(settings ?? new Settings(), true);
        }

        /// <summary>The version of the library.</summary>
        public static string Version
        {
            get
            {
                Native.Load();
                return Native.Text(Native.zmd_version());
            }
        }

        /// <summary>Sets the logger of the process: token renewals, retries, connections. It replaces another one.</summary>
        /// <param name="log">receives a level and a line without a token or a password; on the thread that does the work, and on
        /// several at the same time. What it throws is ignored. null: no logger</param>
        /// <param name="maxLevel">1 errors only, 2 warnings too, 3 infos, 4 debug, 5 trace</param>
        public static void SetLogger(Action<int, string> log, int maxLevel)
        {
            Native.Load();
            Native.Log lines = null;
            if (log != null)
            {
                lines = delegate(IntPtr data, int level, IntPtr line)
                {
                    try
                    {
                        log(level, Native.Text(line));
                    }
                    catch (Exception)
                    {
                        // None may pass through the library.
                    }
                };
            }
            lock (logging)
            {
                Check(Native.zmd_set_logger(lines, IntPtr.Zero, maxLevel));
                GC.KeepAlive(logger);
                logger = lines;
            }
        }

        /// <summary>Gets the status of a job.</summary>
        /// <param name="module">the module's API name, such as Leads</param>
        /// <param name="jobId">the job id from the response that scheduled the mass delete</param>
        /// <param name="cancellationToken">ends the call with an <see cref="OperationCanceledException"/></param>
        /// <exception cref="ZmdException">the service did not return the job's status. A job that failed is a status.</exception>
        public Status GetStatus(
            string module, string jobId, CancellationToken cancellationToken = default(CancellationToken))
        {
            return Only(Block(new[] { new Job(module, jobId) }, false, -1, null, cancellationToken));
        }

        /// <summary>Gets the status of a job, without blocking.</summary>
        /// <param name="module">as for <see cref="GetStatus"/></param>
        /// <param name="jobId">as for <see cref="GetStatus"/></param>
        /// <param name="cancellationToken">as for <see cref="GetStatus"/></param>
        public Task<Status> GetStatusAsync(
            string module, string jobId, CancellationToken cancellationToken = default(CancellationToken))
        {
            return Start(new Job(module, jobId), false, -1, null, cancellationToken);
        }

        /// <summary>Gets the status of many jobs, with at most max_concurrency requests at the same time.</summary>
        /// <param name="jobs">the jobs</param>
        /// <param name="cancellationToken">as for <see cref="GetStatus"/></param>
        /// <returns>what <see cref="GetStatus"/> returns or throws for each, in their order</returns>
        public IReadOnlyList<Result> GetStatusAll(
            IEnumerable<Job> jobs, CancellationToken cancellationToken = default(CancellationToken))
        {
            return Block(jobs, false, -1, null, cancellationToken);
        }

        /// <summary>Waits until a job has ended.</summary>
        /// <param name="module">as for <see cref="GetStatus"/></param>
        /// <param name="jobId">as for <see cref="GetStatus"/></param>
        /// <param name="timeout">the limit for the whole wait; zero: poll once; null: none</param>
        /// <param name="progress">called after every poll, on this thread; false ends the wait with
        /// <see cref="ErrorKind.Cancelled"/>, and what it throws is thrown; null: none</param>
        /// <param name="cancellationToken">as for <see cref="GetStatus"/></param>
        /// <returns>the last status. <see cref="Status.Check"/> throws if not all records were deleted.</returns>
        /// <exception cref="ZmdException">Timeout when the timeout expires, Cancelled when progress, <see cref="Cancel"/> or
        /// <see cref="Dispose"/> has ended the wait: then its Status is the last one seen. Else a permanent error.</exception>
        public Status Wait(
            string module, string jobId, TimeSpan? timeout = null, Func<Poll, bool> progress = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return Only(Block(new[] { new Job(module, jobId) }, true, Limit(timeout), progress, cancellationToken));
        }

        /// <summary>Waits until a job has ended, without blocking and without a thread for each wait.</summary>
        /// <param name="module">as for <see cref="GetStatus"/></param>
        /// <param name="jobId">as for <see cref="GetStatus"/></param>
        /// <param name="timeout">as for <see cref="Wait"/></param>
        /// <param name="progress">called after every poll, on a thread of the pool, one poll after the other; null: none</param>
        /// <param name="cancellationToken">as for <see cref="GetStatus"/></param>
        public Task<Status> WaitAsync(
            string module, string jobId, TimeSpan? timeout = null, IProgress<Poll> progress = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            Func<Poll, bool> report = null;
            if (progress != null)
            {
                report = delegate(Poll poll)
                {
                    progress.Report(poll);
                    return true;
                };
            }
            return Start(new Job(module, jobId), true, Limit(timeout), report, cancellationToken);
        }

        /// <summary>Waits until many jobs have ended, with at most max_concurrency requests at the same time.</summary>
        /// <param name="jobs">the jobs</param>
        /// <param name="timeout">as for <see cref="Wait"/></param>
        /// <param name="progress">as for <see cref="Wait"/>; false ends the wait for this job</param>
        /// <param name="cancellationToken">as for <see cref="GetStatus"/></param>
        /// <returns>what <see cref="Wait"/> returns or throws for each, in their order</returns>
        public IReadOnlyList<Result> WaitAll(
            IEnumerable<Job> jobs, TimeSpan? timeout = null, Func<Poll, bool> progress = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return Block(jobs, true, Limit(timeout), progress, cancellationToken);
        }

        /// <summary>Replaces the access token: calls that start after this one use it.</summary>
        /// <param name="accessToken">the new one</param>
        public void SetAccessToken(string accessToken)
        {
            Check(Native.zmd_client_set_access_token(client, Native.Utf8("accessToken", accessToken)));
        }

        /// <summary>API credits that remained when the service last told; null: it has not.</summary>
        public long? Credits
        {
            get
            {
                long credits = Native.zmd_client_credits(client);
                return credits < 0 ? (long?)null : credits;
            }
        }

        /// <summary>What the client has done so far.</summary>
        public Counters GetCounters()
        {
            Native.Counters counters;
            Check(Native.zmd_client_counters(client, out counters, (UIntPtr)Marshal.SizeOf(typeof(Native.Counters))));
            return new Counters(counters);
        }

        /// <summary>Ends every call on this client, from any thread, with Cancelled; later calls too. This
        /// cannot be undone.</summary>
        public void Cancel()
        {
            Check(Native.zmd_client_cancel(client));
        }

        /// <summary>Ends the calls in progress with Cancelled, and frees the client. It may be called from any thread, and returns
        /// within a second, although a token provider does not.</summary>
        public void Dispose()
        {
            Close();
            ended.Task.Wait(1000);
        }
#if NETSTANDARD2_1_OR_GREATER || NETCOREAPP3_0_OR_GREATER

        /// <summary><see cref="Dispose"/>, without blocking.</summary>
        public ValueTask DisposeAsync()
        {
            Close();
            return new ValueTask(Task.WhenAny(ended.Task, Task.Delay(1000)));
        }
#endif

        private void Close()
        {
            if (closing.TrySetResult(true))
            {
                Native.zmd_client_cancel(client);
                client.Dispose();
            }
        }

        // .NET's own word for "none" is -1 ms.
        private static long Limit(TimeSpan? timeout)
        {
            return timeout == null || timeout == Timeout.InfiniteTimeSpan
                ? -1 : Math.Max(0, Settings.Milliseconds(timeout.Value));
        }

        private static Status Only(IReadOnlyList<Result> results)
        {
            if (results[0].Error != null)
                throw results[0].Error;
            return results[0].Status;
        }

        // Makes calls, and does on this thread what they have to do.
        private IReadOnlyList<Result> Block(
            IEnumerable<Job> jobs, bool isWait, long timeoutMs, Func<Poll, bool> progress, CancellationToken cancellationToken)
        {
            List<Call> made = new List<Call>();
            BlockingCollection<Action> tasks = new BlockingCollection<Action>();
            try
            {
                foreach (Job job in jobs)
                {
                    made.Add(new Call(this, job, made.Count, progress, tasks.Add));
                    Start(made[made.Count - 1], isWait, timeoutMs);
                }
                foreach (Call call in made)
                {
                    while (!call.End.Task.IsCompleted)
                        tasks.Take(cancellationToken)();
                }
                return made.ConvertAll(call => call.Result());
            }
            finally
            {
                // After an exception.
                made.ForEach(Forget);
            }
        }

        private async Task<Status> Start(
            Job job, bool isWait, long timeoutMs, Func<Poll, bool> progress, CancellationToken cancellationToken)
        {
            // One task after another.
            Task last = Task.FromResult(true);
            Call call = null;
            call = new Call(this, job, 0, progress, delegate(Action task)
            {
                last = last.ContinueWith(before =>
                {
                    try
                    {
                        task();
                    }
                    catch (Exception thrown)
                    {
                        call.End.TrySetException(thrown);
                    }
                }, TaskScheduler.Default);
            });
            try
            {
                using (cancellationToken.Register(() => call.End.TrySetCanceled(cancellationToken)))
                {
                    Start(call, isWait, timeoutMs);
                    return await call.End.Task.ConfigureAwait(false);
                }
            }
            finally
            {
                Forget(call);
            }
        }

        // What is wrong with a call's arguments is its result.
        private void Start(Call call, bool isWait, long timeoutMs)
        {
            byte[] module = Native.Utf8("module", call.Job.Module);
            byte[] jobId = Native.Utf8("jobId", call.Job.Id);
            lock (calls)
            {
                if (client.IsClosed)
                    throw new ObjectDisposedException("Client");
                int error = isWait
                    ? Native.zmd_waits_add(waits, module, jobId, timeoutMs, out call.Id)
                    : Native.zmd_waits_add_status(waits, module, jobId, timeoutMs, out call.Id);
                if (error == 0)
                    calls[call.Id] = call;
                else
                    call.End.TrySetException(new ZmdException(error, call.Job));
            }
        }

        // Ends a call that has not ended: its last event comes at once.
        internal void Stop(Call call)
        {
            lock (calls)
            {
                if (calls.TryGetValue(call.Id, out Call found) && found == call)
                    Native.zmd_waits_remove(waits, call.Id);
            }
        }

        // Ends it without an event.
        private void Forget(Call call)
        {
            if (call.HasEnded)
                return;
            lock (calls)
            {
                Stop(call);
                ((ICollection<KeyValuePair<ulong, Call>>)calls).Remove(new KeyValuePair<ulong, Call>(call.Id, call));
            }
        }

        private void TakeEvents()
        {
            Native.Event happened;
            while (Native.zmd_waits_next(waits, -1, out happened) == 0)
            {
                Call call;
                lock (calls)
                {
                    if (calls.TryGetValue(happened.Id, out call) && happened.HasEnded != 0)
                        calls.Remove(happened.Id);
                }
                if (call == null)
                    continue;
                call.HasEnded = happened.HasEnded != 0;
                call.Happened(happened);
            }
            // It was cancelled, and is usable until it is closed.
            closing.Task.Wait();
            waits.Dispose();
            ended.SetResult(true);
        }

        private Native.Token TokenFunction(Func<string, string> provider)
        {
            return delegate(IntPtr data, IntPtr refused, IntPtr token, UIntPtr size)
            {
                Exception problem = null;
                byte[] text;
                try
                {
                    string last = refused == IntPtr.Zero ? null : Native.Text(refused);
                    text = Native.Utf8("the access token", provider(last));
                    if (text.Length > (long)size)
                        throw new ArgumentException("the access token is too long");
                }
                catch (Exception thrown)
                {
                    problem = thrown;
                    text = Encoding.UTF8.GetBytes(thrown.GetType() + ": " + thrown.Message);
                    Array.Resize(ref text, 1000);
                    text[text.Length - 1] = 0;
                }
                ThrownByProvider = problem;
                Marshal.Copy(text, 0, token, text.Length);
                return problem == null ? 0 : 1;
            };
        }

        // The last error belongs to the thread: it is read before anything else is called.
        private static void Check(int error)
        {
            if (error != 0)
                throw new ZmdException(error);
        }
    }

    // A wait or a status call in the queue of a client.
    internal sealed class Call
    {
        internal readonly Client Client;
        internal readonly Job Job;
        internal readonly TaskCompletionSource<Status> End =
            new TaskCompletionSource<Status>(TaskCreationOptions.RunContinuationsAsynchronously);

        // Of its events.
        internal ulong Id;

        // Its last event has come: the client has forgotten it.
        internal volatile bool HasEnded;

        private readonly int index;
        private readonly Func<Poll, bool> progress;
        private readonly Action<Action> run;
        private bool isStopped;

        // Tasks are run one after another: they report polls, and end the call.
        internal Call(Client client, Job job, int index, Func<Poll, bool> progress, Action<Action> run)
        {
            Client = client;
            Job = job;
            this.index = index;
            this.progress = progress;
            this.run = run;
        }

        // On the thread of the queue, whose last event this is.
        internal void Happened(Native.Event happened)
        {
            int error = happened.Error;
            string message = error == 0 ? "" : Native.Text(Native.zmd_last_error_of_job(UIntPtr.Zero));
            string code = error == 0 ? "" : Native.Text(Native.zmd_last_error_code_of_job(UIntPtr.Zero));
            long remaining = Native.zmd_progress_remaining_ms();
            run(delegate
            {
                Status status = new Status(Job, ref happened.Status);
                ZmdException failure = null;
                if (error != 0)
                {
                    Exception cause = error == (int)ErrorKind.OAuth ? Client.ThrownByProvider : null;
                    failure = new ZmdException(error, message, code, Job, status, cause);
                }
                bool isEnd = happened.HasEnded != 0;
                if (isEnd && failure == null && isStopped)
                {
                    // The poll at which the job had ended was under way.
                    failure = new ZmdException((int)ErrorKind.Cancelled, "the callback has ended the wait", "", Job, status);
                }
                if (isEnd && failure != null)
                {
                    End.TrySetException(failure);
                    return;
                }
                if (progress != null && !isStopped && !End.Task.IsCompleted
                    && !progress(new Poll(Job, index, status, failure, ref happened, remaining)) && !isEnd)
                {
                    isStopped = true;
                    Client.Stop(this);
                }
                if (isEnd)
                    End.TrySetResult(status);
            });
        }

        // After its end.
        internal Result Result()
        {
            return End.Task.IsFaulted
                ? new Result(Job, null, (ZmdException)End.Task.Exception.InnerException)
                : new Result(Job, End.Task.Result, null);
        }
    }

    internal abstract class Handle : SafeHandle
    {
        protected Handle()
            : base(IntPtr.Zero, true)
        {
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }
    }

    // P/Invoke holds a reference during each call, so none uses what is freed.
    internal sealed class ConfigHandle : Handle
    {
        protected override bool ReleaseHandle()
        {
            Native.zmd_config_free(handle);
            return true;
        }
    }

    internal sealed class ClientHandle : Handle
    {
        protected override bool ReleaseHandle()
        {
            Native.zmd_client_free(handle);
            return true;
        }
    }

    internal sealed class WaitsHandle : Handle
    {
        protected override bool ReleaseHandle()
        {
            Native.zmd_waits_free(handle);
            return true;
        }
    }

    // zmd.h. Strings are passed as UTF-8 with a NUL at the end.
    internal static class Native
    {
        private const string Library = "zmd"; // zmd.dll, libzmd.so, libzmd.dylib
        private const CallingConvention C = CallingConvention.Cdecl;

        // 64 bytes, without padding on any platform.
        [StructLayout(LayoutKind.Sequential)]
        internal struct Status
        {
            internal int State;
            internal int HttpStatus;
            internal long TotalCount;
            internal long DeletedCount;
            internal long FailedCount;

            [MarshalAs(UnmanagedType.ByValArray, SizeConst = 32)]
            internal byte[] StateText;
        }

        // 96 bytes.
        [StructLayout(LayoutKind.Sequential)]
        internal struct Event
        {
            internal ulong Id;
            internal int Error;
            internal int HasEnded;
            internal long ElapsedMs;
            internal long NextPollMs;
            internal Status Status;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct Counters
        {
            internal long Calls;
            internal long Polls;
            internal long Retries;
            internal long RateLimits;
            internal long TokenRequests;
            internal long Connections;
            internal long BytesSent;
            internal long BytesReceived;
            internal long WaitedMs;
        }

        [UnmanagedFunctionPointer(C)]
        internal delegate int Token(IntPtr userData, IntPtr refused, IntPtr token, UIntPtr size);

        [UnmanagedFunctionPointer(C)]
        internal delegate void Log(IntPtr userData, int level, IntPtr message);

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr zmd_version();

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr zmd_error_name(int error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_error_is_transient(int error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr zmd_last_error();

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr zmd_last_error_code();

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr zmd_last_error_of_job(UIntPtr index);

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr zmd_last_error_code_of_job(UIntPtr index);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_config_new(out ConfigHandle config);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_config_set(ConfigHandle config, byte[] key, byte[] value);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_config_load_env(ConfigHandle config);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_config_load_file(ConfigHandle config, byte[] path, byte[] profile);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_config_set_token_provider(ConfigHandle config, Token provide, IntPtr userData);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void zmd_config_free(IntPtr config);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_client_new(ConfigHandle config, out ClientHandle client);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_client_set_access_token(ClientHandle client, byte[] accessToken);

        [DllImport(Library, CallingConvention = C)]
        internal static extern long zmd_client_credits(ClientHandle client);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_client_counters(ClientHandle client, out Counters counters, UIntPtr size);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_client_cancel(ClientHandle client);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void zmd_client_free(IntPtr client);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_status_is_successful(ref Status status);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_status_has_ended(ref Status status);

        [DllImport(Library, CallingConvention = C)]
        internal static extern UIntPtr zmd_status_text(ref Status status, byte[] text, UIntPtr size);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_waits_new(ClientHandle client, out WaitsHandle waits);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_waits_add(
            WaitsHandle waits, byte[] module, byte[] jobId, long timeoutMs, out ulong id);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_waits_add_status(
            WaitsHandle waits, byte[] module, byte[] jobId, long timeoutMs, out ulong id);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_waits_remove(WaitsHandle waits, ulong id);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_waits_next(WaitsHandle waits, long timeoutMs, out Event happened);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void zmd_waits_free(IntPtr waits);

        [DllImport(Library, CallingConvention = C)]
        internal static extern long zmd_progress_remaining_ms();

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_set_logger(Log log, IntPtr userData, int maxLevel);

        // With a message that says where the library was looked for.
        internal static void Load()
        {
            string named = Environment.GetEnvironmentVariable("ZMD_LIBRARY");
            try
            {
                if (named != null)
                    Use(named);
                zmd_client_credits(new ClientHandle()); // the newest function that is used here
            }
            catch (Exception problem)
                when (problem is TypeLoadException || problem is TargetInvocationException || problem is NotSupportedException)
            {
                string place = named != null
                    ? named + ", which the environment variable ZMD_LIBRARY names"
                    : "where the system looks for " + Library + (CanUseFile
                        ? " (the environment variable ZMD_LIBRARY, which may name the file, is not set)"
                        : ", such as the directories of LD_LIBRARY_PATH");
                Exception reason = problem.InnerException ?? problem;
                throw new DllNotFoundException("cannot load libzmd from " + place + ": " + reason.Message, problem);
            }
        }

        // .NET Core 3 and later have a resolver; Windows uses a DLL of this name that is loaded already; Mono has neither.
        private static readonly Type Loader =
            typeof(Marshal).Assembly.GetType("System.Runtime.InteropServices.NativeLibrary");

        private static bool CanUseFile
        {
            get { return Loader != null || Environment.OSVersion.Platform == PlatformID.Win32NT; }
        }

        private static void Use(string file)
        {
            if (!CanUseFile)
                throw new NotSupportedException("Mono can't; unset ZMD_LIBRARY, and use LD_LIBRARY_PATH");
            if (Loader == null)
            {
                if (LoadLibraryW(file) == IntPtr.Zero)
                    throw new DllNotFoundException(new Win32Exception(Marshal.GetLastWin32Error()).Message);
                return;
            }
            if (loaded == IntPtr.Zero)
            {
                loaded = (IntPtr)Loader.GetMethod("Load", new[] { typeof(string) }).Invoke(null, new object[] { file });
                MethodInfo set = Loader.GetMethod("SetDllImportResolver");
                MethodInfo resolve = typeof(Native).GetMethod("Resolve", BindingFlags.NonPublic | BindingFlags.Static);
                Type type = set.GetParameters()[1].ParameterType;
                set.Invoke(null, new object[] { typeof(Native).Assembly, Delegate.CreateDelegate(type, resolve) });
            }
        }

        private static IntPtr loaded;

        private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? path)
        {
            return name == Library ? loaded : IntPtr.Zero;
        }

        [DllImport("kernel32", CharSet = CharSet.Unicode, SetLastError = true)]
        private static extern IntPtr LoadLibraryW(string file);

        internal static string Text(IntPtr text)
        {
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0)
                length++;
            byte[] bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        internal static string Text(byte[] text)
        {
            return Encoding.UTF8.GetString(text, 0, Array.IndexOf(text, (byte)0));
        }

        internal static byte[] Utf8(string name, string value)
        {
            if (value == null)
                throw new ArgumentNullException(name);
            if (value.IndexOf('\0') >= 0)
                throw new ArgumentException(name + " has a NUL in it", name);
            return Encoding.UTF8.GetBytes(value + '\0');
        }
    }
}
