package pulumifiles

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"oke-guestbook/local/launch/launchtest"
)

// The files are as v3.253.0 writes them, with fewer resources.
func TestFixtures(t *testing.T) {
	b := Backend(t.TempDir())
	if b.Used() {
		t.Error("an empty directory counts as used")
	}
	launchtest.Write(t, b.path("stacks", "oke-guestbook", "local.json"), `{
    "version": 3,
    "checkpoint": {
        "stack": "organization/oke-guestbook/local",
        "latest": {
            "manifest": {"time": "2026-11-26T10:00:00.000000000Z", "magic": "", "version": "v3.253.0"},
            "resources": [
                {"urn": "urn:pulumi:local::p::pulumi:pulumi:Stack::p-local", "type": "pulumi:pulumi:Stack"},
                {"urn": "urn:pulumi:local::p::oci:Core/vcn:Vcn::v", "id": "ocid1", "type": "oci:Core/vcn:Vcn"}
            ],
            "pending_operations": [
                {"resource": {"urn": "urn:pulumi:local::p::oci:Core/subnet:Subnet::s"}, "type": "creating"}
            ],
            "metadata": {}
        }
    }
}`)
	launchtest.Write(t, b.path("stacks", "new", "local.json"),
		`{"version":3,"checkpoint":{"stack":"organization/new/local"}}`)
	if !b.Used() {
		t.Error("a directory with a stack counts as unused")
	}
	states, err := b.Checkpoints("local")
	if err != nil {
		t.Fatal(err)
	}
	state := states["oke-guestbook"]
	if len(states) != 2 || len(state.Resources) != 2 || state.Resources[1].ID != "ocid1" || len(state.Pending) != 1 {
		t.Errorf("states %+v", states)
	}
}

func TestOtherFormatsAreErrors(t *testing.T) {
	for name, text := range map[string]string{"object": `{"process":1}`, "text": "x"} {
		b := Backend(t.TempDir())
		launchtest.Write(t, b.path("stacks", "p", "local.json"), text)
		if states, err := b.Checkpoints("local"); err == nil {
			t.Errorf("%s: states %v", name, states)
		}
	}
}

func TestLink(t *testing.T) {
	home, p := t.TempDir(), Plugin{"oci", "3.16.0"}
	launchtest.Write(t, p.Path(home)+".old", "")
	launchtest.Write(t, p.dir(home)+".partial", "")
	for _, target := range []string{"/official", "/stand-in", p.Path(home)} {
		if err := p.Link(home, target); err != nil {
			t.Fatal(err)
		}
	}
	if target, err := os.Readlink(p.Path(home)); err != nil || target != "/stand-in" {
		t.Errorf("links to %q, %v", target, err)
	}
	for _, old := range []string{p.Path(home) + ".old", p.dir(home) + ".partial"} {
		if _, err := os.Lstat(old); err == nil {
			t.Errorf("%s is still there", old)
		}
	}
}

func TestWrap(t *testing.T) {
	dir, home, p := t.TempDir(), t.TempDir(), Plugin{"oci", "3.16.0"}
	binary := filepath.Join(dir, p.Binary())
	launchtest.Write(t, binary, "#!/bin/sh\necho installed \"$@\"\n")
	runs := func(want string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), p.Path(home), "-a", "b c").CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("got %q, %v; want %q", out, err, want)
		}
	}
	for range 2 { // installed, and found again in the local cloud's own PULUMI_HOME
		if err := p.Wrap(home, binary); err != nil {
			t.Fatal(err)
		}
		runs("installed -a b c\n")
		binary = p.Original(home)
	}
	if err := p.Remove(home); err != nil {
		t.Fatal(err)
	}
	launchtest.Write(t, p.Original(home), "#!/bin/sh\necho downloaded\n")
	if err := p.Wrap(home, p.Path(home)); err != nil {
		t.Fatal(err)
	}
	runs("downloaded\n")
}

