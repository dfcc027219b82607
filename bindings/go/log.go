package zmd

/*
#include <zmd.h>

void zmdLog(void *user_data, int32_t level, char *line);

static zmd_error set_logger(int32_t max_level)
{
	return zmd_set_logger(max_level > 0 ? (zmd_log_fn)zmdLog : NULL, NULL, max_level);
}
*/
import "C"

// SetLog sets the function that receives what the library does, line by line, up to a level: on the thread that does the
// work, on several at the same time. The process has one; with LogOff there is none. With Go 1.21 or later, SetLogger takes
// a slog.Logger.
func SetLog(max LogLevel, log func(level LogLevel, line string)) error {
	if max > LogOff {
		logger.Store(log)
	}
	return check(func() C.zmd_error { return C.set_logger(C.int32_t(max)) })
}
