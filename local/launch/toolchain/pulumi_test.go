package toolchain

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oke-guestbook/local/launch/launchtest"
)

// fakePulumi puts a CLI and a language host on PATH, and returns the CLI's path.
func fakePulumi(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range map[string]string{"pulumi": "echo '" + version + "'\n", "pulumi-language-go": ""} {
		launchtest.Write(t, filepath.Join(dir, name), "#!/bin/sh\n"+script)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	return filepath.Join(dir, "pulumi")
}

func TestVersionOfTheCLI(t *testing.T) {
	for version, usable := range map[string]bool{
		"v3.240.0": true, "3.240.0": true, "v3.253.0": true, "v4.0.0": true, "v3.253.0-alpha.1": true,
		"v3.99.9": false, "v2.300.0": false, "": false, "dev": false,
	} {
		tools, out := newToolchain(t)
		path := fakePulumi(t, version)
		want := ""
		if usable {
			want = path
		}
		cli, err := tools.findCLI(t.Context())
		if err != nil || cli != want || (out.Len() == 0) != usable {
			t.Errorf("%q: %q, %v, output %q; want %q", version, cli, err, out, want)
		}
	}
}

func TestOldCLIOnPath(t *testing.T) {
	tools, out := newToolchain(t)
	old := fakePulumi(t, "v3.50.0")
	if cli, err := tools.CLI(t.Context()); err != nil || cli != filepath.Join(tools.Bin, "pulumi") {
		t.Errorf("auto: %q, %v; want the repository's own", cli, err)
	}
	for _, want := range []string{old, `"3.50.0"`, minPulumi, "own " + ownPulumi + " is used instead"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("auto: output %q lacks %q", out, want)
		}
	}
	tools.Pulumi = "path"
	_, err := tools.CLI(t.Context())
	launchtest.WantError(t, err, "PULUMI_CLI=path", old, `"3.50.0"`, minPulumi+" or later", "PULUMI_CLI=own")
}

func TestCLIWithoutItsLanguageHost(t *testing.T) {
	tools, out := newToolchain(t)
	alone := fakePulumi(t, "v"+ownPulumi)
	host := filepath.Join(filepath.Dir(alone), "pulumi-language-go")
	if err := os.Remove(host); err != nil {
		t.Fatal(err)
	}
	if cli, err := tools.findCLI(t.Context()); err != nil || cli != "" {
		t.Errorf("auto: %q, %v; want the repository's own", cli, err)
	}
	for _, want := range []string{alone + " has no pulumi-language-go", "is used instead"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("auto: output %q lacks %q", out, want)
		}
	}
	tools.Pulumi = "path"
	_, err := tools.findCLI(t.Context())
	launchtest.WantError(t, err, "PULUMI_CLI=path", alone, "no pulumi-language-go", "PULUMI_CLI=own")
	// A link to a whole installation is usable too.
	bin := t.TempDir()
	linked := filepath.Join(bin, "pulumi")
	if err := errors.Join(os.WriteFile(host, nil, 0o755), os.Symlink(alone, linked)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	if cli, err := tools.findCLI(t.Context()); err != nil || cli != linked {
		t.Errorf("a link: %q, %v; want %q", cli, err, linked)
	}
}

func TestOwnCLIByRequest(t *testing.T) {
	tools, _ := newToolchain(t)
	fakePulumi(t, "v"+ownPulumi)
	tools.Pulumi = "own"
	if cli, err := tools.findCLI(t.Context()); err != nil || cli != "" {
		t.Errorf("%q, %v; want the repository's own", cli, err)
	}
}

// After make env and make kubeconfig, the built tools are on PATH.
func TestBuiltCLIOnPathIsNotTheUsers(t *testing.T) {
	tools, _ := newToolchain(t)
	for _, name := range []string{"pulumi", hostName} {
		launchtest.Write(t, filepath.Join(tools.Bin, name), "#!/bin/sh\necho v"+ownPulumi+"\n")
	}
	t.Setenv("PATH", tools.Bin+":/usr/bin:/bin")
	if cli, err := tools.findCLI(t.Context()); cli != "" || err != nil {
		t.Errorf("got %q, %v; want the built CLI not to pass for an installed one", cli, err)
	}
	t.Setenv("PATH", tools.Bin+":"+filepath.Dir(fakePulumi(t, "v"+ownPulumi)))
	if cli, err := tools.findCLI(t.Context()); cli == "" || strings.HasPrefix(cli, tools.Bin) || err != nil {
		t.Errorf("got %q, %v; want the installed CLI behind the built one", cli, err)
	}
}

func TestNoCLIOnPath(t *testing.T) {
	tools, _ := newToolchain(t)
	t.Setenv("PATH", t.TempDir())
	tools.Pulumi = "path"
	_, err := tools.findCLI(t.Context())
	launchtest.WantError(t, err, "PULUMI_CLI=path", "no pulumi on PATH")
}