// TestWrappedPluginEndsWithItsEngine kills a shell that has started a plugin which would go on without it.
func TestWrappedPluginEndsWithItsEngine(t *testing.T) {
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("there is no setpriv")
	}
	home, p := t.TempDir(), Plugin{"oci", "3.16.0"}
	binary := filepath.Join(t.TempDir(), p.Binary())
	launchtest.Write(t, binary, "#!/bin/sh\necho $$\nexec sleep 600\n")
	if err := p.Wrap(home, binary); err != nil {
		t.Fatal(err)
	}
	engine := exec.CommandContext(t.Context(), "sh", "-c", `"$1" & wait`, "sh", p.Path(home))
	out, err := engine.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if err := engine.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// The pipe ends when the last process that has it open does.
	if err := out.(*os.File).SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(out); err != nil {
		t.Errorf("the plugin goes on without its engine: %v", err)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// cli returns a function that makes commands of a real CLI, on a stack, a backend and a PULUMI_HOME of their own.
func cli(t *testing.T) (command func(args ...string) *exec.Cmd, b Backend, home string) {
	t.Helper()
	os.Getenv("SOURCES")                                    // the Makefile says why
	path, err := filepath.Abs("../../../.local/bin/pulumi") // `make test` builds it first, unless PATH has one
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("pulumi"); err != nil {
			t.Skip("there is no Pulumi CLI; `make test` builds one")
		}
	}
	state, project, home := t.TempDir(), t.TempDir(), t.TempDir()
	launchtest.Write(t, filepath.Join(project, "Pulumi.yaml"), "name: formats\nruntime: go\n")
	command = func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), path, append(args, "--non-interactive")...)
		cmd.Dir = project
		cmd.Env = []string{
			"HOME=" + home, "PULUMI_HOME=" + home, "PULUMI_BACKEND_URL=file://" + state,
			"PULUMI_CONFIG_PASSPHRASE=formats", "PULUMI_SKIP_UPDATE_CHECK=true", "PATH=/usr/bin:/bin",
		}
		return cmd
	}
	run(t, command("stack", "init", "local"))
	return command, Backend(state), home
}

func run(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", cmd.Args[1:], err, out, stderr.String())
	}
	return out
}

// deployment is a stack with a resource of the provider oci.
const deployment = `{"version": 3, "deployment": {"manifest": {}, "resources": [
	{"urn": "urn:pulumi:local::formats::pulumi:pulumi:Stack::formats-local", "type": "pulumi:pulumi:Stack"},
	{"urn": "urn:pulumi:local::formats::pulumi:providers:oci::default", "type": "pulumi:providers:oci",
		"custom": true, "id": "provider-id", "inputs": {"version": "3.16.0"}, "outputs": {"version": "3.16.0"}},
	{"urn": "urn:pulumi:local::formats::oci:Core/vcn:Vcn::v", "type": "oci:Core/vcn:Vcn", "custom": true, "id": "vcn-id",
		"provider": "urn:pulumi:local::formats::pulumi:providers:oci::default::provider-id"}]}}`

// This test fails when the formats of the CLI have changed.
func TestPulumiHasTheseFormats(t *testing.T) {
	command, b, home := cli(t)
	if states, err := b.Checkpoints("local"); err != nil || len(states) != 1 || len(states["formats"].Resources) > 0 {
		t.Errorf("a new stack: %+v, %v", states, err)
	}
	load := command("stack", "import", "--stack", "local")
	load.Stdin = strings.NewReader(deployment)
	run(t, load)
	states, err := b.Checkpoints("local")
	if got := states["formats"].Resources; err != nil || len(got) != 3 || got[2].ID != "vcn-id" {
		t.Errorf("an imported stack: %+v, %v", states, err)
	}

	oci, started := Plugin{"oci", "3.16.0"}, filepath.Join(t.TempDir(), "started")
	plugin := filepath.Join(t.TempDir(), "plugin")
	launchtest.Write(t, plugin, "#!/bin/sh\n: > "+started+"\n")
	if err := oci.Link(home, plugin); err != nil {
		t.Fatal(err)
	}
	if out, err := command("destroy", "--yes", "--skip-preview", "--stack", "local").CombinedOutput(); err == nil {
		t.Errorf("a plugin that ends at once serves the engine:\n%s", out)
	}
	if _, err := os.Stat(started); err != nil {
		t.Error("the engine did not start the linked plugin")
	}
}
