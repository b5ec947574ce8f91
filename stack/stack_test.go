package stack

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCommand expects a missing command oci to be reported, except on the local cloud.
func TestCommand(t *testing.T) {
	for _, tc := range []struct {
		name, overrides    string
		installed, refused bool
	}{
		{"missing", "", false, true},
		{"installed", "", true, false},
		{"local cloud", "oci_core.VirtualNetworkClient=http://127.0.0.1:1", false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("PATH", dir)
			t.Setenv("CLIENT_HOST_OVERRIDES", tc.overrides)
			if tc.installed {
				if err := os.WriteFile(filepath.Join(dir, "oci"), []byte("#!/bin/sh\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := checkCommand(); (err != nil) != tc.refused {
				t.Errorf("got %v, want an error: %t", err, tc.refused)
			}
		})
	}
}
