package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"oke-guestbook/local/freeport"
	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/launch/launchtest"
	"oke-guestbook/local/launch/progress"
)

func newDaemon(t *testing.T) (Daemon, *bytes.Buffer) {
	t.Helper()
	port, err := freeport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	settings := environment.Settings{Dir: t.TempDir(), Port: port, Speed: 1, Limits: "usual"}
	binary := filepath.Join(t.TempDir(), "localcloudd")
	return Daemon{Settings: settings, Binary: binary, Out: progress.New(&out, &out)}, &out
}

func TestPortTakenByAnotherProgram(t *testing.T) {
	d, _ := newDaemon(t)
	d.Port = launchtest.Listen(t, http.NotFoundHandler())
	_, _, err := d.Running(t.Context())
	launchtest.WantError(t, err, fmt.Sprintf("LOCAL_PORT=%d", d.Port), "another program",
		fmt.Sprintf("make up LOCAL_PORT=%d", d.Port+1))
}

func TestPortTakenByAnotherClone(t *testing.T) {
	d, _ := newDaemon(t)
	d.Port = launchtest.Listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"pid": 7, "dir": "/elsewhere/.local"}`)
	}))
	_, _, err := d.Running(t.Context())
	launchtest.WantError(t, err, "LOCAL_PORT", "/elsewhere/.local", "make down")
}

// A daemon that does not answer is known by its lock.
func TestUnreachableDaemon(t *testing.T) {
	d, _ := newDaemon(t)
	if err := os.Mkdir(d.Path("oci"), 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(d.Path("oci", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, ok, err := d.Running(t.Context()); ok || err != nil {
		t.Errorf("nobody holds the lock: running %v, %v", ok, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	for port, want := range map[int][]string{
		8787: {
			fmt.Sprintf("LOCAL_PORT=%d: the local cloud of LOCAL_DIR=%s runs already, at port 8787", d.Port, d.Dir),
			"make down LOCAL_PORT=8787",
		},
		d.Port: {"LOCAL_DIR=" + d.Dir, "does not answer", d.logFile(), "fuser -k " + lock.Name()},
	} {
		if err := os.WriteFile(d.portFile(), []byte(strconv.Itoa(port)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := d.Running(t.Context())
		launchtest.WantError(t, err, want...)
		launchtest.WantError(t, d.Start(t.Context()), want...)
		launchtest.WantError(t, d.Stop(t.Context()), want...)
	}
}

func TestStopWithoutADaemon(t *testing.T) {
	d, _ := newDaemon(t)
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStartShowsTheLogOfADaemonThatFails(t *testing.T) {
	d, out := newDaemon(t)
	launchtest.Write(t, d.Binary, "#!/bin/sh\necho no luck with \"$@\"\nexit 4\n")
	launchtest.WantError(t, d.Start(t.Context()), "exit status 4", d.logFile(),
		fmt.Sprintf("no luck with serve --dir %s --port %d --speed 1", d.Dir, d.Port))
	if !strings.Contains(out.String(), "start the local cloud: failed") {
		t.Errorf("output %q", out)
	}
}

func TestInventoryAndStatus(t *testing.T) {
	d, _ := newDaemon(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/admin/inventory", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"kind": "vcn", "id": "1", "displayName": "net", "lifecycleState": "AVAILABLE"},
			{"kind": "vnic", "id": "2"}]`)
	})
	mux.HandleFunc("/admin/status", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"rssMB": 5, "clusters": [
			{"name": "c", "version": "v1", "address": "a", "processes": [{"name": "etcd", "pid": 7, "rssMB": 6}]}]}`)
	})
	d.Port = launchtest.Listen(t, mux)
	lines, err := d.Inventory(t.Context())
	want := []string{"vcn                  AVAILABLE     net", "vnic                               2"}
	if err != nil || !slices.Equal(lines, want) {
		t.Errorf("inventory %q, %v; want %q", lines, err, want)
	}
	status, err := d.Status(t.Context())
	if err != nil || status.RSSMB != 5 || len(status.Clusters) != 1 || status.Clusters[0].Processes[0].PID != 7 {
		t.Errorf("status %+v, %v", status, err)
	}
}

// TestAwaitPage asks for a page whose certificate is for another name than this machine's address, and that redirects
// to that name, which leads elsewhere.
func TestAwaitPage(t *testing.T) {
	d, out := newDaemon(t)
	asked := make(chan string, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.TLS.ServerName + " " + r.Host
		http.Redirect(w, r, "https://book.invalid/", http.StatusFound)
	}))
	defer server.Close()
	if err := d.AwaitPage(t.Context(), server.URL, "book.invalid"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if got := <-asked; got != "book.invalid book.invalid" {
		t.Errorf("it asked for %s", got)
	}
}

func TestWaitFor(t *testing.T) {
	err := waitFor(context.Background(), 10*time.Millisecond, "the moon", func() (bool, error) { return false, nil })
	launchtest.WantError(t, err, "10ms", "the moon")
	broken := errors.New("broken")
	err = waitFor(t.Context(), time.Minute, "x", func() (bool, error) { return false, broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
