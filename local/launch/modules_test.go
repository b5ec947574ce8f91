package launch

import (
	"os"
	"regexp"
	"testing"
)

// lastWithHost is the last version of Pulumi's SDK that holds the Go language host.
const lastWithHost = "v3.66.0"

// Packages that the program, the local cloud, the CLI and its language host have in common are compiled once, but only where
// all modules choose the same versions of everything. It saves minutes of a first `make up`.
func TestModulesShareTheirVersions(t *testing.T) {
	local := requirements(t, "../go.mod")
	for _, file := range []string{"../../go.mod", "../tools/pulumi/go.mod", "../tools/pulumi-language-go/go.mod"} {
		for module, version := range requirements(t, file) {
			if module == "github.com/pulumi/pulumi/sdk/v3" && version == lastWithHost {
				continue
			}
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
