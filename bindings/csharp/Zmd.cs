using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;

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

    /// <summary>What failed; zmd.h documents each under the same name.</summary>
    public enum ErrorKind
    {
        NullPointer = 1,
        InvalidArgument = 2,
        InvalidConfig = 3,
        Dns = 10,
        Connect = 11,
        Tls = 12,
        Proxy = 13,
        Network = 14,
        Timeout = 15,
        Cancelled = 16,
        Unauthorized = 20,
        Scope = 21,
        Forbidden = 22,
        InvalidModule = 23,
        JobNotFound = 24,
        RateLimited = 25,
        Server = 26,
        Api = 27,
        BadResponse = 28,
        OAuth = 29,
        Internal = 99
    }

    /// <summary>The status of a job.</summary>
    public sealed class Status
    {
        private Native.Status inC;

        internal Status(ref Native.Status status)
        {
            inC = status;
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

        /// <summary>The state of the job.</summary>
        public State State { get; }

        /// <summary>The state as the service sent it.</summary>
        public string StateText { get; }

        /// <summary>The HTTP status of the answer; 0: there was none.</summary>
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

        /// <summary>One line for people: "COMPLETED, 9 of 9 deleted, 0 failed". Its wording may change.</summary>
        public override string ToString()
        {
            byte[] text = new byte[256];
            Native.zmd_status_text(ref inC, text, (UIntPtr)text.Length);
            return Native.Text(text);
        }
    }

    /// <summary>A call that failed. The message says in one line what happened and what to do.</summary>
    public sealed class ZmdException : Exception
    {
        internal ZmdException(int error, Status status)
            : base(Native.Text(Native.zmd_last_error()))
        {
            Kind = (ErrorKind)error;
            Name = Native.Text(Native.zmd_error_name(error));
            Code = Native.Text(Native.zmd_last_error_code());
            Status = status;
        }

        /// <summary>What failed; a newer library may have further numbers.</summary>
        public ErrorKind Kind { get; }

        /// <summary>The name in zmd.h, such as ZMD_ERR_TIMEOUT.</summary>
        public string Name { get; }

        /// <summary>Whether the same call may succeed later; a wait continues after such an error of a poll.</summary>
        public bool IsTransient
        {
            get { return Native.zmd_error_is_transient((int)Kind) != 0; }
        }

        /// <summary>The API's own code, such as NO_PERMISSION; empty where there is none.</summary>
        public string Code { get; }

        /// <summary>Of a status call or a wait: the status as the library wrote it, after a timeout the last one seen.
        /// Else null.</summary>
        public Status Status { get; }
    }

    /// <summary>Called after every poll of a wait, on the thread that waits. What it throws ends the wait and is thrown
    /// by it.</summary>
    /// <param name="status">the status that the poll got</param>
    /// <param name="error">null, or why the poll failed: the wait continues after a transient error</param>
    /// <returns>true to continue; false ends this wait with <see cref="ErrorKind.Cancelled"/></returns>
    public delegate bool Progress(Status status, ZmdException error);

    /// <summary>Asks how far Zoho CRM mass-delete jobs are. Any number of threads may use one at the same time.</summary>
    public sealed class Client : IDisposable
    {
        private readonly ClientHandle client;

        /// <summary>A client with these settings only. The keys are those of zmd_config_set() in zmd.h.</summary>
        public Client(IEnumerable<KeyValuePair<string, string>> settings)
            : this(settings, false)
        {
        }

        private Client(IEnumerable<KeyValuePair<string, string>> settings, bool environment)
        {
            ConfigHandle config;
            Check(Native.zmd_config_new(out config), null);
            using (config)
            {
                if (environment)
                {
                    Check(Native.zmd_config_load_env(config), null);
                    Check(Native.zmd_config_load_file(config, null, null), null);
                }
                foreach (KeyValuePair<string, string> setting in settings)
                    Check(Native.zmd_config_set(config, Utf8("a key", setting.Key), Utf8(setting.Key, setting.Value)), null);
                Check(Native.zmd_client_new(config, out client), null);
            }
        }

        /// <summary>A client with the settings of the environment (ZMD_ACCESS_TOKEN, ZMD_DATA_CENTER, ...), and of the
        /// configuration file, if there is one.</summary>
        /// <param name="settings">further settings, which take precedence</param>
        public static Client FromEnvironment(IEnumerable<KeyValuePair<string, string>> settings = null)
        {
            return new Client(settings ?? new KeyValuePair<string, string>[0], true);
        }

        /// <summary>The version of the library.</summary>
        public static string Version
        {
            get { return Native.Text(Native.zmd_version()); }
        }

        /// <summary>Gets the status of a job.</summary>
        /// <param name="module">the module's API name, such as Leads</param>
        /// <param name="jobId">the job id from the response that scheduled the mass delete</param>
        /// <exception cref="ZmdException">the service did not return the job's status. A job that failed is a status.</exception>
        public Status GetStatus(string module, string jobId)
        {
            Native.Status status;
            int error = Native.zmd_client_status(client, Utf8("module", module), Utf8("jobId", jobId), out status);
            return Result(error, ref status);
        }

        /// <summary>Waits until a job has ended.</summary>
        /// <param name="module">the module's API name, such as Leads</param>
        /// <param name="jobId">the job id from the response that scheduled the mass delete</param>
        /// <param name="timeout">the limit for the whole wait; null: none</param>
        /// <param name="progress">called after every poll; null: none</param>
        /// <exception cref="ZmdException">Timeout when the timeout expires, Cancelled when progress or <see cref="Cancel"/>
        /// has ended the wait: then its Status is the last one seen. Or any other.</exception>
        public Status Wait(string module, string jobId, TimeSpan? timeout = null, Progress progress = null)
        {
            // No exception may pass through the library: an exception of the callback is kept until the call has returned.
            ExceptionDispatchInfo thrown = null;
            Native.Progress polled = null;
            if (progress != null)
            {
                polled = delegate(IntPtr userData, UIntPtr index, int number, ref Native.Status seen)
                {
                    try
                    {
                        Status result = new Status(ref seen);
                        return progress(result, number == 0 ? null : new ZmdException(number, result)) ? 0 : 1;
                    }
                    catch (Exception problem)
                    {
                        thrown = ExceptionDispatchInfo.Capture(problem);
                        return 1;
                    }
                };
            }
            long limit = timeout == null ? -1 : Math.Max(0, (long)timeout.Value.TotalMilliseconds);
            Native.Status status;
            int error = Native.zmd_client_wait(
                client, Utf8("module", module), Utf8("jobId", jobId), limit, polled, IntPtr.Zero, out status);
            GC.KeepAlive(polled);
            if (thrown != null)
                thrown.Throw();
            return Result(error, ref status);
        }

        /// <summary>Replaces the access token: calls that start after this one use it.</summary>
        public void SetAccessToken(string accessToken)
        {
            Check(Native.zmd_client_set_access_token(client, Utf8("accessToken", accessToken)), null);
        }

        /// <summary>Ends every call on this client, from any thread, with Cancelled; later calls too. This
        /// cannot be undone.</summary>
        public void Cancel()
        {
            Check(Native.zmd_client_cancel(client), null);
        }

        /// <summary>Ends the calls in progress. The client is freed when the last call has returned.</summary>
        public void Dispose()
        {
            if (!client.IsClosed)
            {
                try
                {
                    Native.zmd_client_cancel(client);
                }
                catch (ObjectDisposedException)
                {
                    // Another thread has freed it.
                }
            }
            client.Dispose();
        }

        private static Status Result(int error, ref Native.Status status)
        {
            Status result = new Status(ref status);
            Check(error, result);
            return result;
        }

        // The last error belongs to the thread: it is read before anything else is called.
        private static void Check(int error, Status status)
        {
            if (error != 0)
                throw new ZmdException(error, status);
        }

        private static byte[] Utf8(string name, string value)
        {
            if (value == null)
                throw new ArgumentNullException(name);
            if (value.IndexOf('\0') >= 0)
                throw new ArgumentException(name + " has a NUL in it", name);
            return Encoding.UTF8.GetBytes(value + '\0');
        }
    }

    internal sealed class ConfigHandle : SafeHandle
    {
        private ConfigHandle()
            : base(IntPtr.Zero, true)
        {
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        protected override bool ReleaseHandle()
        {
            Native.zmd_config_free(handle);
            return true;
        }
    }

    // P/Invoke holds a reference during each call, so none uses a client that is freed.
    internal sealed class ClientHandle : SafeHandle
    {
        private ClientHandle()
            : base(IntPtr.Zero, true)
        {
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        protected override bool ReleaseHandle()
        {
            Native.zmd_client_free(handle);
            return true;
        }
    }

    /// <summary>zmd.h. Strings are passed as UTF-8 with a NUL at the end.</summary>
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

        [UnmanagedFunctionPointer(C)]
        internal delegate int Progress(IntPtr userData, UIntPtr index, int error, ref Status status);

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
        internal static extern int zmd_config_new(out ConfigHandle config);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_config_set(ConfigHandle config, byte[] key, byte[] value);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_config_load_env(ConfigHandle config);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_config_load_file(ConfigHandle config, byte[] path, byte[] profile);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void zmd_config_free(IntPtr config);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_client_new(ConfigHandle config, out ClientHandle client);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_client_set_access_token(ClientHandle client, byte[] accessToken);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_client_status(ClientHandle client, byte[] module, byte[] jobId, out Status status);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_client_wait(
            ClientHandle client, byte[] module, byte[] jobId, long timeoutMs, Progress progress, IntPtr userData,
            out Status status);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_status_is_successful(ref Status status);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_status_has_ended(ref Status status);

        [DllImport(Library, CallingConvention = C)]
        internal static extern UIntPtr zmd_status_text(ref Status status, byte[] text, UIntPtr size);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int zmd_client_cancel(ClientHandle client);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void zmd_client_free(IntPtr client);

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
    }
}
