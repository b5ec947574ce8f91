// Package eventually polls for conditions in tests.
package eventually

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const interval = 50 * time.Millisecond

// Succeeds polls until check returns nil. After the limit it fails the test with the last error. What names the
// condition in the test's log.
func Succeeds(t testing.TB, limit time.Duration, what string, check func(context.Context) error) {
	t.Helper()
	began := time.Now()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), interval, limit, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%s: not within %s: %v", what, limit, last)
	}
	t.Logf("%s after %s", what, time.Since(began).Round(10*time.Millisecond))
}
