// Package launch runs the stack on the local cloud: it builds the tools, starts
// the daemon, drives the Pulumi engine and shows what came of it. It needs the standard library alone, so that it
// runs seconds after a fresh clone.
package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// Versions that belong together: the plugins' are those of the program's go.mod.
const (
	MinPulumi         = "3.240.0"
	OwnPulumi         = "3.253.0"
	KubernetesVersion = "1.36.3"
)

// Options say where and how the local cloud runs. Each has an environment variable, which `make` passes on.
type Options struct {
	Root    string // the repository
	Dir     string // LOCAL_DIR: state of the local cloud and of Pulumi, default .local
	Bin     string // tools that were built; default Dir/bin
	Built   bool   // the tools in Bin are up to date, there is no need to look
	Port    int    // LOCAL_PORT: of the OCI emulator, default 8787
	Speed   int    // LOCAL_SPEED: how many times faster than OCI, default 100
	Plugins string // PLUGINS: auto (default), official or local
	Pulumi  string // PULUMI_CLI: auto (default), path or own
	Stack   string // always "local" but in tests
	// teardown: tools that are there must do, because a stack must be destroyable whatever has become of sources, caches and disk.
	teardown bool
	// ConfigFile is the stack's settings; default Pulumi.<stack>.yaml in Root.
	ConfigFile string
	Out, Err   io.Writer
}

// OptionsFromEnv reads the options of the repository at root. The error names each variable that cannot be used.
func OptionsFromEnv(root string) (Options, error) {
	o := Options{
		Root: root, Dir: env("LOCAL_DIR", ".local"), Plugins: env("PLUGINS", "auto"), Pulumi: env("PULUMI_CLI", "auto"),
		Stack: "local", Out: os.Stdout, Err: os.Stderr,
	}
	var problems []error
	number := func(key, fallback string, low, high int) int {
		n, err := strconv.Atoi(env(key, fallback))
		if err != nil || n < low || n > high {
			problems = append(problems, fmt.Errorf("%s=%q: want a whole number from %d to %d", key, os.Getenv(key), low, high))
		}
		return n
	}
	choice := func(key, value string, allowed ...string) {
		for _, a := range allowed {
			if value == a {
				return
			}
		}
		problems = append(problems, fmt.Errorf("%s=%q: want one of %v", key, value, allowed))
	}
	o.Port = number("LOCAL_PORT", "8787", 1024, 65535)
	o.Speed = number("LOCAL_SPEED", "100", 1, 1000)
	choice("PLUGINS", o.Plugins, "auto", "official", "local")
	choice("PULUMI_CLI", o.Pulumi, "auto", "path", "own")
	if !filepath.IsAbs(o.Dir) {
		o.Dir = filepath.Join(root, o.Dir)
	}
	o.Bin = filepath.Join(o.Dir, "bin")
	home, _ := os.UserHomeDir()
	for _, precious := range []string{root, home} {
		// `make clean` removes it whole.
		if up, err := filepath.Rel(o.Dir, precious); precious != "" && err == nil && filepath.IsLocal(up) {
			problems = append(problems, fmt.Errorf("LOCAL_DIR=%s holds %s: want a directory for the local cloud alone", o.Dir, precious))
		}
	}
	return o, errors.Join(problems...)
}

func env(key, fallback string) string {
	if v := os.Getenv(key); v != "" {
		return v
	}
	return fallback
}

func (o Options) path(elem ...string) string {
	return filepath.Join(append([]string{o.Dir}, elem...)...)
}

func (o Options) sayf(format string, args ...any) {
	printf(o.Out, format+"\n", args...)
}
