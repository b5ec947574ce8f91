// Package launch is the launcher: the commands that run the stack on the local cloud. Each part that they use is a
// package below: environment, toolchain, daemon, plugins and pulumicli.
//
// The launcher is started by `go run`, so that it must compile in a second. Besides the standard library it imports the
// program's catalog, the probe of the machine and the tunnel, which import nothing else, and golang.org/x/mod/semver.
package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"oke-guestbook/local/dataplane/tunnel"
	"oke-guestbook/local/launch/daemon"
	"oke-guestbook/local/launch/diskspace"
	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/launch/nodes"
	"oke-guestbook/local/launch/plugins"
	"oke-guestbook/local/launch/progress"
	"oke-guestbook/local/launch/pulumicli"
	"oke-guestbook/local/launch/pulumifiles"
	"oke-guestbook/local/launch/toolchain"
)

// Launcher runs the commands.
type Launcher struct {
	environment.Settings
	Overrides
	Out, Err io.Writer
}

// Overrides are for tests. The zero value is what users get.
type Overrides struct {
	Bin        string              `json:",omitempty"` // directory of the tools, default bin in Dir
	Prebuilt   bool                `json:",omitempty"` // the tools exist and are up to date
	ConfigFile string              `json:",omitempty"` // settings of the stack, default Pulumi.local.yaml in Root
	FreeBytes  diskspace.FreeBytes `json:"-"`          // free disk space, default the file system's
}

// FromEnv returns the launcher of the repository at root. Its error lists every variable with an invalid value.
func FromEnv(root string) (Launcher, error) {
	settings, err := environment.Read(root)
	return Launcher{Settings: settings, Out: os.Stdout, Err: os.Stderr}, err
}

// ToolsDir is the directory of the tools.
func (l Launcher) ToolsDir() string {
	if l.Bin != "" {
		return l.Bin
	}
	return l.Path("bin")
}

// parts are what a command consists of.
type parts struct {
	Launcher
	out       *progress.Printer
	tools     toolchain.Toolchain
	cloud     daemon.Daemon
	providers plugins.Plugins
	nodes     nodes.Nodes
	backend   pulumifiles.Backend
	told      map[string]bool // notices of the local cloud
}

func (l Launcher) parts() parts {
	out := progress.New(l.Out, l.Err)
	tools := toolchain.Toolchain{
		Root: l.Root, Bin: l.ToolsDir(), Dir: l.Dir, Pulumi: l.Pulumi, Free: l.FreeBytes, Out: out,
	}
	return parts{
		Launcher: l, out: out, tools: tools,
		cloud: daemon.Daemon{Settings: l.Settings, Binary: tools.Daemon(), Out: out},
		providers: plugins.Plugins{
			Choice: l.Plugins, Home: l.PulumiHome(), KindFile: l.Path("plugins"), StandIn: tools.Daemon(), Out: out,
			Backend: pulumifiles.Backend(l.StateDir()),
		},
		nodes:   nodes.Nodes{Choice: l.Nodes, Images: l.Images, KindFile: l.Path("nodes"), Out: out},
		backend: pulumifiles.Backend(l.StateDir()),
		told:    map[string]bool{},
	}
}

// tell prints the notices of the local cloud that were not printed yet.
func (p parts) tell(status daemon.Status) {
	for _, notice := range status.Notices {
		if !p.told[notice] {
			p.out.Printf("  %s", notice)
		}
		p.told[notice] = true
	}
}

