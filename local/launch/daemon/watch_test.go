package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"oke-guestbook/local/launch/launchtest"
)

func TestWatch(t *testing.T) {
	d, _ := newDaemon(t)
	cloud := exec.CommandContext(t.Context(), "sleep", "600")
	if err := cloud.Start(); err != nil {
		t.Fatal(err)
	}
	d.Port = launchtest.Listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(Health{PID: cloud.Process.Pid, Dir: d.Dir})
	}))
	if err := os.WriteFile(d.logFile(), []byte("panic: out of memory\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	stopped, stop := d.Watch(t.Context())
	stop()
	if cause := context.Cause(stopped); !errors.Is(cause, context.Canceled) {
		t.Errorf("a watch that was stopped ends with %v", cause)
	}

	watched, stop := d.Watch(t.Context())
	defer stop()
	if err := watched.Err(); err != nil {
		t.Fatalf("while the local cloud runs: %v", err)
	}
	if err := cloud.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-watched.Done()
	var ended Ended
	if cause := context.Cause(watched); !errors.As(cause, &ended) || !strings.Contains(cause.Error(), "out of memory") {
		t.Errorf("the context ends with %v", cause)
	}
}
