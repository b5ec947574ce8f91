package e2e

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"k8s.io/apimachinery/pkg/util/yaml"

	"oke-guestbook/local/launch/launchtest"
)

// waiting is a program that says that it runs, and ends when the file "proceed" exists.
const waiting = `package main

import (
	"os"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		if err := os.WriteFile("runs", nil, 0o600); err != nil {
			return err
		}
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if _, err := os.Stat("proceed"); err == nil {
				break
			}
		}
		ctx.Export("program", pulumi.String("another one"))
		return nil
	})
}
`

// chunks is what the S3 interface of Object Storage answers to a body in chunks with its checksum at the end
// (velero-io/velero#9089, 2025-07; activepieces/activepieces#14110, 2026-07).
const chunks = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value."

// objectStorage serves the bucket "state" by the S3 interface, with the bucket's name in the path, and takes no chunks.
// It does so over TLS: without, clients send no chunks. It returns the variables by which Pulumi keeps states there.
func objectStorage(t *testing.T) (env []string) {
	t.Helper()
	memory := s3mem.New()
	if err := memory.CreateBucket("state"); err != nil {
		t.Fatal(err)
	}
	fake := gofakes3.New(memory).Server()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed := strings.Contains(r.Header.Get("Authorization"), "Credential=access/")
		if !strings.HasPrefix(r.URL.Path, "/state") || !signed {
			http.Error(w, "not the bucket, or not its key", http.StatusForbidden)
			return
		}
		if sum := r.Header.Get("X-Amz-Content-Sha256"); strings.HasPrefix(sum, "STREAMING-") {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, "<Error><Code>InvalidArgument</Code><Message>"+chunks+"</Message></Error>")
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	launchtest.Write(t, authority, string(certificate))
	return []string{
		"PULUMI_BACKEND_URL=" + backendURL(t, server.URL),
		"AWS_ACCESS_KEY_ID=access", "AWS_SECRET_ACCESS_KEY=key", "AWS_CA_BUNDLE=" + authority,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
}

// backendURL returns the URL of pipelines/README.md for a server.
func backendURL(t *testing.T, server string) string {
	t.Helper()
	readme, err := os.ReadFile("../../pipelines/README.md")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`(?m)^s3://.*$`).FindString(string(readme))
	form = strings.NewReplacer(
		"https://<tenancy namespace>.compat.objectstorage.<region>.oraclecloud.com", server,
		"<bucket>", "state", "<region>", "us-ashburn-1",
	).Replace(form)
	if _, err := url.Parse(form); err != nil || strings.Contains(form, "<") {
		t.Fatalf("the URL in pipelines/README.md is %q, %v", form, err)
	}
	return form
}

// pulumiSteps returns the steps of the GitHub workflows that run pulumi: an update, a preview and a look for drift.
// Oke is the command that the last one builds of the checkout.
func pulumiSteps(t *testing.T, oke string) (steps []string) {
	t.Helper()
	for _, name := range []string{"up", "preview", "drift"} {
		data, err := os.ReadFile("../../pipelines/github-actions/" + name + ".yml")
		if err != nil {
			t.Fatal(err)
		}
		var workflow struct {
			Jobs map[string]struct {
				Steps []struct{ Run string }
			}
		}
		if err := yaml.Unmarshal(data, &workflow); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found := len(steps)
		for _, step := range workflow.Jobs[name].Steps {
			step.Run = strings.Replace(step.Run, "go build -o bin/oke ./cmd/oke\nbin/oke", oke, 1)
			if strings.HasPrefix(step.Run, "pulumi ") || strings.HasPrefix(step.Run, oke) {
				steps = append(steps, step.Run)
			}
		}
		if len(steps) == found {
			t.Fatalf("workflow %s has no step of pulumi", name)
		}
	}
	return steps
}

