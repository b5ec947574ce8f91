package runtime

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// TestBaseSpec reads what all containers have in common, with and without an authority.
func TestBaseSpec(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "base.json")
	for name, content := range map[string]string{"authority.crt": "PEM", "empty.crt": "", "missing.crt": ""} {
		authority := filepath.Join(dir, name)
		if name != "missing.crt" {
			if err := os.WriteFile(authority, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := writeBaseSpec(base, authority); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(base)
		if err != nil {
			t.Fatal(err)
		}
		var spec specs.Spec
		if err := json.Unmarshal(data, &spec); err != nil {
			t.Fatal(err)
		}
		mounts := map[string]string{}
		for _, m := range spec.Mounts {
			mounts[m.Destination] = m.Source
		}
		want := authority
		if content == "" {
			want = ""
		}
		if mounts[authorityPath] != want || mounts["/proc"] != "proc" {
			t.Errorf("%s: mounts %v", name, mounts)
		}
		if len(spec.Process.Rlimits) > 0 || len(spec.Linux.Namespaces) == 0 {
			t.Errorf("%s: limits %v, namespaces %v", name, spec.Process.Rlimits, spec.Linux.Namespaces)
		}
	}
}
