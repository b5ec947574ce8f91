package launch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// tool is something that is built from a Go package of this repository or of its pinned dependencies.
type tool struct {
	name    string
	module  string // directory of the module, below the root
	pkg     string // import path
	ldflags string
}

var (
	okelocal = tool{
		name: "okelocal", module: "local", pkg: "oke-guestbook/local/cmd/okelocal",
		// The Kubernetes binaries tell their version from these variables alone.
		ldflags: "-s -w" +
			" -X k8s.io/component-base/version.gitVersion=v" + KubernetesVersion +
			" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36" +
			" -X k8s.io/component-base/version.gitTreeState=clean",
	}
	pulumiCLI = tool{
		name: "pulumi", module: "local/tools/pulumi", pkg: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
		ldflags: "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v" + OwnPulumi,
	}
	languageHost = tool{
		name: "pulumi-language-go-host", module: "local/tools/pulumi-language-go",
		pkg: "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go", ldflags: "-s -w",
	}
	program = tool{name: "oke-guestbook", module: ".", pkg: "oke-guestbook", ldflags: "-s -w"}
)

// compilerFlags leave out debug data and inlining, with which the large SDK packages take half as long again to compile. The
// standard library is small and keeps its inlining: collector, cryptography and JSON take twice the time without.
// The Makefile gives the tests the same flags, so that each package is compiled once for both.
var compilerFlags = []string{"-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false"}

// many packages to compile take long enough to be counted: the list of all takes a second.
const many = 20

// buildAll builds the tools in turn. While one is linked, which keeps a single core busy, the next is compiled already.
func (o Options) buildAll(ctx context.Context, wanted []tool) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	counts := make([]atomic.Int64, len(wanted))
	count := sync.OnceFunc(func() { // beside the build; the first time it also downloads what the other tools need
		for i, t := range wanted {
			list, err := o.goCommand(ctx, filepath.Join(o.Root, t.module), "list", "-deps", t.pkg).Output()
			if err == nil {
				counts[i].Store(int64(bytes.Count(list, []byte("\n"))))
			}
		}
	})
	if !o.has(okelocal) {
		go count()
	}
	var linking sync.WaitGroup
	for i, t := range wanted {
		compiled := make(chan struct{})
		linking.Go(func() {
			title := fmt.Sprintf("build %s, %d of %d", t.name, i+1, len(wanted))
			if err := o.build(ctx, t, title, count, &counts[i], sync.OnceFunc(func() { close(compiled) })); err != nil {
				stop(err)
			}
		})
		<-compiled
	}
	linking.Wait()
	return context.Cause(ctx)
}

// build compiles and links t to .local/bin, and calls compiled in between. It is quick where nothing changed, because go
// build looks first. The packages are total at most, if that is known; count makes it so.
func (o Options) build(ctx context.Context, t tool, title string, count func(), total *atomic.Int64, compiled func()) error {
	defer compiled()
	p := startProgress(o.Out, title)
	end := p.end
	args := append([]string{"build", "-v", "-buildvcs=false", "-ldflags", t.ldflags, "-o", filepath.Join(o.Bin, t.name)}, compilerFlags...)
	cmd := o.goCommand(ctx, filepath.Join(o.Root, t.module), append(args, t.pkg)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		end("failed")
		return fmt.Errorf("go build: %w", err)
	}
	downloaded, packages := 0, 0
	said := follow(stderr, func(pkg string) {
		switch {
		case pkg == "":
			downloaded++
			p.set("%d modules downloaded", downloaded)
		case pkg == t.pkg: // the last one
			end("compiled")
			end = func(outcome string) { o.sayf("  %s: %s (%s)", title, outcome, p.elapsed()) }
			compiled()
		default:
			if packages++; packages == many {
				go count()
			}
			p.set("%d packages compiled", packages)
			if n := total.Load(); n > 0 {
				p.set("%d packages compiled of at most %d", packages, n)
			}
		}
	})
	if err := cmd.Wait(); err != nil {
		end("failed")
		return fmt.Errorf("build %s: %w\n%s%s", t.name, err, said, o.whereSpaceIsShort(ctx, said))
	}
	end("ready")
	return nil
}

