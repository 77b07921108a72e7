package temporal

import (
	"fmt"
	"io"
	"log/slog"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// errorKey is the key under which the server logs a cause.
const errorKey = "error"

// Logger writes the server's log. The server's own logger ends the process on a
// fatal message, with nothing but a line in a file; this one reports it instead.
type Logger struct {
	to    *slog.Logger
	fatal chan error // the first fatal message
}

// NewLogger logs to w, one JSON object a line.
func NewLogger(w io.Writer) *Logger {
	return &Logger{
		to:    slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo})),
		fatal: make(chan error, 1),
	}
}

var (
	_ log.Logger     = (*Logger)(nil)
	_ log.WithLogger = (*Logger)(nil)
)

// Debug logs at level debug.
func (l *Logger) Debug(msg string, tags ...tag.Tag) { l.to.Debug(msg, pairs(tags)...) }

// Info logs at level info.
func (l *Logger) Info(msg string, tags ...tag.Tag) { l.to.Info(msg, pairs(tags)...) }

// Warn logs at level warn.
func (l *Logger) Warn(msg string, tags ...tag.Tag) { l.to.Warn(msg, pairs(tags)...) }

// Error logs at level error.
func (l *Logger) Error(msg string, tags ...tag.Tag) { l.to.Error(msg, pairs(tags)...) }

// DPanic logs at level error: it panics in development only.
func (l *Logger) DPanic(msg string, tags ...tag.Tag) { l.to.Error(msg, pairs(tags)...) }

// Panic logs and panics: callers rely on not being returned to.
func (l *Logger) Panic(msg string, tags ...tag.Tag) {
	l.to.Error(msg, pairs(tags)...)
	panic(msg)
}

// Fatal logs, and makes the server fail.
func (l *Logger) Fatal(msg string, tags ...tag.Tag) {
	l.to.Error(msg, append(pairs(tags), "fatal", true)...)
	err := fmt.Errorf("temporal server: %s", msg)
	for _, t := range tags {
		if t.Key() == errorKey {
			err = fmt.Errorf("%w: %v", err, t.Value())
		}
	}
	select {
	case l.fatal <- err:
	default:
	}
}

// With gives a logger that adds tags to every message.
func (l *Logger) With(tags ...tag.Tag) log.Logger {
	return &Logger{to: l.to.With(pairs(tags)...), fatal: l.fatal}
}

func pairs(tags []tag.Tag) []any {
	args := make([]any, 0, len(tags))
	for _, t := range tags {
		args = append(args, slog.Any(t.Key(), t.Value()))
	}
	return args
}
