package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestOpenFiles runs the command of the database's container where a process may open 1024 files unless it asks for
// more, as in containers of OKE's nodes, with an entry point that prints how many it may.
func TestOpenFiles(t *testing.T) {
	objects, err := os.Open("testdata/objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = objects.Close() }()
	bin := t.TempDir()
	stub := "#!/bin/sh\necho $(ulimit -Sn) $(ulimit -Hn) \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "docker-entrypoint.sh"), []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for decoder := yaml.NewDecoder(objects); ; {
		var object struct {
			Kind string
			Spec struct {
				Template struct {
					Spec struct {
						Containers []struct{ Command, Args []string }
					}
				}
			}
		}
		if err := decoder.Decode(&object); err != nil {
			break // the end; what cannot be read leaves nothing to run
		}
		if object.Kind != "StatefulSet" {
			continue
		}
		for _, c := range object.Spec.Template.Spec.Containers {
			if len(c.Command) == 0 {
				continue // the image's own
			}
			ran++
			shell := exec.CommandContext(t.Context(), "bash",
				append([]string{"-c", `ulimit -Sn 1024 && ulimit -Hn 4096 && exec "$@"`, "container"},
					append(c.Command, c.Args...)...)...)
			shell.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOSTNAME=mongo-0"}
			out, err := shell.CombinedOutput()
			if want := "4096 4096 mongod " + strings.Join(c.Args, " "); err != nil || strings.TrimSpace(string(out)) != want {
				t.Errorf("%v, %q, want %q", err, out, want)
			}
		}
	}
	if ran == 0 {
		t.Error("no database with a command")
	}
}
