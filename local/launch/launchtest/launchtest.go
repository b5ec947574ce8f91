// Package launchtest has what several tests of the launcher need.
package launchtest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// WantError fails the test unless err has all parts in its text.
func WantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

// Write writes an executable file, and creates its directory.
func Write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

// OnlyGo makes a shell script named go the only command on PATH, and returns its directory.
func OnlyGo(t *testing.T, script string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	Write(t, filepath.Join(dir, "go"), "#!/bin/sh\n"+script)
	t.Setenv("PATH", dir)
	return dir
}

// Listen serves on a port of 127.0.0.1 until the test ends.
func Listen(t *testing.T, handler http.Handler) (port int) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if port, err = strconv.Atoi(address.Port()); err != nil {
		t.Fatal(err)
	}
	return port
}

// Without returns path, a list of directories, without some commands: a directory that has one is replaced by one of
// links to all else in it, below dir.
func Without(dir, path string, commands ...string) (string, error) {
	directories := filepath.SplitList(path)
	for i, original := range directories {
		entries, err := os.ReadDir(original)
		if err != nil || !slices.ContainsFunc(entries, named(commands)) {
			continue // PATH may have directories that do not exist
		}
		if original, err = filepath.Abs(original); err != nil {
			return "", err
		}
		if directories[i], err = os.MkdirTemp(dir, "path"); err != nil {
			return "", err
		}
		for _, entry := range slices.DeleteFunc(entries, named(commands)) {
			name := entry.Name()
			if err := os.Symlink(filepath.Join(original, name), filepath.Join(directories[i], name)); err != nil {
				return "", err
			}
		}
	}
	return strings.Join(directories, string(os.PathListSeparator)), nil
}

func named(names []string) func(os.DirEntry) bool {
	return func(entry os.DirEntry) bool { return slices.Contains(names, entry.Name()) }
}
