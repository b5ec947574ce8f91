package pulumicli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"oke-guestbook/local/launch/daemon"
	"oke-guestbook/local/launch/launchtest"
)

// newCLI returns a CLI that is a shell script.
func newCLI(t *testing.T, script string) CLI {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pulumi")
	launchtest.Write(t, path, "#!/bin/sh\n"+script)
	return CLI{
		Path: path, Project: t.TempDir(), Stack: "local", Environ: []string{"PATH=/usr/bin:/bin"},
		Out: io.Discard, Err: io.Discard,
	}
}

// The terminal sends Ctrl-C to the foreground process group.
func TestEngineHasItsOwnProcessGroup(t *testing.T) {
	out, err := newCLI(t, "sed 's/.*) //' /proc/$$/stat | cut -d ' ' -f 3\n").Command(t.Context(), "up").Output()
	if err != nil {
		t.Fatal(err)
	}
	if group := strings.TrimSpace(string(out)); group == "" || group == strconv.Itoa(syscall.Getpgrp()) {
		t.Errorf("the engine is in group %q, this process in %d", group, syscall.Getpgrp())
	}
}

func TestEngineIsKilledWhenItsCloudIsGone(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cmd := newCLI(t, "trap '' INT\necho started\nexec sleep 600\n").Command(ctx, "up")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("started\n"))); err != nil {
		t.Fatal(err)
	}
	cancel(daemon.Ended{})
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", err)
	}
}

func TestArguments(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	c := newCLI(t, `echo "$@" >> `+log+"; cat >> "+log+"\n")
	c.ConfigFile = "/settings.yaml"
	ctx := t.Context()
	const settings = " --stack local --config-file /settings.yaml\n"
	for _, tc := range []struct {
		want string
		run  func() error
	}{
		{"up --yes --skip-preview --event-log /events" + settings, func() error { return c.Up(ctx, "/events") }},
		{"preview --diff" + settings, func() error { return c.Preview(ctx) }},
		{"refresh --yes --skip-preview" + settings, func() error { return c.Refresh(ctx) }},
		{"destroy --yes --skip-preview" + settings, func() error { return c.Destroy(ctx) }},
		{"stack select --create local\n", func() error { return c.Select(ctx) }},
		{"plugin install resource oci v1.2.3\n", func() error { return c.InstallPlugin(ctx, "oci", "1.2.3") }},
	} {
		_ = os.Remove(log)
		if err := tc.run(); err != nil {
			t.Fatalf("%s: %v", tc.want, err)
		}
		if got, err := os.ReadFile(log); err != nil || string(got) != tc.want {
			t.Errorf("it ran %q, %v; want %q", got, err, tc.want)
		}
	}
}

func TestErrorsContainTheReason(t *testing.T) {
	_, silent := newCLI(t, "exit 3\n").Outputs(t.Context())
	if silent == nil || !strings.HasSuffix(silent.Error(), "exit status 3") {
		t.Errorf("without a reason: %q", silent)
	}
	c := newCLI(t, "echo first >&2; echo the reason >&2; exit 3\n")
	_, err := c.Outputs(t.Context())
	launchtest.WantError(t, err, "pulumi stack output", "the reason")
	if err := c.InstallPlugin(t.Context(), "oci", "1"); err == nil || err.Error() != "the reason" {
		t.Errorf("plugin install: %v", err)
	}
}

func TestOutputs(t *testing.T) {
	got, err := newCLI(t, `echo '{"url": "http://10.0.0.1"}'`+"\n").Outputs(t.Context())
	if err != nil || got["url"] != "http://10.0.0.1" {
		t.Errorf("got %v, %v", got, err)
	}
}