// prepare does what every command on the stack needs first: it installs the tools, starts the local cloud, and
// completes what a killed command left. A teardown uses the tools that exist, and needs no free space.
func (p parts) prepare(ctx context.Context, teardown bool) (pulumicli.CLI, error) {
	if err := p.check(ctx, teardown); err != nil {
		return pulumicli.CLI{}, err
	}
	if err := p.chooseNodes(teardown); err != nil {
		return pulumicli.CLI{}, err
	}
	p.out.Printf("1/3 tools, in %s%s", p.ToolsDir(), p.firstBuildNotice())
	path, err := p.tools.Install(ctx, p.mode(teardown))
	if err != nil {
		return pulumicli.CLI{}, err
	}
	if err := p.makeTemporaryDir(ctx); err != nil {
		return pulumicli.CLI{}, err
	}
	takesOver := p.providers.TakesOver()
	if err := p.providers.Install(ctx, p.cli(path, p.PulumiVariables(p.ToolsDir()))); err != nil {
		return pulumicli.CLI{}, err
	}
	p.out.Printf("2/3 local cloud")
	if err := p.nodes.Remember(p.cloud.Real); err != nil {
		return pulumicli.CLI{}, err
	}
	if err := p.cloud.Start(ctx); err != nil {
		return pulumicli.CLI{}, err
	}
	if p.cloud.Real {
		status, err := p.cloud.Status(ctx)
		if err != nil {
			return pulumicli.CLI{}, err
		}
		p.tell(status)
	}
	cli, err := p.stack(path)
	if err != nil {
		return pulumicli.CLI{}, err
	}
	if err := os.MkdirAll(p.StateDir(), 0o700); err != nil {
		return pulumicli.CLI{}, err
	}
	if err := cli.Select(ctx); err != nil {
		return pulumicli.CLI{}, err
	}
	if err := p.recover(ctx, cli); err != nil || !takesOver || teardown {
		return cli, err
	}
	p.out.Printf("  the official plugins read what the stand-ins have made")
	if err := p.whileCloudRuns(ctx, cli.Refresh); err != nil {
		return cli, errors.Join(err, p.providers.GiveBack())
	}
	return cli, nil
}

// check fails on what would stop the command later, before the tools are built for minutes.
func (p parts) check(ctx context.Context, teardown bool) error {
	if err := diskspace.CheckWritable("LOCAL_DIR", p.Dir); err != nil && !(teardown && errors.Is(err, syscall.ENOSPC)) {
		return err
	}
	if err := diskspace.CheckExecutable("LOCAL_DIR", p.Dir); err != nil {
		return err
	}
	if !teardown {
		need := diskspace.Need{Setting: "LOCAL_DIR", Dir: p.Dir, Bytes: 1 * diskspace.GB}
		if err := diskspace.Check(p.FreeBytes, need); err != nil {
			return err
		}
	}
	if _, _, err := p.cloud.Running(ctx); err != nil {
		return err
	}
	return p.providers.Check(ctx)
}

// chooseNodes settles the kind of nodes. A teardown takes what there is.
func (p *parts) chooseNodes(teardown bool) (err error) {
	runPods := p.nodes.Kind()
	if !teardown {
		runPods, err = p.nodes.Choose()
	}
	p.tools.Nodes, p.cloud.Real, p.cloud.Source = runPods, runPods, p.nodes.Source()
	if err == nil && runPods && !teardown {
		if err := tunnel.CheckDir(p.Path("dataplane")); err != nil {
			return fmt.Errorf("%w, or NODES=simulated", err)
		}
		need := diskspace.Need{Setting: "LOCAL_DIR", Dir: p.Dir, Bytes: 2 * diskspace.GB} // images, on each node
		err = diskspace.Check(p.FreeBytes, need)
	}
	return err
}

func (p parts) mode(teardown bool) toolchain.Mode {
	switch {
	case p.Prebuilt:
		return toolchain.UseBuilt
	case teardown:
		return toolchain.BuildMissing
	}
	return toolchain.UpdateAll
}

// firstBuildNotice says how long the first build takes, or nothing after that.
func (p parts) firstBuildNotice() string {
	if !p.tools.IsFirstBuild() {
		return ""
	}
	return "; the first build compiles Kubernetes and Pulumi: about " + toolchain.FirstBuild
}

