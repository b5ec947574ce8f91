package stack

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/components/oke"
	"oke-guestbook/plan/kubeconfig"
)

// TestCommand expects the command that makes tokens to be found, or a missing one to be reported, except on the local
// cloud.
func TestCommand(t *testing.T) {
	const redirected = "oci_core.VirtualNetworkClient=http://127.0.0.1:1"
	for _, tc := range []struct {
		name, overrides string
		choice          kubeconfig.Command
		installed       []string // on PATH; with "source", the program's directory has the command oke
		want            string   // the command, or a part of the error
		refused         bool
	}{
		{"nothing", "", "", nil, "run go install ./cmd/oke", true},
		{"nothing, auto", "", kubeconfig.Auto, nil, "cliinstall.htm", true},
		{"no oci", "", kubeconfig.OCI, []string{"oke", "go", "source"}, "set tokenCommand to oke", true},
		{"no oke", "", kubeconfig.OKE, []string{"oci", "go"}, "go install ./cmd/oke", true},
		{"no Go", "", kubeconfig.OKE, []string{"source"}, "go install ./cmd/oke", true},
		{"both", "", kubeconfig.Auto, []string{"oke", "oci"}, "oci", false},
		{"oci", "", "", []string{"oci"}, "oci", false},
		{"oke", "", kubeconfig.Auto, []string{"oke", "go", "source"}, "oke", false},
		{"oke, chosen", "", kubeconfig.OKE, []string{"oci", "oke"}, "oke", false},
		{"source", "", kubeconfig.Auto, []string{"go", "source"}, "go run ./cmd/oke", false},
		{"local cloud", redirected, kubeconfig.Auto, nil, "", false},
		{"local cloud, chosen", redirected, kubeconfig.OKE, nil, "go install ./cmd/oke", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			t.Setenv("PATH", dir)
			t.Setenv("CLIENT_HOST_OVERRIDES", tc.overrides)
			for _, name := range tc.installed {
				if name == "source" {
					if err := os.MkdirAll(filepath.Join(dir, "cmd", "oke"), 0o755); err != nil {
						t.Fatal(err)
					}
				} else if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			err := checkCommand(tc.choice)
			if (err != nil) != tc.refused || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want an error: %t, %q", err, tc.refused, tc.want)
			}
			if err != nil || tc.want == "" {
				return
			}
			if got, err := oke.FindCommand(tc.choice); err != nil || !slices.Equal(got, strings.Fields(tc.want)) {
				t.Errorf("got %v, %v, want %s", got, err, tc.want)
			}
		})
	}
}
