package launchtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestWithout(t *testing.T) {
	first, second, third := t.TempDir(), t.TempDir(), t.TempDir()
	for _, file := range []string{first + "/a", second + "/b", second + "/c", third + "/b"} {
		Write(t, file, "#!/bin/sh\n")
	}
	path, err := Without(t.TempDir(), first+":"+second+":/nonexistent:"+third, "b")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", path)
	for name, found := range map[string]bool{"a": true, "b": false, "c": true} {
		if at, err := exec.LookPath(name); (err == nil) != found {
			t.Errorf("%s is at %q, %v", name, at, err)
		}
	}
	if list := filepath.SplitList(path); len(list) != 4 || list[0] != first {
		t.Errorf("PATH is %q; want directories without the command unchanged", path)
	}
	if _, err := os.Stat(second + "/b"); err != nil {
		t.Error(err)
	}
}
