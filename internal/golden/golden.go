// Package golden compares what a test produces with a file that is committed.
package golden

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files under testdata")

// Check fails the test if got differs from the file testdata/name, and shows the lines that differ. The test's flag
// -update writes the file.
func Check(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s; go test . -update rewrites it\n%s", path, Difference(string(want), got))
	}
}

// Difference lists the lines that only one of two texts has.
func Difference(want, got string) string {
	count := map[string]int{}
	for line := range strings.Lines(want) {
		count[line]--
	}
	for line := range strings.Lines(got) {
		count[line]++
	}
	var out strings.Builder
	for _, line := range slices.Sorted(maps.Keys(count)) {
		switch {
		case count[line] < 0:
			out.WriteString("- " + line)
		case count[line] > 0:
			out.WriteString("+ " + line)
		}
	}
	return out.String()
}
