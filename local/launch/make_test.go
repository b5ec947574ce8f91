package launch

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// makeTest runs `make test` with commands that only note that they were called, and returns these calls and what was said.
func makeTest(t *testing.T, ci string, commands ...string) (calls, said string, err error) {
	t.Helper()
	bin, log := t.TempDir(), filepath.Join(t.TempDir(), "calls")
	for _, name := range append(commands, "go", "gofmt", "git") {
		script := "#!/bin/sh\necho $PWD $(/usr/bin/basename $0) \"$@\" >> " + log + "\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	make, err := exec.LookPath("make")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), make, "SHELL=/bin/sh", "test")
	cmd.Dir = "../.."
	cmd.Env = []string{"PATH=" + bin, "CI=" + ci}
	out, err := cmd.CombinedOutput()
	data, _ := os.ReadFile(log)
	return string(data), string(out), err
}

// Other flags would compile all of the SDKs and of Kubernetes twice.
func TestTestsAndToolsAreCompiledAlike(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if want := "export GOFLAGS := $(shell go env GOFLAGS 2>/dev/null) '" + strings.Join(compilerFlags, "' '") + "'"; !strings.Contains(string(makefile), want) {
		t.Errorf("the Makefile lacks %s", want)
	}
}

// Without a browser a newcomer gets all other tests, and CI no green.
func TestMakeTestWithoutBrowser(t *testing.T) {
	calls, said, err := makeTest(t, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if !strings.Contains(said, "what needs them is not tested") || !strings.Contains(said, "apt-get install chromium") {
		t.Errorf("says %q", said)
	}
	if !strings.Contains(said, "about 6 minutes on 2 cores, and not a word of them until they end") {
		t.Errorf("does not say how long the end-to-end tests are silent: %q", said)
	}
	if !strings.Contains(calls, "/app go test -vet=off -skip=^TestBrowser ./...") || !strings.Contains(calls, "/local go test -vet=off -timeout 30m -parallel 5 ./...") {
		t.Errorf("it called\n%s", calls)
	}
	calls, said, err = makeTest(t, "true")
	if err == nil || strings.Contains(calls, "go test") {
		t.Errorf("CI without a browser, and none to install: %v\n%s\n%s", err, calls, said)
	}
	for _, commands := range [][]string{{"apt-get"}, {"apt-get", "jq", "node"}, {"apt-get", "chromium", "node"}, {"apt-get", "chromium", "jq"}} {
		calls, said, err = makeTest(t, "true", commands...)
		if err == nil || strings.Contains(calls, "go test") || !strings.Contains(calls, "install") || !strings.Contains(calls, " jq nodejs\n") {
			t.Errorf("CI with an installation that brings not all of it: %v\n%s\n%s", err, calls, said)
		}
	}
}

func TestMakeTestWithBrowser(t *testing.T) {
	for _, ci := range []string{"", "true"} {
		calls, said, err := makeTest(t, ci, "chromium", "jq", "node")
		if err != nil || strings.Contains(calls, "-skip") || !strings.Contains(calls, "/app go test -vet=off ./...") {
			t.Errorf("CI=%q: %v\n%s\n%s", ci, err, calls, said)
		}
	}
}
