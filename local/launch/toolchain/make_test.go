package toolchain

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/launch/launchtest"
)

// makeRun is what a run of `make test` did, with commands that only record that they were called.
type makeRun struct {
	calls   []string // directory relative to the repository, command and arguments
	goflags string   // GOFLAGS of the last go command
	output  string
	err     error
}

// makeTest runs `make test`. The commands exist besides go, gofmt and git.
func makeTest(t *testing.T, ci string, commands ...string) makeRun {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	bin, log, flags := t.TempDir(), filepath.Join(t.TempDir(), "calls"), filepath.Join(t.TempDir(), "goflags")
	script := "#!/bin/sh\necho \"${PWD#" + root + "}/\" $(/usr/bin/basename $0) \"$@\" >> " + log +
		"\necho \"$GOFLAGS\" > " + flags + "\n"
	for _, name := range append(commands, "go", "gofmt", "git") {
		launchtest.Write(t, filepath.Join(bin, name), script)
	}
	path, err := exec.LookPath("make")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "SHELL=/bin/sh", "test")
	cmd.Dir = root
	cmd.Env = []string{"PATH=" + bin, "CI=" + ci}
	output, err := cmd.CombinedOutput()
	calls, _ := os.ReadFile(log)
	goflags, _ := os.ReadFile(flags)
	return makeRun{strings.Split(strings.TrimSpace(string(calls)), "\n"), string(goflags), string(output), err}
}

// tests returns the calls of `go test`, by the directory of the module.
func (r makeRun) tests() map[string]string {
	tests := map[string]string{}
	for _, call := range r.calls {
		if dir, args, ok := strings.Cut(call, " go test "); ok {
			tests[dir] = args
		}
	}
	return tests
}

// Other flags would compile all of the SDKs and of Kubernetes twice.
func TestTestsAndToolsAreCompiledAlike(t *testing.T) {
	goflags := makeTest(t, "").goflags
	for _, flag := range compilerFlags {
		if !strings.Contains(goflags, "'"+flag+"'") {
			t.Errorf("make test runs go with GOFLAGS=%s, without %s", goflags, flag)
		}
	}
}

// Without a browser all other tests run; with CI set they do not, so that CI cannot pass without testing it.
func TestMakeTestWithoutBrowser(t *testing.T) {
	r := makeTest(t, "")
	tests := r.tests()
	app := tests["/app/"]
	if r.err != nil || !strings.Contains(app, "-skip=^TestBrowser") || !strings.HasSuffix(app, "./...") {
		t.Errorf("%v, tests %q, output:\n%s", r.err, tests, r.output)
	}
	for _, module := range []string{"/", "/local/"} {
		if !strings.HasSuffix(tests[module], "./...") || strings.Contains(tests[module], "-skip") {
			t.Errorf("tests of %s: %q", module, tests[module])
		}
	}
	if !strings.Contains(r.output, "apt-get install chromium") {
		t.Errorf("the output does not say how to install the browser:\n%s", r.output)
	}
	for _, commands := range [][]string{
		nil,
		{"apt-get"},
		{"apt-get", "jq", "nft", "runc", "newuidmap"},
		{"apt-get", "chromium", "nft", "runc", "newuidmap"},
		{"apt-get", "chromium", "jq", "nft", "newuidmap"},
		{"apt-get", "chromium", "jq", "runc", "newuidmap"},
		{"apt-get", "chromium", "jq", "nft", "runc"},
	} {
		r := makeTest(t, "true", commands...)
		if r.err == nil || len(r.tests()) > 0 {
			t.Errorf("CI with %q, which installs nothing: %v, calls %q\n%s", commands, r.err, r.calls, r.output)
		}
		if commands == nil {
			continue
		}
		if !slices.ContainsFunc(r.calls, installs) {
			t.Errorf("CI with %q does not try to install what is missing: %q", commands, r.calls)
		}
	}
}

// installs reports whether a call installs the packages that have what the tests run.
func installs(call string) bool {
	args := strings.Fields(call)
	words := []string{"install", "chromium", "jq", "nftables", "runc", "uidmap"}
	return !slices.ContainsFunc(words, func(want string) bool {
		return !slices.Contains(args, want)
	})
}

func TestMakeTestWithBrowser(t *testing.T) {
	for _, ci := range []string{"", "true"} {
		r := makeTest(t, ci, "chromium", "jq", "nft", "runc", "newuidmap")
		app := r.tests()["/app/"]
		if r.err != nil || !strings.HasSuffix(app, "./...") || strings.Contains(app, "-skip") {
			t.Errorf("CI=%q: %v, calls %q\n%s", ci, r.err, r.calls, r.output)
		}
	}
}

// The launcher and both README files name one figure for the first build.
func TestFirstBuildFigure(t *testing.T) {
	want := regexp.MustCompile(`\d+`).FindString(FirstBuild)
	for file, figure := range map[string]*regexp.Regexp{
		"README.md":    regexp.MustCompile(`(?m)^make up .*?(\d+) minutes`),
		"README.ko.md": regexp.MustCompile(`(?m)^make up .*?(\d+)분`),
	} {
		text, err := os.ReadFile(filepath.Join("../../..", file))
		if err != nil {
			t.Fatal(err)
		}
		if m := figure.FindSubmatch(text); m == nil || string(m[1]) != want {
			t.Errorf("%s: the line of make up says %q, the launcher %s minutes", file, m, want)
		}
	}
}
