package toolchain

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"oke-guestbook/local/launch/progress"
)

// compilerFlags leave out debug data and inlining: with them the large SDK packages take half as long again to compile.
// The standard library is small and keeps its inlining: without it garbage collection, cryptography and JSON take twice
// the time. The Makefile gives the tests the same flags, so that each package is compiled once for both.
var compilerFlags = []string{"-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false"}

// countThreshold is the number of compiled packages from which on a build shows how many there are at most: listing
// them takes a second.
const countThreshold = 20

// job is the build of one tool.
type job struct {
	tool
	title    string
	step     *progress.Step
	total    atomic.Int64  // packages at most, 0 while unknown
	compiled chan struct{} // closed when nothing but linking is left, or the build has failed
	linking  func()        // closes compiled; may be called again
}

// build builds the tools one after the other. While one is linked, which keeps a single core busy, the next is
// compiled.
func (t Toolchain) build(ctx context.Context, tools []tool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make([]*job, len(tools))
	for i, tool := range tools {
		compiled := make(chan struct{})
		jobs[i] = &job{
			tool: tool, title: fmt.Sprintf("build %s, %d of %d", tool.name, i+1, len(tools)),
			compiled: compiled, linking: sync.OnceFunc(func() { close(compiled) }),
		}
	}
	count := sync.OnceFunc(func() { t.count(ctx, jobs) })
	if t.IsFirstBuild() {
		go count()
	}
	var running sync.WaitGroup
	for _, j := range jobs {
		running.Go(func() {
			defer j.linking()
			if err := t.run(ctx, j, count); err != nil {
				cancel(err)
			}
		})
		<-j.compiled
	}
	running.Wait()
	return context.Cause(ctx)
}

// count finds out how many packages each job has. In a first build it also downloads the modules of later jobs.
func (t Toolchain) count(ctx context.Context, jobs []*job) {
	for _, j := range jobs {
		if list, err := t.goCommand(ctx, j.module, "list", "-deps", j.pkg).Output(); err == nil {
			j.total.Store(int64(bytes.Count(list, []byte("\n"))))
		}
	}
}

// run compiles and links one tool, and shows its progress. It calls count, concurrently, in a build of many packages.
func (t Toolchain) run(ctx context.Context, j *job, count func()) error {
	args := []string{"build", "-v", "-buildvcs=false", "-ldflags", j.ldflags, "-o", t.path(j.tool)}
	cmd := t.goCommand(ctx, j.module, append(append(args, compilerFlags...), j.pkg)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	j.step = t.Out.Step(j.title)
	if err := cmd.Start(); err != nil {
		j.step.End("failed")
		return fmt.Errorf("go build: %w", err)
	}
	messages := j.follow(stderr, count)
	if err := cmd.Wait(); err != nil {
		j.step.End("failed")
		return fmt.Errorf("build %s: %w\n%s%s", j.name, err, messages, t.spaceAdvice(ctx, messages))
	}
	j.step.End("ready")
	return nil
}

// follow shows what `go build -v` reports, and returns its other output.
func (j *job) follow(output io.Reader, count func()) (messages string) {
	modules, packages := 0, 0
	return parse(output, func() {
		modules++
		j.step.Setf("%d modules downloaded", modules)
	}, func(pkg string) {
		if pkg == j.pkg { // always the last one
			j.step.End("compiled")
			j.linking()
			return
		}
		if packages++; packages == countThreshold {
			go count()
		}
		if total := j.total.Load(); total > 0 {
			j.step.Setf("%d packages compiled of at most %d", packages, total)
		} else {
			j.step.Setf("%d packages compiled", packages)
		}
	})
}

// parse reads the output of `go build -v`. It calls module for each download, pkg with the import path of each package
// that is compiled, and returns the other lines, which are errors.
func parse(output io.Reader, module func(), pkg func(path string)) (messages string) {
	var rest strings.Builder
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "go: downloading "):
			module()
		case line != "" && !strings.ContainsAny(line, " :#\t"):
			pkg(line)
		default:
			rest.WriteString(line + "\n")
		}
	}
	return rest.String()
}
