package zmd;

import com.sun.jna.Callback;
import com.sun.jna.IntegerType;
import com.sun.jna.Library;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;

/** zmd.h. Strings are passed as UTF-8 with a NUL at the end: see {@link #utf8}. */
interface Native extends Library {
    Native ZMD = com.sun.jna.Native.load(
            System.getenv("ZMD_LIBRARY") != null ? System.getenv("ZMD_LIBRARY") : "zmd", Native.class);

    /** size_t */
    final class Size extends IntegerType {
        private static final long serialVersionUID = 1;

        public Size() {
            this(0);
        }

        Size(long value) {
            super(com.sun.jna.Native.SIZE_T_SIZE, value, true);
        }
    }

    /** zmd_progress_fn */
    interface Progress extends Callback {
        int polled(Pointer userData, Size index, int error, Pointer status);
    }

    Pointer zmd_version();

    int zmd_error_is_transient(int error);

    Pointer zmd_last_error();

    Pointer zmd_last_error_code();

    int zmd_config_new(PointerByReference config);

    int zmd_config_set(Pointer config, byte[] key, byte[] value);

    int zmd_config_load_env(Pointer config);

    int zmd_config_load_file(Pointer config, byte[] path, byte[] profile);

    void zmd_config_free(Pointer config);

    int zmd_client_new(Pointer config, PointerByReference client);

    int zmd_client_set_access_token(Pointer client, byte[] accessToken);

    int zmd_client_status(Pointer client, byte[] module, byte[] jobId, Pointer status);

    int zmd_client_wait(
            Pointer client, byte[] module, byte[] jobId, long timeoutMs, Progress progress, Pointer userData, Pointer status);

    int zmd_status_is_successful(Pointer status);

    int zmd_status_has_ended(Pointer status);

    Size zmd_status_text(Pointer status, Pointer text, Size size);

    int zmd_client_cancel(Pointer client);

    void zmd_client_free(Pointer client);

    static String text(Pointer text) {
        return text.getString(0, "UTF-8");
    }

    static byte[] utf8(String name, String value) {
        if (value == null) {
            throw new NullPointerException(name);
        }
        if (value.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(name + " has a NUL in it");
        }
        return (value + '\0').getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    /** Turns the number that a call on this thread has returned into an exception. */
    static void check(int error, Status status) {
        if (error != 0) {
            throw failure(error, status);
        }
    }

    static ZmdException failure(int error, Status status) {
        return new ZmdException(error, text(ZMD.zmd_last_error_code()), text(ZMD.zmd_last_error()), status);
    }
}
