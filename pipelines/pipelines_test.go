// Package pipelines tests the pipelines that are there to be copied, as far as that needs no account.
package pipelines

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// step is one of a workflow of GitHub Actions, or of a build specification of OCI DevOps.
type step struct {
	Name, Uses, Run, Shell, Type, Command string
	With                                  map[string]string
}

// pipeline has the parts of either kind of file that the tests look at.
type pipeline struct {
	Env  map[string]any
	Jobs map[string]struct {
		Steps []step
	}
	Steps []step
}

// each calls check with each pipeline.
func each(t *testing.T, check func(t *testing.T, p pipeline, steps []step)) {
	files, err := filepath.Glob("*/*.y*ml")
	if err != nil || len(files) != 4 {
		t.Fatalf("pipelines %v, %v", files, err)
	}
	for _, name := range files {
		t.Run(name, func(t *testing.T) {
			var p pipeline
			if err := yaml.Unmarshal([]byte(read(t, name)), &p); err != nil {
				t.Fatal(err)
			}
			for _, group := range []string{"variables", "vaultVariables"} { // of OCI DevOps
				inner, _ := p.Env[group].(map[string]any)
				maps.Copy(p.Env, inner)
			}
			steps := p.Steps
			for _, job := range p.Jobs {
				steps = append(steps, job.Steps...)
			}
			check(t, p, steps)
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var (
	makes    = regexp.MustCompile(`(?m)^\s*make (?:-s )?([a-z-]+)`)
	target   = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	variable = regexp.MustCompile(`\$\{?([A-Z][A-Z_]+)`)
)

// given are the variables that the runners set.
var given = []string{
	"HOME", "PATH", "GITHUB_BASE_REF", "GITHUB_STEP_SUMMARY", // GitHub
	"ACTION", "OCI_PRIMARY_SOURCE_DIR", // OCI DevOps: the pipeline's parameter, and the checkout
}

// TestPipelines expects the shell's steps to have a syntax without errors, targets that exist, and variables that are
// set.
func TestPipelines(t *testing.T) {
	var targets []string
	for _, m := range target.FindAllStringSubmatch(read(t, "../Makefile"), -1) {
		targets = append(targets, m[1])
	}
	each(t, func(t *testing.T, p pipeline, steps []step) {
		commands := 0
		for _, s := range steps {
			script := cmp.Or(s.Run, s.Command)
			if script == "" {
				continue
			}
			commands++
			if out, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", script).CombinedOutput(); err != nil {
				t.Errorf("step %s: %v: %s", s.Name, err, out)
			}
			if s.Run != "" && strings.Contains(script, " | ") && s.Shell != "bash" {
				t.Errorf("step %s: a command before | that fails does not fail it: GitHub has pipefail with shell: bash", s.Name)
			}
			for _, m := range makes.FindAllStringSubmatch(script, -1) {
				if !slices.Contains(targets, m[1]) {
					t.Errorf("step %s: the Makefile has no target %s", s.Name, m[1])
				}
			}
			for _, m := range variable.FindAllStringSubmatch(script, -1) {
				if _, ok := p.Env[m[1]]; !ok && !slices.Contains(given, m[1]) {
					t.Errorf("step %s: nothing sets %s", s.Name, m[1])
				}
			}
		}
		if commands == 0 {
			t.Error("no commands")
		}
	})
}

// TestVersions expects the pipelines to have the one version of the CLI that README.md names, which Object Storage
// understands, and the version of Go that the program needs, at least.
func TestVersions(t *testing.T) {
	named := regexp.MustCompile(`pin version (3\.(\d+)\.\d+)`).FindStringSubmatch(read(t, "README.md"))
	language := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../go.mod"))
	if named == nil || language == nil {
		t.Fatal("no version of the CLI or of Go is pinned")
	}
	if minor, err := strconv.Atoi(named[2]); err != nil || minor >= 245 && minor <= 255 {
		t.Errorf("version %s of the CLI cannot write to Object Storage", named[1])
	}
	each(t, func(t *testing.T, p pipeline, steps []step) {
		version, _ := p.Env["PULUMI_VERSION"].(string)
		golang, fromBuild := p.Env["GO_VERSION"].(string)
		for _, s := range steps {
			switch {
			case strings.HasPrefix(s.Uses, "pulumi/actions@"):
				version = s.With["pulumi-version"]
			case strings.HasPrefix(s.Uses, "actions/setup-go@") && s.With["go-version-file"] != "go.mod":
				t.Errorf("Go %v, want that of go.mod", s.With)
			}
		}
		if version != named[1] {
			t.Errorf("version %q of the CLI, want %s", version, named[1])
		}
		if fromBuild && !strings.HasPrefix(golang, language[1]+".") {
			t.Errorf("Go %s, want %s", golang, language[1])
		}
	})
}

// TestTools runs the step of the build specification that gets the tools: the versions and the machine are in the
// addresses, and each tool ends where the next step looks for it.
func TestTools(t *testing.T) {
	var spec pipeline
	if err := yaml.Unmarshal([]byte(read(t, "oci-devops/build_spec.yaml")), &spec); err != nil {
		t.Fatal(err)
	}
	variables, _ := spec.Env["variables"].(map[string]any)
	home, bin := t.TempDir(), t.TempDir()
	for name, script := range map[string]string{
		"uname": "echo $MACHINE",
		"curl": `echo "$2" >> "$HOME/asked"
			cd "$HOME" && mkdir -p pulumi go/bin && touch pulumi/pulumi go/bin/go && tar -cz pulumi go`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for machine, arch := range map[string][2]string{"x86_64": {"x64", "amd64"}, "aarch64": {"arm64", "arm64"}} {
		cmd := exec.CommandContext(t.Context(), "bash", "-ec", spec.Steps[0].Command)
		cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + home, "MACHINE=" + machine}
		for name, value := range variables {
			cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%v", name, value))
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		want := fmt.Sprintf("https://get.pulumi.com/releases/sdk/pulumi-v%v-linux-%s.tar.gz\n"+
			"https://go.dev/dl/go%v.linux-%s.tar.gz\n", variables["PULUMI_VERSION"], arch[0], variables["GO_VERSION"], arch[1])
		if asked := read(t, filepath.Join(home, "asked")); asked != want {
			t.Errorf("%s: got from %s, want %s", machine, asked, want)
		}
		if err := os.Remove(filepath.Join(home, "asked")); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range []string{"pulumi/pulumi", "go/bin/go"} {
		_, err := os.Stat(filepath.Join(home, "tools", tool))
		if next := spec.Steps[1].Command; err != nil || !strings.Contains(next, filepath.Dir("$HOME/tools/"+tool)) {
			t.Errorf("%s: %v; the next step has %s", tool, err, next)
		}
	}
}

// TestBackendURL expects the build specification to have the URL of the README, which an end-to-end test uses.
func TestBackendURL(t *testing.T) {
	form := regexp.MustCompile(`(?m)^s3://.*$`).FindString(read(t, "README.md"))
	if spec := read(t, "oci-devops/build_spec.yaml"); form == "" || !strings.Contains(spec, `"`+form+`"`) {
		t.Errorf("the build specification lacks %q", form)
	}
}
