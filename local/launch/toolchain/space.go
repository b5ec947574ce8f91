package toolchain

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"

	"oke-guestbook/local/launch/diskspace"
)

// checkSpace fails if a file system has no room for a first build. If Go's caches hold everything, because another
// clone was built before, linking is all that needs room.
func (t Toolchain) checkSpace(ctx context.Context) error {
	temporary, rest, err := t.buildSpace(ctx)
	if err != nil {
		return err
	}
	linking := temporary
	linking.Bytes = 1 * diskspace.GB
	if err := diskspace.Check(t.Free, linking, t.ownSpace()); err != nil {
		return err
	}
	if err := diskspace.Check(t.Free, append(rest, temporary)...); err != nil && !t.cached(ctx, daemon) {
		return err
	}
	return nil
}

func (t Toolchain) ownSpace() diskspace.Need {
	return diskspace.Need{Setting: "LOCAL_DIR", Dir: t.Dir, Bytes: 1 * diskspace.GB}
}

// buildSpace returns what a first build writes to the directory for temporary files, and to the others.
func (t Toolchain) buildSpace(ctx context.Context) (temporary diskspace.Need, rest []diskspace.Need, err error) {
	temporary = diskspace.Need{Setting: "GOTMPDIR", Bytes: 4 * diskspace.GB}
	rest = []diskspace.Need{
		{Setting: "GOMODCACHE", Bytes: 3 * diskspace.GB}, {Setting: "GOCACHE", Bytes: 7 * diskspace.GB}, t.ownSpace(),
	}
	for _, need := range []*diskspace.Need{&temporary, &rest[0], &rest[1]} {
		out, err := t.goCommand(ctx, ".", "env", need.Setting).Output()
		if err != nil {
			return temporary, nil, fmt.Errorf("go env %s: %w", need.Setting, err)
		}
		need.Dir = strings.TrimSpace(string(out))
	}
	if temporary.Dir == "" {
		temporary.Setting, temporary.Dir = "TMPDIR", os.TempDir()
	}
	return temporary, rest, nil
}

// cached reports whether Go's caches hold all packages of a tool, but for those of its own module.
func (t Toolchain) cached(ctx context.Context, tool tool) bool {
	const missing = `{{if and .Stale (ne .StaleReason "not installed but available in build cache") ` +
		`(not (and .Module .Module.Main))}}{{.ImportPath}}{{end}}`
	args := append([]string{"list", "-deps"}, compilerFlags...)
	cmd := t.goCommand(ctx, tool.module, append(args, "-f", missing, tool.pkg)...)
	cmd.Env = append(cmd.Env, "GOPROXY=off") // a module that has to be downloaded is missing too
	list, err := cmd.Output()
	return err == nil && len(bytes.TrimSpace(list)) == 0
}

// spaceAdvice names the directories of a build whose messages say that a disk is full. The go command
// reports it in its output only, in the words of the operating system.
func (t Toolchain) spaceAdvice(ctx context.Context, messages string) string {
	if !strings.Contains(messages, syscall.ENOSPC.Error()) {
		return ""
	}
	temporary, rest, err := t.buildSpace(ctx)
	if err != nil {
		return err.Error()
	}
	var places []string
	for _, n := range append(rest, temporary) {
		places = append(places, n.Setting+"="+n.Dir)
	}
	return "free some space in one of " + strings.Join(places, ", ") + ", or set it to a larger disk"
}
