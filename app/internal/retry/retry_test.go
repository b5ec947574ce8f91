package retry

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"oke-guestbook/app/internal/apptest"
)

func TestDo(t *testing.T) {
	first, second := errors.New("no route"), errors.New("no primary")
	for name, c := range map[string]struct {
		results []error // the last one is repeated
		timeout time.Duration
		want    string // of the error
		waits   int    // lines of the log
	}{
		"at once":          {[]error{nil}, time.Minute, "", 0},
		"later":            {[]error{first, first, second, first, nil}, time.Minute, "", 3},
		"final":            {[]error{first, Final(second)}, time.Minute, "cannot do it: no primary", 1},
		"too late":         {[]error{first, second}, 50 * time.Millisecond, "cannot do it within 50ms: no primary", 2},
		"cut off at once":  {[]error{context.DeadlineExceeded}, 50 * time.Millisecond, "context deadline exceeded", 1},
		"final of nothing": {[]error{Final(nil)}, time.Minute, "", 0},
	} {
		log, n := &apptest.Buffer{}, 0
		p := Policy{c.timeout, time.Millisecond, 5 * time.Millisecond, slog.New(slog.NewTextHandler(log, nil))}
		err := p.Do(t.Context(), "do it", func(context.Context) error {
			n++
			return c.results[min(n, len(c.results))-1]
		})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if waits := strings.Count(log.String(), "waiting"); waits != c.waits {
			t.Errorf("%s: %d lines, want %d\n%s", name, waits, c.waits, log)
		}
	}
	// The reason is the last one before the time limit cut the step off.
	p := Policy{50 * time.Millisecond, time.Millisecond, time.Millisecond, slog.New(slog.DiscardHandler)}
	n := 0
	err := p.Do(t.Context(), "do it", func(ctx context.Context) error {
		if n++; n == 1 {
			return first
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, first) {
		t.Errorf("the reason is lost: %v", err)
	}
}
