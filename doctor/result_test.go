package doctor

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"oke-guestbook/internal/registry"
)

// want expects a result to be ✗ with the parts.
func want(t *testing.T, r Result, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if text := r.Text + "\n" + r.Do; r.Status != Failed || !strings.Contains(text, part) {
			t.Errorf("%v: %q is missing in %s", r.Status, part, text)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	deaf := check{"Rights", func(context.Context) []Result { select {} }}
	results := deaf.within(t.Context(), time.Millisecond)
	want(t, results[0], "no answer within 1ms")
	want(t, unavailable("shapes", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}),
		"shapes: the service does not answer", "a firewall or proxy")
}

func TestNoRegistry(t *testing.T) {
	const image = "iad.ocir.oi/ns/guestbook:v1"
	want(t, new(visit).judge(image, registry.Answer{Verdict: registry.NoHost}),
		image+": there is no host iad.ocir.oi", "correct frontendImage")
}

func TestNoProject(t *testing.T) {
	v := &visit{Stack: Stack{Dir: t.TempDir()}}
	want(t, v.pulumi(t.Context()), "Pulumi.yaml: ", "no such file")
}
