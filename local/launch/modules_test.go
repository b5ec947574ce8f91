package launch

import (
	"os"
	"regexp"
	"testing"
)

// Packages that the program, the local cloud and the CLI have in common are compiled once, but only where all three
// modules choose the same versions of everything. It saves minutes of a first `make up`.
func TestModulesShareTheirVersions(t *testing.T) {
	local := requirements(t, "../go.mod")
	for _, file := range []string{"../../go.mod", "../tools/pulumi/go.mod"} {
		for module, version := range requirements(t, file) {
			if other, both := local[module]; both && other != version {
				t.Errorf("%s %s in %s, %s in local/go.mod: run `go get %s@VERSION` in the older one", module, version, file, other, module)
			}
		}
	}
}

func requirements(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	required := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(?:require )?\t?([\w./~-]+) (v\S+)(?: // indirect)?$`).FindAllStringSubmatch(string(data), -1) {
		required[m[1]] = m[2]
	}
	if len(required) < 10 {
		t.Fatalf("read only %d requirements from %s", len(required), file)
	}
	return required
}
