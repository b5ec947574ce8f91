package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/semver"

	"oke-guestbook/local/launch/environment"
)

// findCLI returns the CLI on PATH if it may be used, or "" if the pinned one is to be built. With PULUMI_CLI=path it
// fails in place of the latter.
func (t Toolchain) findCLI(ctx context.Context) (string, error) {
	if t.Pulumi == environment.Own {
		return "", nil
	}
	path, err := t.lookPath("pulumi")
	if err != nil {
		if t.Pulumi == environment.OnPath {
			return "", errors.New("PULUMI_CLI=path: there is no pulumi on PATH; " +
				"install one, or set PULUMI_CLI=own to build " + ownPulumi)
		}
		return "", nil
	}
	problem, remedy := t.unusable(ctx, path)
	switch {
	case problem == "":
		return path, nil
	case t.Pulumi == environment.OnPath:
		return "", fmt.Errorf("PULUMI_CLI=path: %s %s; %s, or set PULUMI_CLI=own to build %s",
			path, problem, remedy, ownPulumi)
	}
	t.Out.Warnf("  %s %s: this repository's own %s is used instead", path, problem, ownPulumi)
	return "", nil
}

// unusable returns why a CLI cannot be used and what the user can do, or "".
func (t Toolchain) unusable(ctx context.Context, path string) (problem, remedy string) {
	output, err := exec.CommandContext(ctx, path, "version").Output()
	version := "v" + strings.TrimPrefix(strings.TrimSpace(string(output)), "v")
	// What is no version compares as older than any.
	if err != nil || semver.Compare(version, "v"+minPulumi) < 0 {
		return fmt.Sprintf("is version %q, and %s or later is needed", version[1:], minPulumi), "upgrade it"
	}
	if _, err := t.lookPath(hostName); err != nil && !HasLanguageHost(path) {
		return "has no pulumi-language-go beside it or on PATH", "install Pulumi as a whole"
	}
	return "", ""
}

// lookPath finds an executable on PATH like exec.LookPath, but not among the built tools: `make env` and
// `make kubeconfig` put these on PATH.
func (t Toolchain) lookPath(name string) (string, error) {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) || filepath.Clean(dir) == filepath.Clean(t.Bin) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

// hostName is the file name of the Go language host that a CLI looks for.
const hostName = "pulumi-language-go"

// HasLanguageHost reports whether the CLI at path has its Go language host beside its own file, where it looks for it.
func HasLanguageHost(path string) bool {
	file, err := filepath.EvalSymlinks(path)
	if err == nil {
		_, err = os.Stat(filepath.Join(filepath.Dir(file), hostName))
	}
	return err == nil
}
