package runc

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain makes this executable the program, under its name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == Name {
		os.Exit(Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// TestRunc has a script in the place of the runtime.
func TestRunc(t *testing.T) {
	dir, bundle := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, Name)); err != nil {
		t.Fatal(err)
	}
	script := []byte("#!/bin/sh\necho \"$@\"\n")
	if err := os.WriteFile(filepath.Join(dir, RealName), script, 0o755); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(bundle, "config.json")
	const before = `{"linux":{"cgroupsPath":"/k8s.io/a","resources":{"memory":{"limit":1}},` +
		`"maskedPaths":["/proc/kcore"]},` +
		`"process":{"rlimits":[{"hard":18446744073709551615}]}}`
	if err := os.WriteFile(config, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"--root /r create --bundle " + bundle + " a", "--root /r delete --force a"} {
		out, err := exec.Command(filepath.Join(dir, Name), strings.Fields(args)...).CombinedOutput()
		if err != nil || string(out) != "--rootless=true "+args+"\n" {
			t.Errorf("%q: runs with %q, %v", args, out, err)
		}
	}
	text, err := os.ReadFile(config)
	if err != nil || !json.Valid(text) || strings.Contains(string(text), "group") ||
		strings.Contains(string(text), "resources") || !strings.Contains(string(text), "18446744073709551615") ||
		!strings.Contains(string(text), "/proc/kcore") {
		t.Errorf("configuration %s, %v", text, err)
	}
	if out, err := exec.Command(filepath.Join(dir, Name), "create", "--bundle", dir).CombinedOutput(); err == nil {
		t.Errorf("a bundle without configuration: %s", out)
	}
}
