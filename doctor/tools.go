package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"oke-guestbook/plan/kubeconfig"
	"oke-guestbook/settings"
)

const installPulumi = "https://www.pulumi.com/docs/install/"

// tools checks the programs that pulumi up runs.
func (v *visit) tools(ctx context.Context) []Result {
	results := []Result{v.pulumi(ctx)}
	results = append(results, v.golang(ctx)...)
	if results[0].Status == OK {
		results = append(results, v.plugins(ctx)...)
	}
	return append(results, v.tokens())
}

// tokens checks the command that makes the tokens of kubectl and of pulumi up, by the rules of
// components/oke.FindCommand.
func (v *visit) tokens() Result {
	const source, install = "./cmd/oke", "https://docs.oracle.com/iaas/Content/API/SDKDocs/cliinstall.htm"
	found := func(name string) bool { _, err := exec.LookPath(name); return err == nil }
	config, _ := settings.AsHanded(v.Project, v.File)
	choice := kubeconfig.Command(config[v.Project+":tokenCommand"])
	info, err := os.Stat(filepath.Join(v.Dir, source))
	switch {
	case choice != kubeconfig.OKE && found("oci"):
		return ok("oci makes the tokens of the cluster")
	case choice == kubeconfig.OCI:
		return failed("tokenCommand: the command oci is not on PATH").do("%s, or pulumi config set tokenCommand oke", install)
	case found("oke"):
		return ok("oke makes the tokens of the cluster")
	case err == nil && info.IsDir() && found("go"):
		return ok("go run %s makes the tokens of the cluster", source)
	}
	return failed("no command makes the tokens of the cluster").do("go install %s, or install oci: %s", source, install)
}

// output runs a program in the stack's directory, and returns what it prints, without white space around it.
func (v *visit) output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = v.Dir
	cmd.Env = append(os.Environ(), "PULUMI_SKIP_UPDATE_CHECK=true", "NO_COLOR=1")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		err = errors.New(strings.TrimPrefix(strings.TrimSpace(string(exit.Stderr)), "error: "))
	}
	return strings.TrimSpace(string(out)), err
}

func (v *visit) pulumi(ctx context.Context) Result {
	var project struct {
		Required string `yaml:"requiredPulumiVersion"` // such as ">=3.240.0"
	}
	text, err := os.ReadFile(filepath.Join(v.Dir, "Pulumi.yaml"))
	if err == nil {
		err = yaml.Unmarshal(text, &project)
	}
	if err != nil {
		return failed("Pulumi.yaml: %v", err).do("run it in the directory of the program, which has that file")
	}
	version, err := v.output(ctx, "pulumi", "version")
	needed := "v" + strings.TrimPrefix(project.Required, ">=")
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return failed("the command pulumi is not on PATH").do(installPulumi)
	case err != nil:
		return failed("pulumi version: %v", firstLine(err)).do("install it again: " + installPulumi)
	case semver.IsValid(version) && semver.IsValid(needed) && semver.Compare(version, needed) < 0:
		return failed("pulumi %s is older than %s, which Pulumi.yaml requires", version, needed).do(installPulumi)
	}
	return ok("pulumi %s", version)
}

// golang checks the compiler of the program, and the modules of the providers that it names.
func (v *visit) golang(ctx context.Context) []Result {
	needed := ""
	if file := v.modules(); file != nil && file.Go != nil {
		needed = "go" + file.Go.Version
	}
	version, err := v.output(ctx, "go", "env", "GOVERSION")
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return []Result{failed("the command go is not on PATH: pulumi compiles the program").do("https://go.dev/dl/")}
	case err != nil: // go.mod asks for a newer one, which it cannot download
		return []Result{failed("go: %v", firstLine(err)).do("install %s or newer: https://go.dev/dl/", needed)}
	}
	return []Result{ok("%s", version)}
}

func (v *visit) modules() *modfile.File {
	path := filepath.Join(v.Dir, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	file, err := modfile.ParseLax(path, text, nil)
	if err != nil {
		return nil
	}
	return file
}

// plugins reports which provider plugins pulumi up has yet to download. Their versions are those of the modules.
func (v *visit) plugins(ctx context.Context) []Result {
	text, err := v.output(ctx, "pulumi", "plugin", "ls", "--json")
	var installed []struct{ Name, Kind, Version string }
	if err == nil {
		err = json.Unmarshal([]byte(text), &installed)
	}
	if err != nil {
		return []Result{skipped("provider plugins: pulumi plugin ls: %v", firstLine(err))}
	}
	needed := map[string]string{} // version by name
	if file := v.modules(); file != nil {
		for _, require := range file.Require {
			for _, name := range []string{"oci", "kubernetes"} {
				if strings.HasPrefix(require.Mod.Path, "github.com/pulumi/pulumi-"+name+"/sdk/") {
					needed[name] = strings.TrimPrefix(require.Mod.Version, "v")
				}
			}
		}
	}
	for _, p := range installed {
		if needed[p.Name] == p.Version && p.Kind == "resource" {
			delete(needed, p.Name)
		}
	}
	if len(needed) == 0 {
		return []Result{ok("provider plugins")}
	}
	var list []string
	for _, name := range []string{"oci", "kubernetes"} {
		if version := needed[name]; version != "" {
			list = append(list, fmt.Sprintf("%s v%s", name, version))
		}
	}
	return []Result{skipped("provider plugins: pulumi up downloads %s", strings.Join(list, " and "))}
}
