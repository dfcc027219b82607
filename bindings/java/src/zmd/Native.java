package zmd;

import com.sun.jna.Callback;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;

/** zmd.h. Strings are passed as UTF-8 with a NUL at the end: see {@link #utf8}. */
final class Native {
    private Native() {}

    /** zmd_token_fn */
    interface TokenFunction extends Callback {
        int provide(Pointer userData, Pointer refused, Pointer token, Pointer size);
    }

    /** zmd_log_fn */
    interface LogFunction extends Callback {
        void log(Pointer userData, int level, Pointer message);
    }

    static native Pointer zmd_version();

    static native int zmd_error_is_transient(int error);

    static native Pointer zmd_last_error();

    static native Pointer zmd_last_error_code();

    static native Pointer zmd_last_error_of_job(Pointer index);

    static native Pointer zmd_last_error_code_of_job(Pointer index);

    static native int zmd_config_new(PointerByReference config);

    static native int zmd_config_set(Pointer config, byte[] key, byte[] value);

    static native int zmd_config_load_env(Pointer config);

    static native int zmd_config_load_file(Pointer config, byte[] path, byte[] profile);

    static native int zmd_config_set_token_provider(Pointer config, TokenFunction provide, Pointer userData);

    static native void zmd_config_free(Pointer config);

    static native int zmd_client_new(Pointer config, PointerByReference client);

    static native int zmd_client_set_access_token(Pointer client, byte[] accessToken);

    static native long zmd_client_credits(Pointer client);

    static native int zmd_client_counters(Pointer client, long[] counters, Pointer size);

    static native int zmd_client_cancel(Pointer client);

    static native void zmd_client_free(Pointer client);

    static native int zmd_status_is_successful(byte[] status);

    static native int zmd_status_has_ended(byte[] status);

    static native Pointer zmd_status_text(byte[] status, byte[] text, Pointer size);

    static native int zmd_waits_new(Pointer client, PointerByReference waits);

    static native int zmd_waits_add(Pointer waits, byte[] module, byte[] jobId, long timeoutMs, long[] id);

    static native int zmd_waits_add_status(Pointer waits, byte[] module, byte[] jobId, long timeoutMs, long[] id);

    static native int zmd_waits_remove(Pointer waits, long id);

    static native int zmd_waits_next(Pointer waits, long timeoutMs, Pointer event);

    static native void zmd_waits_free(Pointer waits);

    static native long zmd_progress_remaining_ms();

    static native int zmd_set_logger(LogFunction log, Pointer userData, int maxLevel);

    private static boolean isLoaded;

    /** Loads the library, once. Not a static initializer: that would have its message in the first failure only. */
    static synchronized void load() {
        if (isLoaded) {
            return;
        }
        String named = System.getenv("ZMD_LIBRARY");
        String file = named != null ? named : System.mapLibraryName("zmd");
        try {
            NativeLibrary library = NativeLibrary.getInstance(named != null ? named : "zmd");
            file = library.getFile() != null ? library.getFile().toString() : file;
            com.sun.jna.Native.register(Native.class, library);
            isLoaded = true;
        } catch (UnsatisfiedLinkError error) {
            String problem = "cannot load libzmd from " + file + ": " + error.getMessage().replace(":\n", ": ").replaceAll("\\s*\n\\s*", "; ")
                    + (named != null
                            ? " (the environment variable ZMD_LIBRARY names it)"
                            : " (the environment variable ZMD_LIBRARY, which may name the file, is not set)");
            throw (UnsatisfiedLinkError) new UnsatisfiedLinkError(problem).initCause(error);
        }
    }

    /** A size_t, which is as wide as a pointer. */
    static Pointer size(long size) {
        return size == 0 ? null : new Pointer(size);
    }

    static String text(Pointer text) {
        return text.getString(0, "UTF-8");
    }

    static String text(byte[] text) {
        int length = 0;
        while (text[length] != 0) {
            length++;
        }
        return new String(text, 0, length, StandardCharsets.UTF_8);
    }

    static byte[] utf8(String name, String value) {
        if (value == null) {
            throw new NullPointerException(name);
        }
        if (value.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(name + " has a NUL in it");
        }
        return (value + '\0').getBytes(StandardCharsets.UTF_8);
    }

    /** The error that a call on this thread has returned; null for 0. */
    static ZmdException failure(int error, String module, String jobId) {
        return error == 0
                ? null
                : new ZmdException(error, text(zmd_last_error_code()), text(zmd_last_error()), module, jobId, null);
    }

    static void check(int error) {
        ZmdException failure = failure(error, null, null);
        if (failure != null) {
            throw failure;
        }
    }
}
