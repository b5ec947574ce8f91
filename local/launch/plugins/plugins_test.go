package plugins

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"oke-guestbook/local/launch/launchtest"
	"oke-guestbook/local/launch/progress"
	"oke-guestbook/local/launch/pulumifiles"
)

// newPlugins returns plugins in an empty directory, on a machine without any.
func newPlugins(t *testing.T, choice string) (Plugins, *bytes.Buffer) {
	t.Helper()
	t.Setenv("PULUMI_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	var out bytes.Buffer
	dir := t.TempDir()
	p := Plugins{
		Choice: choice, Home: filepath.Join(dir, "pulumi"), KindFile: filepath.Join(dir, "plugins"),
		StandIn: filepath.Join(dir, "bin", "localcloudd"), Out: progress.New(&out, &out),
	}
	launchtest.Write(t, p.StandIn, "")
	return p, &out
}

// noNetwork is a context in which no request succeeds.
func noNetwork(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestInstalledOfficialPluginsAreUsed(t *testing.T) {
	p, out := newPlugins(t, "auto")
	home := os.Getenv("PULUMI_HOME")
	for _, plugin := range needed {
		launchtest.Write(t, plugin.Path(home), "")
	}
	if err := p.Install(noNetwork(t), nil); err != nil {
		t.Fatal(err)
	}
	if want := "plugins: official, oci v3.16.0 and kubernetes v4.33.0"; !strings.Contains(out.String(), want) {
		t.Errorf("output %q, want %q", out, want)
	}
	for _, plugin := range needed {
		if target, err := os.Readlink(plugin.Original(p.Home)); err != nil || target != plugin.Path(home) {
			t.Errorf("%s links to %q, %v", plugin, target, err)
		}
	}
}

func TestStackKeepsItsStandIns(t *testing.T) {
	p, out := newPlugins(t, "local")
	if err := p.Install(noNetwork(t), nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "stand-ins") {
		t.Errorf("output %q", out)
	}
	for _, plugin := range needed { // from now on the official ones are installed
		launchtest.Write(t, plugin.Path(os.Getenv("PULUMI_HOME")), "")
	}
	p.Choice = "auto"
	uses := func(want string) {
		t.Helper()
		if err := p.Install(noNetwork(t), nil); err != nil {
			t.Fatal(err)
		}
		if target, err := os.Readlink(needed[0].Original(p.Home)); err != nil || target != want {
			t.Errorf("%s links to %q, %v; want %q", needed[0], target, err, want)
		}
	}
	uses(p.StandIn)
	if err := p.Forget(); err != nil {
		t.Fatal(err)
	}
	uses(needed[0].Path(os.Getenv("PULUMI_HOME")))
}

// TestStateOfEarlierStandIns expects the switch to be refused while the state has a Kubernetes object without inputs.
func TestStateOfEarlierStandIns(t *testing.T) {
	p, _ := newPlugins(t, "official")
	for _, plugin := range needed {
		launchtest.Write(t, plugin.Path(os.Getenv("PULUMI_HOME")), "")
	}
	launchtest.Write(t, p.KindFile, "local\n")
	dir := t.TempDir()
	p.Backend = pulumifiles.Backend(dir)
	install := func(outputs string) error {
		launchtest.Write(t, filepath.Join(dir, ".pulumi", "stacks", "oke-guestbook", "local.json"),
			`{"checkpoint":{"latest":{"resources":[
				{"urn":"urn:pulumi:local::p::oci:Core/vcn:Vcn::v","id":"ocid1","outputs":{"id":"ocid1"}},
				{"urn":"urn:pulumi:local::p::pulumi:providers:kubernetes::k","id":"k","outputs":{"kubeconfig":"a"}},
				{"urn":"urn:pulumi:local::p::g:index:G$kubernetes:core/v1:PersistentVolumeClaim::data","outputs":`+outputs+`}
			]}}}`)
		return p.Install(noNetwork(t), nil)
	}
	launchtest.WantError(t, install(`{"kind":"PersistentVolumeClaim"}`), "PersistentVolumeClaim::data",
		"make refresh PLUGINS=local")
	if err := install(`{"kind":"PersistentVolumeClaim","__inputs":{}}`); err != nil {
		t.Error(err)
	}
}

func TestStandInsWhereNothingElseIsAvailable(t *testing.T) {
	p, out := newPlugins(t, "auto")
	if err := p.Install(noNetwork(t), nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "stand-ins") {
		t.Errorf("output %q", out)
	}
}

// A stack that was created with the official plugins does not continue with the stand-ins unless the user asks for it.
func TestStackKeepsOfficialPlugins(t *testing.T) {
	p, _ := newPlugins(t, "auto")
	launchtest.Write(t, p.KindFile, "official\n")
	launchtest.WantError(t, p.Install(noNetwork(t), nil),
		"PLUGINS=auto", "official plugins", "oci v3.16.0", "PLUGINS=local")
}

// Only a switch to the official plugins needs a refresh, until it has succeeded.
func TestTakesOver(t *testing.T) {
	for choice, want := range map[string]bool{"official": true, "auto": false, "local": false} {
		p, _ := newPlugins(t, choice)
		if p.TakesOver() {
			t.Errorf("%s: takes over nothing", choice)
		}
		launchtest.Write(t, p.KindFile, "official\n")
		if p.TakesOver() {
			t.Errorf("%s: takes over from itself", choice)
		}
		if err := p.GiveBack(); err != nil || p.TakesOver() != want {
			t.Errorf("%s over stand-ins: %v, %v", choice, p.TakesOver(), err)
		}
	}
}

func TestOfficialPluginsThatAreNotAvailable(t *testing.T) {
	p, _ := newPlugins(t, "official")
	launchtest.WantError(t, p.Check(noNetwork(t)), "PLUGINS=official", "oci v3.16.0", "PLUGINS=local")
	launchtest.WantError(t, p.Install(noNetwork(t), nil), "PLUGINS=official", "oci v3.16.0", "PLUGINS=local")
	p.Choice = "auto"
	if err := p.Check(noNetwork(t)); err != nil {
		t.Error(err)
	}
}

func TestStandInIsNotOfficial(t *testing.T) {
	p, _ := newPlugins(t, "local")
	if err := p.Install(noNetwork(t), nil); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PULUMI_HOME", p.Home) // as `make env` sets it
	for _, plugin := range needed {
		if got := p.find(plugin); got != "" {
			t.Errorf("the stand-in counts as the official plugin: %s", got)
		}
	}
}

// The file of a plugin on PATH must tell no other version.
func TestPluginOnPath(t *testing.T) {
	plugin := needed[0]
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ ldflags, refused string }{
		{"-X github.com/pulumi/pulumi-oci/provider/v3/pkg/version.Version=" + plugin.Version + " -s -w", ""},
		{"-s -w", ""}, // unknown
		{
			"-s -w -X github.com/pulumi/pulumi-oci/provider/v3/pkg/version.Version=v3.10.0",
			"is version 3.10.0 and not used: " + plugin.Version + " is needed",
		},
	} {
		t.Run(tc.ldflags, func(t *testing.T) {
			dir := t.TempDir()
			source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, plugin.Binary())
			launchtest.Write(t, source, "package main\n\nfunc main() {}\n")
			build := exec.CommandContext(t.Context(), goTool, "build", "-ldflags", tc.ldflags, "-o", binary, source)
			build.Dir = dir
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			p, out := newPlugins(t, "auto")
			t.Setenv("PATH", dir)
			want := binary
			if tc.refused != "" {
				want = ""
			}
			if got := p.find(plugin); got != want || !strings.Contains(out.String(), tc.refused) {
				t.Errorf("found %q with output %q; want %q and %q", got, out, want, tc.refused)
			}
		})
	}
}

// The engine asks for the plugin versions of the program's SDKs.
func TestVersionsAreThoseOfTheProgram(t *testing.T) {
	os.Getenv("SOURCES") // the Makefile says why
	data, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	program, err := modfile.ParseLax("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, plugin := range needed {
		sdk := regexp.MustCompile(`^github.com/pulumi/pulumi-` + plugin.Name + `/sdk/v\d+$`)
		i := slices.IndexFunc(program.Require, func(r *modfile.Require) bool { return sdk.MatchString(r.Mod.Path) })
		if i < 0 || program.Require[i].Mod.Version != "v"+plugin.Version {
			t.Errorf("the program does not require the SDK of %s", plugin)
		}
	}
}