// cli returns the CLI at path with the given variables in place of the user's.
func (p parts) cli(path string, variables []string) pulumicli.CLI {
	environ := append(environment.Inherited(), variables...)
	environ = append(environ, "TMPDIR="+p.temporaryDir())
	if toolchain.HasLanguageHost(path) {
		// The engine prefers a plugin on PATH, with a warning: also to the stand-ins, and in any version.
		environ = append(environ, "PULUMI_IGNORE_AMBIENT_PLUGINS=true")
	}
	return pulumicli.CLI{
		Path: path, Project: p.Root, Stack: environment.Stack, ConfigFile: p.ConfigFile,
		Environ: append(environ, environment.GarbageCollection()...), Out: p.Out, Err: p.Err,
	}
}

// stack returns the CLI at path, on the local cloud.
func (p parts) stack(path string) (pulumicli.CLI, error) {
	variables, err := p.CloudVariables(p.ToolsDir())
	return p.cli(path, variables), errors.Join(err, os.MkdirAll(p.temporaryDir(), 0o700))
}

// temporaryDir is where Pulumi and its plugins put temporary files. The official plugin of Kubernetes never removes its
// kubeconfigs, and the language host that is killed leaves a program.
func (l Launcher) temporaryDir() string { return l.Path("tmp") }

// leftover is how old a temporary file is that no command uses. A command may install plugins before its local cloud
// runs, so that younger files may be in use.
const leftover = 24 * time.Hour

// makeTemporaryDir makes the directory, and removes what earlier commands left there, unless the local cloud runs: then
// one may be running.
func (p parts) makeTemporaryDir(ctx context.Context) error {
	dir := p.temporaryDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if _, running, err := p.cloud.Running(ctx); err != nil || running {
		return err
	}
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if info, statErr := entry.Info(); statErr == nil && time.Since(info.ModTime()) > leftover {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
		}
	}
	return err
}

// recover completes what a killed or failed command has left of the stack. The command oke does it for every stack.
func (p parts) recover(ctx context.Context, cli pulumicli.CLI) error {
	args := []string{"recover", "--yes", "--quiet", "--directory", p.Root, "--stack", cli.Stack, "--pulumi", cli.Path}
	if cli.ConfigFile != "" {
		args = append(args, "--config-file", cli.ConfigFile)
	}
	return p.oke(ctx, cli, args...)
}

// oke runs the command oke, and shows its output.
func (p parts) oke(ctx context.Context, cli pulumicli.CLI, args ...string) error {
	cmd := cli.With(ctx, p.tools.Commands(), args...)
	cmd.Stdout = p.Out
	return p.run(cmd)
}

// run runs the command oke. Its error contains what the command wrote to standard error.
func (p parts) run(cmd *exec.Cmd) error {
	var reason bytes.Buffer
	cmd.Stderr = &reason
	err := cmd.Run()
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the command oke is not built: run `%s`", p.Make("up"))
	}
	if text := strings.TrimPrefix(strings.TrimSpace(reason.String()), "oke: "); err != nil && text != "" {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// Prepare does what comes before a command on the stack.
func (l Launcher) Prepare(ctx context.Context) error {
	_, err := l.parts().prepare(ctx, false)
	return err
}

// Command returns a command of Pulumi's CLI on the local cloud, ready to run. The tools must exist.
func (l Launcher) Command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	p := l.parts()
	path, err := p.tools.CLI(ctx)
	if err != nil {
		return nil, err
	}
	cli, err := p.stack(path)
	if err != nil {
		return nil, err
	}
	return cli.Command(ctx, args...), nil
}

// Stop ends the local cloud. The next start continues with everything in it.
func (l Launcher) Stop(ctx context.Context) error { return l.parts().cloud.Stop(ctx) }

// kubeconfigFile is where the commands put the stack's kubeconfig.
func (l Launcher) kubeconfigFile() string { return filepath.Join(l.Dir, "kubeconfig") }
