package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCompartmentOf(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"Pulumi.dev.yaml":    "config:\n  oke-guestbook:compartmentId: ocid1.compartment.oc1..a\n",
		"Pulumi.empty.yaml":  "config:\n  oke-guestbook:frontendImage: x\n",
		"Pulumi.broken.yaml": "config: [",
		"app/go.mod":         "",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(dir, "app"))
	if got, err := compartmentOf("dev"); err != nil || got != "ocid1.compartment.oc1..a" {
		t.Errorf("stack dev: %q, %v", got, err)
	}
	for stack, want := range map[string]string{
		"empty": "has no compartmentId", "none": "there is no Pulumi.none.yaml", "broken": "Pulumi.broken.yaml",
	} {
		if _, err := compartmentOf(stack); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("stack %s: error %v, want %q", stack, err, want)
		}
	}
}

func TestPublicNeedsOraclesRegistry(t *testing.T) {
	p := push{public: true}
	if err := p.prepare("docker.io/a/b:v1"); err == nil || !strings.Contains(err.Error(), "PUBLIC") {
		t.Errorf("error %v", err)
	}
}
