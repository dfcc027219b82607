package zmd;

/** Receives the log of the library. See {@link Client#setLogger}. */
@FunctionalInterface
public interface LogListener {
    /**
     * Takes a line. It is called on the thread that does the work, on several threads at the same time, and delays its call.
     *
     * @param level 1 error, 2 warning, 3 info, 4 debug, 5 trace
     * @param line one line, without a token or a password at any level
     */
    void log(int level, String line);
}