// follow reads what `go build -v` prints. It calls step for each module that is downloaded, with "", and for each package
// that is compiled, and returns the other lines: the errors.
func follow(r io.Reader, step func(pkg string)) string {
	var rest strings.Builder
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "go: downloading "):
			step("")
		case line != "" && !strings.ContainsAny(line, " :#\t"):
			step(line)
		default:
			rest.WriteString(line + "\n")
		}
	}
	return rest.String()
}

func (o Options) goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), collector()...)
	return cmd
}

// collector has short processes collect less garbage on machines with memory to spare: the compiler of the large SDK
// packages, and the CLI, spend a sixth of their time on it.
func collector() []string {
	if os.Getenv("GOGC") != "" || memoryGB() < 15 {
		return nil
	}
	return []string{"GOGC=400"}
}

// memoryGB is the machine's memory in GB, or 0 where that is not known.
func memoryGB() int {
	data, _ := os.ReadFile("/proc/meminfo")
	for _, line := range strings.Split(string(data), "\n") {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			kb, _ := strconv.Atoi(f[1])
			return kb >> 20
		}
	}
	return 0
}

// tools sees to it that everything that `up` runs is there, and returns the path of the Pulumi CLI.
func (o Options) tools(ctx context.Context) (string, error) {
	if err := os.MkdirAll(o.Bin, 0o755); err != nil {
		return "", err
	}
	if !o.has(okelocal) {
		if err := o.checkBuild(ctx); err != nil {
			return "", err
		}
	}
	cli, err := o.findPulumi(ctx)
	if err != nil {
		return "", err
	}
	wanted := []tool{program, okelocal} // the program needs few modules: while it is compiled, the other's are downloaded
	if cli == "" {
		cli = filepath.Join(o.Bin, pulumiCLI.name)
		wanted = append(wanted, pulumiCLI, languageHost)
	}
	if o.Built {
		return cli, nil
	}
	if o.teardown {
		wanted = slices.DeleteFunc(wanted, o.has)
	}
	if err := o.buildAll(ctx, wanted); err != nil {
		return "", err
	}
	if err := link(okelocal.name, filepath.Join(o.Bin, "kubectl")); err != nil {
		return "", err
	}
	return cli, o.wrapLanguageHost(cli)
}

// wrapLanguageHost makes the pinned language host run the program that is built already: it would link it anew
// for each command. A CLI from PATH brings a language host of its own.
func (o Options) wrapLanguageHost(cli string) error {
	wrapper := filepath.Join(o.Bin, "pulumi-language-go")
	if cli != filepath.Join(o.Bin, pulumiCLI.name) {
		return os.RemoveAll(wrapper)
	}
	script := "#!/bin/sh\nbin=$(dirname \"$0\")\nexec \"$bin/" + languageHost.name + "\" -binary \"$bin/" + program.name + "\" \"$@\"\n"
	return os.WriteFile(wrapper, []byte(script), 0o755)
}

// checkBuild asks for the room that a first build takes, unless all that it needs was compiled before for another clone.
func (o Options) checkBuild(ctx context.Context) error {
	needs, err := o.spaceToBuild(ctx)
	if err != nil {
		return err
	}
	linking := slices.Clone(needs[2:])
	linking[0].bytes = 1 * gb
	if err := checkSpace(linking...); err != nil {
		return err
	}
	if err := checkSpace(needs...); err != nil && !o.compiled(ctx, okelocal) {
		return err
	}
	return nil
}

// spaceToBuild is what a first build writes, wherever Go keeps what it downloads and compiles.
func (o Options) spaceToBuild(ctx context.Context) ([]need, error) {
	needs := []need{{"GOMODCACHE", "", 3 * gb}, {"GOCACHE", "", 7 * gb}, {"GOTMPDIR", "", 4 * gb}}
	for i := range needs {
		out, err := o.goCommand(ctx, o.Root, "env", needs[i].setting).Output()
		if err != nil {
			return nil, fmt.Errorf("go env %s: %w", needs[i].setting, err)
		}
		needs[i].dir = strings.TrimSpace(string(out))
	}
	if tmp := &needs[2]; tmp.dir == "" {
		tmp.setting, tmp.dir = "TMPDIR", os.TempDir()
	}
	return append(needs, need{"LOCAL_DIR", o.Dir, 1 * gb}), nil
}