// The state of a stack is in a bucket, through the S3 interface of Object Storage: what the workflows do, a second
// update at the same time is refused, and an exported state can be imported. The service refuses what versions 3.245.0
// to 3.255.0 of the CLI write.
func TestStateInObjectStorage(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	backend, dir, home := objectStorage(t), otherProject(t), t.TempDir()
	cli := func(args ...string) *exec.Cmd {
		cmd := s.command("version") // for the path of the CLI
		cmd.Args = append([]string{"pulumi"}, args...)
		cmd.Dir = dir
		cmd.Env = append([]string{
			"PATH=" + s.o.Bin + ":" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "PULUMI_HOME=" + home,
			"PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_CONFIG_PASSPHRASE=secret", "STACK=other",
		}, backend...)
		return cmd
	}
	run := func(args ...string) string {
		t.Helper()
		var stderr bytes.Buffer
		cmd := cli(args...)
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("pulumi %v: %v\n%s%s", args, err, out, stderr.String())
		}
		return string(out)
	}

	run("stack", "init", "other", "--secrets-provider", "passphrase")
	run("config", "set", "--secret", "password", "mellon", "--stack", "other")
	for _, step := range pulumiSteps(t, filepath.Join(s.o.Bin, "oke")) {
		cmd := cli("version")
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-ec", step}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", step, err, out)
		}
	}
	if out := run("stack", "output", "program", "--stack", "other"); out != "another one\n" {
		t.Errorf("output %q", out)
	}
	s.buildSpec(cli, dir)

	launchtest.Write(t, filepath.Join(dir, "main.go"), waiting)
	first := cli("up", "--yes", "--skip-preview", "--stack", "other")
	s.must(first.Start())
	s.eventually(compiled, "the first update is compiled and runs", func() (bool, string) {
		_, err := os.Stat(filepath.Join(dir, "runs"))
		return err == nil, fmt.Sprint(err)
	})
	out, err := cli("up", "--yes", "--skip-preview", "--stack", "other").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the stack is currently locked by 1 lock") {
		t.Errorf("a second update at the same time: %v\n%s", err, out)
	}
	launchtest.Write(t, filepath.Join(dir, "proceed"), "")
	if err := first.Wait(); err != nil {
		t.Errorf("the first update: %v", err)
	}

	state := run("stack", "export", "--stack", "other")
	if !json.Valid([]byte(state)) || strings.Contains(state, "mellon") {
		t.Errorf("exported state: %s", state)
	}
	file := filepath.Join(home, "state.json")
	s.must(os.WriteFile(file, []byte(state), 0o600))
	run("stack", "import", "--stack", "other", "--file", file)
}

// compiled is how long a test waits for a small program to be compiled, which needs a second on an idle machine.
const compiled = 2 * time.Minute

// buildSpec runs each action of OCI DevOps' build specification as its runner does. The other project has no Makefile:
// a stand-in for make, where the first step puts the tools, notes what it is asked for.
func (s *stack) buildSpec(cli func(args ...string) *exec.Cmd, dir string) {
	s.t.Helper()
	data, err := os.ReadFile("../../pipelines/oci-devops/build_spec.yaml")
	s.must(err)
	var spec struct{ Steps []struct{ Command string } }
	s.must(yaml.Unmarshal(data, &spec))
	build := regexp.MustCompile(`go build -o bin/oke \./cmd/oke\n\s*bin/oke`)
	command := spec.Steps[len(spec.Steps)-1].Command
	if !build.MatchString(command) {
		s.t.Fatalf("the build specification does not build oke:\n%s", command)
	}
	command = build.ReplaceAllString(command, filepath.Join(s.o.Bin, "oke"))
	home := s.t.TempDir()
	made := filepath.Join(home, "made")
	maker := filepath.Join(home, "tools", "pulumi", "make")
	s.must(os.MkdirAll(filepath.Dir(maker), 0o700))
	s.must(os.WriteFile(maker, []byte("#!/bin/sh\necho \"$*\" > "+made+"\n"), 0o700))
	caches, err := exec.CommandContext(s.t.Context(), "go", "env", "GOCACHE", "GOMODCACHE").Output()
	s.must(err)
	places := strings.Fields(string(caches))
	for _, action := range []struct{ name, says string }{
		{"up", "Resources:"},
		{"preview", "Previewing update (other)"},
		{"drift", "stack other: the cloud is as the state says"},
		{"deploy", "ACTION is 'deploy': set"},
	} {
		cmd := cli("version")
		cmd.Path, cmd.Args = "/bin/bash", []string{"bash", "-ec", command}
		cmd.Env = append(cmd.Env, "HOME="+home, "GOCACHE="+places[0], "GOMODCACHE="+places[1], "ACTION="+action.name,
			"OCI_PRIMARY_SOURCE_DIR="+dir)
		out, err := cmd.CombinedOutput()
		if (err != nil) != (action.name == "deploy") || !strings.Contains(string(out), action.says) {
			s.t.Errorf("action %s: %v\n%s", action.name, err, out)
		}
	}
	if asked, err := os.ReadFile(made); err != nil || string(asked) != "-s cost STACK=other AGAINST=origin/main\n" {
		s.t.Errorf("the preview asks make for %q, %v", asked, err)
	}
}
