package doctor

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
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

// Where the services are redirected to the local cloud, no image of another host is asked for.
func TestNoRegistry(t *testing.T) {
	err := fmt.Errorf("get: %w", &net.DNSError{Err: "no such host", Name: "iad.ocir.oi", IsNotFound: true})
	want(t, new(visit).unpulled("iad.ocir.oi/ns/guestbook:v1", "anonymously", err),
		"iad.ocir.oi/ns/guestbook:v1: there is no host iad.ocir.oi", "correct frontendImage")
	t.Setenv("CLIENT_HOST_OVERRIDES", "")
	want(t, new(visit).image(t.Context(), "registry.example/Guestbook:v1"), "registry.example/Guestbook:v1 is no image")
}

func TestNoProject(t *testing.T) {
	v := &visit{Stack: Stack{Dir: t.TempDir()}}
	want(t, v.pulumi(t.Context()), "Pulumi.yaml: ", "no such file")
}
