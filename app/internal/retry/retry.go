// Package retry repeats a step until it succeeds. It is hand-written: the libraries for it count attempts, while the
// chores wait up to a time limit and log each new reason once.
package retry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Policy says how long and how often a step is repeated.
type Policy struct {
	Timeout time.Duration // from the first attempt on
	First   time.Duration // before the second attempt; doubled for each further one
	Longest time.Duration // between two attempts
	Log     *slog.Logger  // gets one line for each new reason to wait
}

// final is an error that no further attempt can remove.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// Final marks an error that repeating the step cannot remove. It returns nil for nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return final{err}
}

// IsFinal reports whether repeating a step cannot remove its error.
func IsFinal(err error) bool {
	var f final
	return errors.As(err, &f)
}

// Do repeats step until it returns nil or a Final error, or until the time limit. what completes the sentence "waiting:
// cannot ..." in the log and in the error.
func (p Policy) Do(ctx context.Context, what string, step func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	var reason error
	delay := p.First
	for {
		err := step(limited)
		var f final
		switch {
		case err == nil:
			return nil
		case errors.As(err, &f):
			return fmt.Errorf("cannot %s: %w", what, f.error)
		case ctx.Err() != nil:
			return fmt.Errorf("cannot %s: interrupted: %w", what, err)
		}
		if reason == nil || limited.Err() == nil { // the end of the time is no reason
			if reason == nil || err.Error() != reason.Error() {
				p.Log.Info("waiting: cannot "+what+" yet", slog.Any("reason", err), slog.Duration("limit", p.Timeout))
			}
			reason = err
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-limited.Done():
			timer.Stop()
			if ctx.Err() != nil {
				return fmt.Errorf("cannot %s: interrupted: %w", what, reason)
			}
			return fmt.Errorf("cannot %s within %v: %w", what, p.Timeout, reason)
		}
		delay = min(2*delay, p.Longest)
	}
}
