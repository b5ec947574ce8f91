package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oke-guestbook/local/launch/launchtest"
)

// otherProgram exports an output that this repository's program does not have.
const otherProgram = `package main

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		ctx.Export("program", pulumi.String("another one"))
		return nil
	})
}
`

// otherProject returns the directory of another project in Go. It requires the modules of this one, which are on the
// machine, but for those of the provider plugins.
func otherProject(t *testing.T) string {
	t.Helper()
	read := func(name string) string {
		t.Helper()
		data, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	var module strings.Builder
	for line := range strings.Lines(read("go.mod")) {
		if !strings.Contains(line, "/pulumi-oci/") && !strings.Contains(line, "/pulumi-kubernetes/") {
			module.WriteString(line)
		}
	}
	dir := t.TempDir()
	renamed := strings.Replace(module.String(), "module oke-guestbook", "module other", 1)
	launchtest.Write(t, filepath.Join(dir, "go.mod"), renamed)
	launchtest.Write(t, filepath.Join(dir, "go.sum"), read("go.sum"))
	launchtest.Write(t, filepath.Join(dir, "main.go"), otherProgram)
	launchtest.Write(t, filepath.Join(dir, "Pulumi.yaml"), "name: other\nruntime: go\n")
	return dir
}

// In the environment that `make env` prints, the program of another project runs as itself, not this repository's, and
// by the language host for its language.
func TestOtherProject(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	var env strings.Builder
	o := s.o
	o.Out = &env
	s.must(o.PrintEnv(t.Context()))
	shell := func(t *testing.T, dir, script string) (stdout, stderr string, err error) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `eval "$ENVIRONMENT" && cd "$1" && `+script, "sh", dir)
		cmd.Env = append(os.Environ(), "ENVIRONMENT="+env.String())
		var errors strings.Builder
		cmd.Stderr = &errors
		out, err := cmd.Output()
		return string(out), errors.String(), err
	}
	t.Run("in Go", func(t *testing.T) {
		out, log, err := shell(t, otherProject(t), `pulumi stack init other >&2 &&
			pulumi up --yes --skip-preview >&2 && pulumi stack output program`)
		if err != nil || out != "another one\n" {
			t.Errorf("the other program's output is %q, %v\n%s", out, err, log)
		}
	})
	t.Run("in another language", func(t *testing.T) {
		dir := t.TempDir()
		launchtest.Write(t, filepath.Join(dir, "Pulumi.yaml"), "name: foreign\nruntime: foreign\n")
		launchtest.Write(t, filepath.Join(dir, "pulumi-language-foreign"), "#!/bin/sh\npwd -P > called\n")
		out, log, err := shell(t, dir, `PATH=$PATH:$PWD; pulumi stack init foreign >&2 && pulumi preview >&2; cat called`)
		if err != nil || out != dir+"\n" {
			t.Errorf("its language host was called in %q, %v\n%s", out, err, log)
		}
	})
}
