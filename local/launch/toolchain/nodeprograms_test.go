package toolchain

import (
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"oke-guestbook/local/dataplane/images"
	"oke-guestbook/local/launch/progress"
)

// TestNodePrograms compares the programs with those of the images, and builds the smallest one, which must be static.
func TestNodePrograms(t *testing.T) {
	os.Getenv("SOURCES") // the Makefile says why
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	build := Toolchain{Root: root, Bin: t.TempDir(), Out: progress.New(io.Discard, io.Discard)}
	all, err := build.nodePrograms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range images.StandIns {
		if !slices.ContainsFunc(all, func(p tool) bool { return p.name == s.Program }) {
			t.Errorf("the image for %v has the program %s, which is not built", s.For, s.Program)
		}
	}
	if err := build.build(t.Context(), all[:1]); err != nil {
		t.Fatal(err)
	}
	binary, err := elf.Open(build.path(all[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	if libraries, err := binary.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("%s needs %v (%v): it is alone in its image", all[0].name, libraries, err)
	}
}
