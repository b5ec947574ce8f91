package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestMain puts a command oke on PATH, as the launcher does for stack local, whose kubeconfig calls it.
func TestMain(m *testing.M) {
	status, err := withCommand(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func withCommand(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "oke")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	path, err := pathWith(dir, "oke")
	if err == nil {
		err = os.Setenv("PATH", path)
	}
	if err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// pathWith makes commands in a directory that do nothing, and returns PATH with it in front.
func pathWith(dir string, names ...string) (string, error) {
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			return "", err
		}
	}
	return dir + string(os.PathListSeparator) + os.Getenv("PATH"), nil
}
