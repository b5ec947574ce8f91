package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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

// otherProject returns the directory of another project. It requires the modules of this one, which are on the machine,
// but for those of the provider plugins.
func otherProject(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
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
	write("go.mod", strings.Replace(module.String(), "module oke-guestbook\n", "module other\n", 1))
	write("go.sum", read("go.sum"))
	write("main.go", otherProgram)
	write("Pulumi.yaml", "name: other\nruntime: go\n")
	return dir
}

// In the environment that `make env` prints, the program of another project runs as itself, not this repository's.
func TestOtherProject(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	var env strings.Builder
	o := s.o
	o.Out = &env
	s.must(o.PrintEnv(t.Context()))
	const script = `eval "$ENVIRONMENT" && cd "$1" && pulumi stack init other >&2 &&
pulumi up --yes --skip-preview >&2 && pulumi stack output program`
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", script, "sh", otherProject(t))
	cmd.Env = append(os.Environ(), "ENVIRONMENT="+env.String())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if out, err := cmd.Output(); err != nil || string(out) != "another one\n" {
		t.Errorf("the other program's output is %q, %v\n%s", out, err, stderr.String())
	}
}
