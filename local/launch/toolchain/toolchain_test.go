package toolchain

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/launch/launchtest"
	"oke-guestbook/local/launch/progress"
)

// newToolchain returns a toolchain in a repository of empty modules.
func newToolchain(t *testing.T) (Toolchain, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	dir := t.TempDir()
	for _, tool := range []tool{program, commands, daemon, pulumiCLI, languageHost} {
		if err := os.MkdirAll(filepath.Join(dir, tool.module), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	tools := Toolchain{Root: dir, Dir: dir, Bin: filepath.Join(dir, "bin"), Pulumi: "auto"}
	tools.Out = progress.New(&out, &out)
	return tools, &out
}

// install puts empty files in the place of tools.
func (t Toolchain) install(test *testing.T, names ...string) {
	test.Helper()
	for _, name := range names {
		launchtest.Write(test, filepath.Join(t.Bin, name), "")
	}
}

func TestInstallModes(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	launchtest.OnlyGo(t, `for last; do :; done; echo "$last" >> `+calls+"\n")
	for name, tc := range map[string]struct {
		mode Mode
		want []string
	}{
		"update all":    {UpdateAll, []string{program.pkg, commands.pkg, daemon.pkg, pulumiCLI.pkg, languageHost.pkg}},
		"build missing": {BuildMissing, []string{languageHost.pkg}},
		"use built":     {UseBuilt, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tools, _ := newToolchain(t)
			tools.install(t, program.name, commands.name, daemon.name, pulumiCLI.name, formerDaemon)
			_ = os.Remove(calls)
			cli, err := tools.Install(t.Context(), tc.mode)
			if err != nil || cli != filepath.Join(tools.Bin, "pulumi") {
				t.Errorf("CLI %q, %v", cli, err)
			}
			if got, _ := os.ReadFile(calls); !slices.Equal(strings.Fields(string(got)), tc.want) {
				t.Errorf("built %q, want %q", got, tc.want)
			}
			if tc.mode == UseBuilt {
				return
			}
			if target, err := os.Readlink(filepath.Join(tools.Bin, "kubectl")); err != nil || target != daemon.name {
				t.Errorf("kubectl links to %q, %v", target, err)
			}
			script, err := os.ReadFile(filepath.Join(tools.Bin, "pulumi-language-go"))
			for _, name := range []string{languageHost.name, program.name} {
				if err != nil || !strings.Contains(string(script), name) {
					t.Errorf("the language host's wrapper is %q, %v", script, err)
				}
			}
			if _, err := os.Stat(filepath.Join(tools.Bin, formerDaemon)); err == nil {
				t.Error("the former daemon is still there")
			}
		})
	}
}

func TestCLIOnPathBringsItsLanguageHost(t *testing.T) {
	tools, _ := newToolchain(t)
	tools.install(t, program.name, commands.name, daemon.name, "pulumi-language-go")
	want := fakePulumi(t, "v"+ownPulumi)
	if cli, err := tools.Install(t.Context(), BuildMissing); err != nil || cli != want {
		t.Errorf("CLI %q, %v; want %q", cli, err, want)
	}
	if _, err := os.Stat(filepath.Join(tools.Bin, "pulumi-language-go")); err == nil {
		t.Error("the pinned language host would replace the CLI's own")
	}
}

// With the pinned CLI, a program other than this repository's runs as itself.
func TestLanguageHostKnowsThisProject(t *testing.T) {
	tools, _ := newToolchain(t)
	repository := tools.Root
	tools.Root = filepath.Join(t.TempDir(), "a link, it's one")
	tools.Bin = filepath.Join(tools.Root, "bin")
	if err := os.Symlink(repository, tools.Root); err != nil {
		t.Fatal(err)
	}
	launchtest.Write(t, tools.path(languageHost), "#!/bin/sh\necho \"$@\"\n")
	if err := tools.wrapLanguageHost(true); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(repository, "other")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	ours := "-binary " + tools.path(program) + " 127.0.0.1:1\n"
	for dir, want := range map[string]string{
		repository: ours, tools.Root: ours, below: "127.0.0.1:1\n", t.TempDir(): "127.0.0.1:1\n",
	} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(tools.Bin, "pulumi-language-go"), "127.0.0.1:1")
		cmd.Dir = dir
		if got, err := cmd.Output(); err != nil || string(got) != want {
			t.Errorf("in %s the language host gets %q, %v; want %q", dir, got, err, want)
		}
	}
}