// compiled says whether Go's caches hold all that t is made of, but for some packages of this repository's own.
func (o Options) compiled(ctx context.Context, t tool) bool {
	args := append([]string{"list", "-deps"}, compilerFlags...)
	cmd := o.goCommand(ctx, filepath.Join(o.Root, t.module), append(args,
		"-f", `{{if and .Stale (ne .StaleReason "not installed but available in build cache") (not (and .Module .Module.Main))}}{{.ImportPath}}{{end}}`, t.pkg)...)
	cmd.Env = append(cmd.Env, "GOPROXY=off") // the modules are part of the question
	missing, err := cmd.Output()
	return err == nil && len(bytes.TrimSpace(missing)) == 0
}

// whereSpaceIsShort says which settings lead to a disk that a build has filled, if that is what it complains of.
func (o Options) whereSpaceIsShort(ctx context.Context, said string) string {
	if !strings.Contains(said, syscall.ENOSPC.Error()) {
		return ""
	}
	needs, err := o.spaceToBuild(ctx)
	if err != nil {
		return err.Error()
	}
	var places []string
	for _, n := range needs {
		places = append(places, n.setting+"="+n.dir)
	}
	return "free some space in one of " + strings.Join(places, ", ") + ", or set it to a larger disk"
}

// has says whether a tool was built before.
func (o Options) has(t tool) bool {
	_, err := os.Stat(filepath.Join(o.Bin, t.name))
	return err == nil
}

// findPulumi returns the CLI on PATH if it may be used, or "" where the pinned one is to be built.
func (o Options) findPulumi(ctx context.Context) (string, error) {
	if o.Pulumi == "own" {
		return "", nil
	}
	path, err := exec.LookPath("pulumi")
	if err != nil {
		if o.Pulumi == "path" {
			return "", errors.New("PULUMI_CLI=path: there is no pulumi on PATH; install one, or set PULUMI_CLI=own to build " + OwnPulumi)
		}
		return "", nil
	}
	version, err := exec.CommandContext(ctx, path, "version").Output()
	found := strings.TrimPrefix(strings.TrimSpace(string(version)), "v")
	if err != nil || !atLeast(found, MinPulumi) {
		if o.Pulumi == "path" {
			return "", fmt.Errorf("PULUMI_CLI=path: %s is version %q, %s or later is needed; upgrade it, or set PULUMI_CLI=own to build %s",
				path, found, MinPulumi, OwnPulumi)
		}
		fmt.Fprintf(o.Err, "  %s is version %q, older than %s: left alone, this repository's own %s is used instead\n", path, found, MinPulumi, OwnPulumi)
		return "", nil
	}
	if _, err := exec.LookPath("pulumi-language-go"); err == nil {
		return path, nil
	}
	file, err := filepath.EvalSymlinks(path) // the CLI looks beside its file
	if err == nil {
		_, err = os.Stat(filepath.Join(filepath.Dir(file), "pulumi-language-go"))
	}
	switch {
	case err == nil:
		return path, nil
	case o.Pulumi == "path":
		return "", fmt.Errorf("PULUMI_CLI=path: %s has no pulumi-language-go beside it or on PATH; install Pulumi as a whole, or set PULUMI_CLI=own to build %s", path, OwnPulumi)
	}
	fmt.Fprintf(o.Err, "  %s has no pulumi-language-go beside it or on PATH: left alone, this repository's own %s is used instead\n", path, OwnPulumi)
	return "", nil
}

// atLeast compares dotted version numbers; what is no version is older than any.
func atLeast(version, low string) bool {
	parse := func(s string) (n [3]int, ok bool) {
		s, _, _ = strings.Cut(s, "-")
		parts := strings.Split(s, ".")
		if len(parts) != 3 {
			return n, false
		}
		for i, p := range parts {
			v, err := strconv.Atoi(p)
			if err != nil {
				return n, false
			}
			n[i] = v
		}
		return n, true
	}
	v, ok := parse(version)
	l, _ := parse(low)
	if !ok {
		return false
	}
	for i := range v {
		if v[i] != l[i] {
			return v[i] > l[i]
		}
	}
	return true
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
