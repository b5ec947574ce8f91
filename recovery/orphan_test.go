package recovery

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// start starts a process in dir that runs until its standard input ends, under a command name.
func start(t *testing.T, dir, name string, args ...string) *exec.Cmd {
	t.Helper()
	script := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho runs\nread line\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(script, args...)
	cmd.Dir = dir
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = stdout.Read(make([]byte, 1)) // now its command line is the script's
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = stdin.Close(), cmd.Wait() })
	return cmd
}

// A plugin whose engine was killed is ended, and no other process: not one of an engine that runs, or of another
// project, nor a plugin that a person has started.
func TestOrphansAreEnded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the command line and directory of processes")
	}
	engine, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	ended, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := ended.Addr().String()
	_ = ended.Close()
	project := t.TempDir()
	orphan := start(t, project, "pulumi-resource-oci.official", gone)
	others := []*exec.Cmd{
		start(t, project, "pulumi-resource-oci", engine.Addr().String()),
		start(t, t.TempDir(), "pulumi-resource-oci", gone),
		start(t, project, "pulumi-resource-oci"),
		start(t, project, "oke-guestbook", gone),
	}
	var out bytes.Buffer
	r := newRecovery(&fakeStack{state: empty}, &out)
	r.Orphans = func(ctx context.Context) ([]Orphan, error) { return Orphans(ctx, project) }
	if found, err := r.Run(t.Context()); err != nil || !found {
		t.Fatal(found, err)
	}
	want := fmt.Sprintf("pulumi-resource-oci, process %d, still runs without its engine: end it", orphan.Process.Pid)
	if said := out.String(); !strings.Contains(said, want) || strings.Count(said, "\n") != 1 {
		t.Errorf("says %q, want %q", said, want)
	}
	if err := orphan.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the orphan ended with %v", err)
	}
	if slices.ContainsFunc(others, func(c *exec.Cmd) bool { return !runs(c.Process.Pid, "") }) {
		t.Error("another process was ended, too")
	}
	if found, err := r.Run(t.Context()); err != nil || found {
		t.Errorf("a second run: %v, %v", found, err)
	}
}

func TestOrphansStayWithoutConsent(t *testing.T) {
	r := newRecovery(&fakeStack{state: empty}, new(bytes.Buffer))
	r.Orphans = func(context.Context) ([]Orphan, error) { return []Orphan{{os.Getpid(), "pulumi-resource-oci"}}, nil }
	r.Confirm = func() (bool, error) { return false, nil }
	if _, err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Error(err)
	}
}
