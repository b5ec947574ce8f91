package certs

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// debug is a log of zap, certmagic's, whose messages are the program's for debugging: what people need to know, Manager
// says itself.
type debug struct{ log *slog.Logger }

func newDebug(log *slog.Logger) *zap.Logger { return zap.New(debug{log}) }

// Enabled implements zapcore.Core.
func (d debug) Enabled(level zapcore.Level) bool {
	return level >= zapcore.InfoLevel && d.log.Enabled(context.Background(), slog.LevelDebug)
}

// With implements zapcore.Core.
func (d debug) With(fields []zapcore.Field) zapcore.Core { return debug{d.log.With(details(fields))} }

// Check implements zapcore.Core.
func (d debug) Check(e zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if d.Enabled(e.Level) {
		return to.AddCore(e, d)
	}
	return to
}

// Write implements zapcore.Core.
func (d debug) Write(e zapcore.Entry, fields []zapcore.Field) error {
	d.log.Debug(e.Message, details(fields))
	return nil
}

// Sync implements zapcore.Core.
func (debug) Sync() error { return nil }

func details(fields []zapcore.Field) slog.Attr {
	encoder := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(encoder)
	}
	return slog.Any("details", encoder.Fields)
}
