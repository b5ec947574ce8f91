// Package toolchain builds the tools that the launcher runs, from this repository and from pinned modules, and finds
// the ones that are installed.
package toolchain

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"oke-guestbook/local/launch/diskspace"
	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/launch/progress"
	"oke-guestbook/local/launch/pulumifiles"
)

// Versions. A test compares them with the go.mod files.
const (
	minPulumi         = "3.240.0" // oldest CLI on PATH that is used
	ownPulumi         = "3.260.0"
	kubernetesVersion = "1.36.3"
)

// FirstBuild is how long the first build takes. README.md and README.ko.md name the same figure, docs/benchmarks.md
// how it was measured.
const FirstBuild = "8 minutes on 2 cores"

// tool is an executable that is built from a Go package.
type tool struct {
	name    string
	module  string // directory of the module, relative to the repository's root
	pkg     string // import path
	ldflags string
}

var (
	daemon = tool{
		name: "localcloudd", module: "local", pkg: "oke-guestbook/local/cmd/localcloudd",
		// The Kubernetes binaries read their version from these variables only.
		ldflags: "-s -w" +
			" -X k8s.io/component-base/version.gitVersion=v" + kubernetesVersion +
			" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36" +
			" -X k8s.io/component-base/version.gitTreeState=clean",
	}
	node = tool{
		name: "localnode", module: "local", pkg: "oke-guestbook/local/cmd/localnode", ldflags: "-s -w",
	}
	pulumiCLI = tool{
		name: "pulumi", module: "local/tools/pulumi", pkg: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
		ldflags: "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v" + ownPulumi,
	}
	languageHost = tool{
		name: "pulumi-language-go-host", module: "local/tools/pulumi-language-go",
		pkg: "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go", ldflags: "-s -w",
	}
	program  = tool{name: "oke-guestbook", module: ".", pkg: "oke-guestbook", ldflags: "-s -w"}
	commands = tool{name: "oke", module: ".", pkg: "oke-guestbook/cmd/oke", ldflags: "-s -w"}
)

// formerDaemon is what the daemon's executable was called before.
const formerDaemon = "okelocal"

// Toolchain builds into one directory.
type Toolchain struct {
	Root   string // directory of the repository
	Bin    string // directory of the built tools
	Dir    string // LOCAL_DIR, for messages about space
	Pulumi string // PULUMI_CLI
	Nodes  bool   // nodes run Pods
	Free   diskspace.FreeBytes
	Out    *progress.Printer
}

// Mode says which tools Install builds.
type Mode int

// Tools to build.
const (
	UpdateAll    Mode = iota // all: a tool that is up to date costs little, because go build looks first
	BuildMissing             // those that do not exist: a stack must be destroyable without the sources
	UseBuilt                 // none
)

// Install makes sure that the tools exist, and returns the path of the Pulumi CLI to use.
func (t Toolchain) Install(ctx context.Context, mode Mode) (cli string, err error) {
	if err := os.MkdirAll(t.Bin, 0o755); err != nil {
		return "", err
	}
	if t.IsFirstBuild() {
		if err := t.checkSpace(ctx); err != nil {
			return "", err
		}
	}
	onPath, err := t.findCLI(ctx)
	if err != nil {
		return "", err
	}
	// The program needs few modules: while it is compiled, those of the daemon are downloaded.
	cli, wanted := onPath, []tool{program, commands, daemon}
	if t.Nodes {
		programs, err := t.nodePrograms(ctx)
		if err != nil {
			return "", err
		}
		wanted = append(append(wanted, node), programs...)
	}
	if onPath == "" {
		cli, wanted = t.path(pulumiCLI), append(wanted, pulumiCLI, languageHost)
	}
	switch mode {
	case UseBuilt:
		return cli, nil
	case BuildMissing:
		wanted = slices.DeleteFunc(wanted, t.has)
	}
	if err := t.build(ctx, wanted); err != nil {
		return "", err
	}
	if t.Nodes {
		if err := t.makeMongoImage(ctx); err != nil {
			return "", err
		}
	}
	if err := link(daemon.name, filepath.Join(t.Bin, "kubectl")); err != nil {
		return "", err
	}
	// A daemon that still runs the former executable is restarted, as after any new build.
	if err := os.RemoveAll(filepath.Join(t.Bin, formerDaemon)); err != nil {
		return "", err
	}
	return cli, t.wrapLanguageHost(onPath == "")
}

// CLI returns the path of the Pulumi CLI that Install has installed.
func (t Toolchain) CLI(ctx context.Context) (string, error) {
	onPath, err := t.findCLI(ctx)
	if onPath == "" {
		onPath = t.path(pulumiCLI)
	}
	return onPath, err
}

// Daemon returns the path of the local cloud's executable.
func (t Toolchain) Daemon() string { return t.path(daemon) }

// Commands returns the path of the command oke.
func (t Toolchain) Commands() string { return t.path(commands) }

// IsFirstBuild reports whether the tools have yet to be built.
func (t Toolchain) IsFirstBuild() bool { return !t.has(daemon) }

func (t Toolchain) path(tool tool) string { return filepath.Join(t.Bin, tool.name) }

func (t Toolchain) has(tool tool) bool {
	_, err := os.Stat(t.path(tool))
	return err == nil
}

// wrapLanguageHost makes the pinned language host run the built program in this repository's project: it would
// otherwise link the program for each command. It builds and runs every other program itself. The engine starts it in
// the program's directory. A CLI on PATH has a language host of its own, and gets none from here.
//
// The pinned language host does not notice that its engine was killed, and is ended with it.
func (t Toolchain) wrapLanguageHost(pinned bool) error {
	wrapper := filepath.Join(t.Bin, hostName)
	if !pinned {
		return os.RemoveAll(wrapper)
	}
	root, err := filepath.EvalSymlinks(t.Root)
	if err != nil {
		return err
	}
	script := "#!/bin/sh\nbin=$(dirname \"$0\")\n" +
		"[ \"$(pwd -P)\" != " + environment.Quoted(root) + " ] || set -- -binary \"$bin/" + program.name + "\" \"$@\"\n" +
		pulumifiles.EndWithEngine +
		"exec $end_with_engine \"$bin/" + languageHost.name + "\" \"$@\"\n"
	return os.WriteFile(wrapper, []byte(script), 0o755)
}

// goCommand returns a go command in a module of the repository.
func (t Toolchain) goCommand(ctx context.Context, module string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(t.Root, module)
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), environment.GarbageCollection()...)
	return cmd
}

// link makes name a symbolic link to target, whatever it was before.
func link(target, name string) error {
	if old, err := os.Readlink(name); err == nil && old == target {
		return nil
	}
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	return os.Symlink(target, name)
}
