// Package runc runs the OCI runtime on a node that has no control groups.
package runc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Names of this program and of the runtime that it runs, in the same directory.
const (
	Name     = "runc"
	RealName = "runc-of-machine"
)

// Main runs the runtime with the arguments of runc. Containers that it creates get no control groups: containerd asks
// for some also where it may make none (its setting disable_cgroup changes only what it asks for the Pod's).
func Main(args []string) int {
	err := run(args)
	fmt.Fprintln(os.Stderr, "runc:", err)
	return 1
}

// run returns only an error.
func run(args []string) error {
	if slices.Contains(args, "create") {
		if err := withoutCgroups(bundle(args)); err != nil {
			return err
		}
	}
	self := os.Args[0]
	if !filepath.IsAbs(self) {
		return fmt.Errorf("%s: want an absolute path", self)
	}
	path := filepath.Join(filepath.Dir(self), RealName)
	return fmt.Errorf("%s: %w", path, unix.Exec(path, append([]string{Name, "--rootless=true"}, args...), os.Environ()))
}

// bundle returns the value of --bundle.
func bundle(args []string) string {
	for i, arg := range args[:len(args)-1] {
		if arg == "--bundle" {
			return args[i+1]
		}
	}
	return "."
}

// withoutCgroups takes control groups out of a bundle's configuration.
func withoutCgroups(bundle string) error {
	path := filepath.Join(bundle, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // keeps large ones
	if err := decoder.Decode(&config); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	linux, ok := config["linux"].(map[string]any)
	if !ok {
		return nil
	}
	delete(linux, "cgroupsPath")
	delete(linux, "resources")
	if text, err = json.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
