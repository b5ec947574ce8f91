package stack

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/oke"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/kubeconfig"
)

// TestCommand expects the command that makes tokens to be found, or a missing one to be reported before anything else,
// on the local cloud, too.
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
		{"local cloud, nothing", redirected, kubeconfig.Auto, nil, "go install ./cmd/oke", true},
		{"local cloud", redirected, kubeconfig.Auto, []string{"oke"}, "oke", false},
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
			program, configure := Program()
			settings := func(info *pulumi.RunInfo) {
				info.Config = map[string]string{"oke-guestbook:tokenCommand": string(tc.choice)}
				configure(info)
			}
			r := mocks.New("oke-guestbook", "dev")
			err := r.Run(program, settings)
			if tc.refused {
				if err == nil || !strings.Contains(err.Error(), tc.want) || len(r.Resources) > 0 {
					t.Errorf("got %v, want %q before anything is made", err, tc.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), "compartmentId") {
				t.Errorf("got %v, want an error about the settings alone", err)
			}
			if got, err := oke.FindCommand(tc.choice); err != nil || !slices.Equal(got, strings.Fields(tc.want)) {
				t.Errorf("got %v, %v, want %s", got, err, tc.want)
			}
		})
	}
}
