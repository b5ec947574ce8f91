package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// up matches a path that leads out of a folder, in one text or in several.
var up = regexp.MustCompile(`"((?:\.\.(?:/|", "|\b))*\.\.)["/]`)

// TestCachedResults expects the packages of local/ and app/ whose tests use files outside of their module to read the
// variable by which `make test` tells Go's cache of test results about those: it would take old results for new ones.
func TestCachedResults(t *testing.T) {
	leaves, reads := map[string]string{}, map[string]bool{}
	for _, module := range []string{"local", "app"} {
		base := filepath.Join(root, module)
		err := filepath.WalkDir(base, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			dir := filepath.Dir(path)
			below, _ := filepath.Rel(base, dir)
			depth := strings.Count(below, "/") + 1
			if below == "." {
				depth = 0
			}
			for _, m := range up.FindAllStringSubmatch(string(text), -1) {
				if strings.Count(m[1], "..") > depth {
					leaves[dir] = filepath.Base(path) + ": " + m[0]
				}
			}
			reads[dir] = reads[dir] || strings.Contains(string(text), `os.Getenv("SOURCES")`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for dir, where := range leaves {
		if !reads[dir] {
			t.Errorf("%s leaves its module (%s): have a test read the variable SOURCES", dir, where)
		}
	}
	if len(leaves) < 4 {
		t.Errorf("only %v leave their module", leaves)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil || !strings.Contains(string(makefile), "\ntest: export SOURCES = ") {
		t.Errorf("make test does not set SOURCES: %v", err)
	}
}
