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

// TestKoreanFirstHour expects docs/first-hour.ko.md to have the commands of docs/first-hour.md, which are tested, in
// their order; those may have more arguments.
func TestKoreanFirstHour(t *testing.T) {
	commands := func(name string) (lines []string) {
		text, err := os.ReadFile(filepath.Join(root, "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range regexp.MustCompile("(?ms)^```\\w*\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
			for line := range strings.Lines(block[1]) {
				command, _, _ := strings.Cut(line, "  #")
				lines = append(lines, strings.TrimSpace(command))
			}
		}
		return lines
	}
	translated := strings.NewReplacer("<고유 ID>", "<unique id>", "<테넌시 네임스페이스>", "<tenancy namespace>")
	english, korean := commands("first-hour.md"), commands("first-hour.ko.md")
	if len(english) != len(korean) || len(english) < 10 {
		t.Fatalf("%d commands in English, %d in Korean", len(english), len(korean))
	}
	for i, line := range korean {
		if want := translated.Replace(line); !strings.HasPrefix(english[i], want) {
			t.Errorf("in Korean %q, in English %q", want, english[i])
		}
	}
}
