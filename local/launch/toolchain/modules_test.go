package toolchain

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
)

// lastWithHost is the last version of Pulumi's SDK that contains the Go language host.
const lastWithHost = "v3.66.0"

const pulumiSDK = "github.com/pulumi/pulumi/sdk/v3"

// Packages that the program, the local cloud, the CLI and its language host share are compiled once, but only if all
// modules select the same versions of everything. It saves minutes of a first `make up`.
func TestModulesShareTheirVersions(t *testing.T) {
	local := requirements(t, "local")
	for _, module := range []string{program.module, pulumiCLI.module, languageHost.module} {
		for path, version := range requirements(t, module) {
			if path == pulumiSDK && version == lastWithHost {
				continue
			}
			if other, both := local[path]; both && other != version {
				t.Errorf("%s %s in %s, %s in local: run `go get %s@VERSION` in the older one",
					path, version, module, other, path)
			}
		}
	}
}

func TestVersionsAreThoseOfTheModules(t *testing.T) {
	for _, tc := range []struct{ module, path, want string }{
		{daemon.module, "k8s.io/kubernetes", kubernetesVersion},
		{pulumiCLI.module, "github.com/pulumi/pulumi/pkg/v3", ownPulumi},
	} {
		if got := requirements(t, tc.module)[tc.path]; got != "v"+tc.want {
			t.Errorf("%s requires %s %s, the launcher says v%s", tc.module, tc.path, got, tc.want)
		}
	}
}

// requirements returns the versions in the go.mod file of a module, by path.
func requirements(t *testing.T, module string) map[string]string {
	t.Helper()
	file := filepath.Join("../../..", module, "go.mod")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := modfile.Parse(file, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	required := map[string]string{}
	for _, r := range parsed.Require {
		required[r.Mod.Path] = r.Mod.Version
	}
	return required
}
