package oke

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oke-guestbook/plan/kubeconfig"
)

// TestKubeconfigForPeople expects one that works in any directory and holds no key: people write it to a file.
func TestKubeconfigForPeople(t *testing.T) {
	const written = "users:\n- name: a\n  user:\n    exec:\n      command: oci\n" +
		"      args: [ce, cluster, generate-token]\n"
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", dir)
	if err := os.MkdirAll(source, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	login := kubeconfig.Login{Keys: kubeconfig.Keys{Tenancy: "t", User: "u", Fingerprint: "00", PrivateKey: "secret"}}
	people, err := adapt(login, written, "ocid1.cluster.oc1.iad.a", false)
	if err != nil || !strings.Contains(people, "command: oke\n") || strings.Contains(people, "secret") {
		t.Errorf("%v\n%s", err, people)
	}
	provider, err := adapt(login, written, "ocid1.cluster.oc1.iad.a", true)
	if err != nil || !strings.Contains(provider, "command: go\n") || !strings.Contains(provider, "secret") {
		t.Errorf("%v\n%s", err, provider)
	}
}

// TestNoKubeconfig expects an error: the provider would take an empty kubeconfig for the machine's own, and so deploy
// the guestbook to another cluster.
func TestNoKubeconfig(t *testing.T) {
	for _, forProvider := range []bool{true, false} {
		got, err := adapt(kubeconfig.Login{}, "", "ocid1.cluster.oc1.iad.a", forProvider)
		if err == nil || !strings.Contains(err.Error(), "ocid1.cluster.oc1.iad.a") || got != "" {
			t.Errorf("got %q, %v", got, err)
		}
	}
}
