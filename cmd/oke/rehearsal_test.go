package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oke-guestbook/settings/stackfile"
)

func TestRehearsal(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Pulumi.yaml":       "name: oke-guestbook\nruntime: go\n",
		"Pulumi.local.yaml": "config:\n  oke-guestbook:compartmentId: ocid1.compartment.oc1..local\n",
		"Pulumi.prod.yaml":  "config:\n  oke-guestbook:protect: true\n  oke-guestbook:mongoReplicas: 3\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if err := run([]string{"rehearsal", "-C", dir, "--stack", "prod"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "left out, as they are Oracle Cloud's or secret: protect\n") {
		t.Error(out.String())
	}
	_, config, err := stackfile.Read(dir, "rehearsal")
	if err != nil || len(config) != 2 || config["oke-guestbook:compartmentId"] != "ocid1.compartment.oc1..local" ||
		config["oke-guestbook:mongoReplicas"] != 3 {
		t.Errorf("%v, %v", config, err)
	}
	for want, stack := range map[string]string{"STACK: names the rehearsal itself": "rehearsal", "no stack": "staging"} {
		err := run([]string{"rehearsal", "-C", dir, "--stack", stack}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", stack, err)
		}
	}
}
