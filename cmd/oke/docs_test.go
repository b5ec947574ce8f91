package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedAnswers asks what the documentation has people ask of `make reach` for stack dev.
func TestDocumentedAnswers(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`make reach STACK=dev ([A-Z= \w.]+)`).FindAllStringSubmatch(string(text), -1) {
			args := []string{"reach", "-C", root, "--stack", "dev"}
			for _, pair := range strings.Fields(m[1]) {
				name, value, _ := strings.Cut(pair, "=")
				args = append(args, "--"+strings.ToLower(name), value)
			}
			if err := run(args, io.Discard, io.Discard); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(file), m[0], err)
			}
			asked++
		}
	}
	if asked < 2 {
		t.Errorf("the documentation asks %d times, want 2 or more", asked)
	}
}
