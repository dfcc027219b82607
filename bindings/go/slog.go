//go:build go1.21

package zmd

import (
	"context"
	"log/slog"
)

// SetLogger sends what the library does to a logger, line by line, at the level that it has now; nil turns it off. The
// library's trace is below slog.LevelDebug.
func SetLogger(logger *slog.Logger) error {
	level := func(level LogLevel) slog.Level { return slog.LevelError - slog.Level(4*(level-LogError)) }
	max := LogOff
	for logger != nil && max < LogTrace && logger.Enabled(context.Background(), level(max+1)) {
		max++
	}
	return SetLog(max, func(at LogLevel, line string) { logger.Log(context.Background(), level(at), line) })
}
