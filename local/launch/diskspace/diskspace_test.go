package diskspace

import (
	"os"
	"path/filepath"
	"testing"

	"oke-guestbook/local/launch/launchtest"
)

func TestCheckWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	launchtest.WantError(t, CheckWritable("LOCAL_DIR", filepath.Join(file, ".local")), "LOCAL_DIR="+file, "choose")
	// Not even root can create a directory in /proc.
	launchtest.WantError(t, CheckWritable("LOCAL_DIR", "/proc/.local"), "LOCAL_DIR=/proc/.local")
	if os.Geteuid() == 0 {
		return // root may write to any directory; an end-to-end test mounts one read-only
	}
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	launchtest.WantError(t, CheckWritable("LOCAL_DIR", dir), "LOCAL_DIR="+dir, "permission denied",
		"choose a directory that you may write to")
}

func TestCheckAddsUpNeedsByFileSystem(t *testing.T) {
	free := func(string) (uint64, error) { return 4 * GB, nil }
	a, b := Need{"A", filepath.Join(t.TempDir(), "not", "yet"), 3 * GB}, Need{"B", t.TempDir(), 2 * GB}
	launchtest.WantError(t, Check(free, a, b), "A="+a.Dir+", B="+b.Dir+
		": 4.0 GB free, 5 GB are needed; free some space or set A or B to a larger disk")
	if err := Check(free, a, Need{"C", "/proc", 2 * GB}); err != nil {
		t.Errorf("two file systems with enough space each: %v", err)
	}
}

func TestCheckAsksTheSystem(t *testing.T) {
	if err := Check(nil, Need{"A", t.TempDir(), 0}); err != nil {
		t.Errorf("0 bytes: %v", err)
	}
	launchtest.WantError(t, Check(nil, Need{"A", t.TempDir(), 1 << 60}), "free some space")
}
