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
