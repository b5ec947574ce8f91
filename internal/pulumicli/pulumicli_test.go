package pulumicli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newCLI returns a CLI that is a shell script, and what it shows.
func newCLI(t *testing.T, script string) (CLI, *bytes.Buffer) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pulumi")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	return CLI{Path: path, Dir: t.TempDir(), Stack: "dev", Out: &out}, &out
}

func TestArguments(t *testing.T) {
	c, out := newCLI(t, `echo "$@" | tee -a log; cat >> log`+"\n")
	c.ConfigFile = "/s.yaml"
	for want, run := range map[string]func(context.Context) error{
		"refresh --yes --skip-preview --non-interactive --stack dev --config-file /s.yaml\n": c.Refresh,
		"cancel --yes --non-interactive --stack dev\n":                                       c.Cancel,
		"stack import --non-interactive --stack dev\nstate": func(ctx context.Context) error {
			return c.Import(ctx, []byte("state"))
		},
		"state taint --yes urn --non-interactive --stack dev\n": func(ctx context.Context) error {
			return c.Taint(ctx, "urn")
		},
		"destroy --yes --skip-preview --non-interactive --target urn --stack dev --config-file /s.yaml\n": func(
			ctx context.Context,
		) error {
			return c.Delete(ctx, "urn")
		},
	} {
		log := filepath.Join(c.Dir, "log")
		_ = os.Remove(log)
		if err := run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(log); err != nil || string(got) != want {
			t.Errorf("it ran %q, %v; want %q", got, err, want)
		}
	}
	if !strings.HasPrefix(out.String(), "refresh") && !strings.HasPrefix(out.String(), "destroy") {
		t.Errorf("it shows %q", out)
	}
}

func TestErrorsContainTheReason(t *testing.T) {
	c, _ := newCLI(t, "echo the reason >&2; exit 3\n")
	_, err := c.Export(t.Context())
	if err == nil || !strings.Contains(err.Error(), "pulumi stack: exit status 3: the reason") {
		t.Errorf("error %v", err)
	}
	t.Setenv("PATH", "")
	if _, err := (CLI{Stack: "dev"}).Export(t.Context()); err == nil || !strings.Contains(err.Error(), "not on PATH") {
		t.Errorf("error %v", err)
	}
}

func TestUnknownStack(t *testing.T) {
	c, _ := newCLI(t, "echo \"error: no stack named 'prd' found\" >&2; exit 6\n")
	_, err := c.Export(t.Context())
	if err == nil || !strings.Contains(err.Error(), "found: pulumi stack ls lists") {
		t.Errorf("got %v", err)
	}
}

func TestBackend(t *testing.T) {
	c, _ := newCLI(t, `echo '{"user": "me", "url": "s3://bucket"}'`+"\n")
	t.Setenv("PULUMI_BACKEND_URL", "")
	if got, err := c.Backend(t.Context()); err != nil || got != "s3://bucket" {
		t.Errorf("got %q, %v", got, err)
	}
	t.Setenv("PULUMI_BACKEND_URL", "file:///tmp")
	if got, err := c.Backend(t.Context()); err != nil || got != "file:///tmp" {
		t.Errorf("got %q, %v", got, err)
	}
}

// The engine ends an operation in order after one interrupt.
func TestInterrupt(t *testing.T) {
	c, _ := newCLI(t, "trap 'echo in order >end; exit 1' INT; : >started; while :; do sleep 0.05; done\n")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		for {
			if _, err := os.Stat(filepath.Join(c.Dir, "started")); err == nil || ctx.Err() != nil {
				cancel()
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	err := c.Refresh(ctx)
	if said, _ := os.ReadFile(filepath.Join(c.Dir, "end")); err == nil || string(said) != "in order\n" {
		t.Errorf("error %v, the command says %q", err, said)
	}
}
