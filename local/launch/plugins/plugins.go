// Package plugins chooses the provider plugins of the stack on the local cloud: the official ones, or this repository's
// stand-ins.
package plugins

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/launch/progress"
	"oke-guestbook/local/launch/pulumifiles"
)

// needed are the plugins of the SDKs in the program's go.mod, in the same versions.
var needed = []pulumifiles.Plugin{{Name: "oci", Version: "3.16.0"}, {Name: "kubernetes", Version: "4.33.0"}}

// Plugins installs the plugins that the engine uses.
type Plugins struct {
	Choice   string // PLUGINS
	Home     string // PULUMI_HOME of the local cloud
	KindFile string // remembers which kind of plugins the stack uses
	StandIn  string // executable of the stand-ins: each runs by its own name
	Backend  pulumifiles.Backend
	Out      *progress.Printer
}

// Downloader downloads a plugin to Home.
type Downloader interface {
	InstallPlugin(ctx context.Context, name, version string) error
}

// Check fails if PLUGINS=official cannot be satisfied, before minutes are spent on building the tools.
func (p Plugins) Check(ctx context.Context) error {
	if p.Choice != environment.Official {
		return nil
	}
	for _, plugin := range needed {
		if p.find(plugin) != "" {
			continue
		}
		if err := reachable(ctx); err != nil {
			return fmt.Errorf("PLUGINS=official: plugin %s is not installed, and cannot be downloaded (%w); "+
				"PLUGINS=local uses the stand-ins of this repository", plugin, err)
		}
	}
	return nil
}

// Install installs the official plugins if they are on this machine or can be downloaded, and otherwise the stand-ins,
// and prints which. An existing stack keeps the kind it was created with, unless PLUGINS says otherwise.
func (p Plugins) Install(ctx context.Context, downloader Downloader) error {
	kind := p.Choice
	before, err := os.ReadFile(p.KindFile)
	if kind == environment.Auto && err == nil {
		kind = strings.TrimSpace(string(before))
	}
	if p.TakesOver() {
		if err := p.checkState(); err != nil {
			return err
		}
	}
	if kind != environment.StandIn {
		err := p.installOfficial(ctx, downloader)
		switch {
		case err == nil:
			return p.installed(environment.Official, "official,")
		case p.Choice == environment.Official:
			return fmt.Errorf("PLUGINS=official: %w; PLUGINS=local uses the stand-ins of this repository", err)
		case kind == environment.Official:
			return fmt.Errorf("PLUGINS=auto: the stack was created with the official plugins and keeps them: %w; "+
				"PLUGINS=local continues with the stand-ins of this repository", err)
		}
	}
	for _, plugin := range needed {
		if err := plugin.Link(p.Home, p.StandIn); err != nil {
			return err
		}
	}
	return p.installed(environment.StandIn, "this repository's stand-ins for")
}

// TakesOver reports whether the official plugins take over the stack from the stand-ins. They keep more in the state,
// such as empty lists, and would update resources for it: a refresh adds that first.
func (p Plugins) TakesOver() bool {
	before, _ := os.ReadFile(p.KindFile)
	return p.Choice == environment.Official && strings.TrimSpace(string(before)) == environment.StandIn
}

// GiveBack leaves the stack to the stand-ins, after a refresh that failed.
func (p Plugins) GiveBack() error { return p.remember(environment.StandIn) }

// isObject finds the URNs of Kubernetes objects. The provider's type is pulumi:providers:kubernetes.
var isObject = regexp.MustCompile(`(::|\$)kubernetes:`)

// checkState fails if the official plugins would replace what the stand-ins have made, a database's claim among it: the
// official kubernetes plugin needs the objects' inputs in the state, which earlier stand-ins did not keep.
func (p Plugins) checkState() error {
	states, err := p.Backend.Checkpoints(environment.Stack)
	if err != nil {
		return err
	}
	for _, state := range states {
		for _, r := range state.Resources {
			_, kept := r.Outputs["__inputs"]
			if len(r.Outputs) > 0 && !kept && isObject.MatchString(r.URN) {
				return fmt.Errorf("PLUGINS=official: the official plugins would replace %s, which stand-ins of an earlier "+
					"version have made: run `make refresh PLUGINS=local` first", r.URN)
			}
		}
	}
	return nil
}

// installed prints and remembers the kind of the plugins.
func (p Plugins) installed(kind, description string) error {
	var names []string
	for _, plugin := range needed {
		names = append(names, plugin.String())
	}
	p.Out.Printf("  plugins: %s %s", description, strings.Join(names, " and "))
	return p.remember(kind)
}

func (p Plugins) remember(kind string) error {
	return os.WriteFile(p.KindFile, []byte(kind+"\n"), 0o644)
}

// Forget lets the next stack choose again.
func (p Plugins) Forget() error { return os.RemoveAll(p.KindFile) }

func (p Plugins) installOfficial(ctx context.Context, downloader Downloader) error {
	for _, plugin := range needed {
		if found := p.find(plugin); found != "" {
			if err := plugin.Wrap(p.Home, found); err != nil {
				return err
			}
			continue
		}
		if err := p.download(ctx, plugin, downloader); err != nil {
			return err
		}
		if err := plugin.Wrap(p.Home, plugin.Path(p.Home)); err != nil {
			return err
		}
	}
	return nil
}

func (p Plugins) download(ctx context.Context, plugin pulumifiles.Plugin, downloader Downloader) error {
	if err := reachable(ctx); err != nil {
		return fmt.Errorf("plugin %s is not installed, and cannot be downloaded: %w", plugin, err)
	}
	if err := plugin.Remove(p.Home); err != nil {
		return err
	}
	step := p.Out.Step("download plugin " + plugin.String())
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := downloader.InstallPlugin(ctx, plugin.Name, plugin.Version); err != nil {
		step.End("not available")
		return fmt.Errorf("plugin %s is not installed, and cannot be downloaded: %w", plugin, err)
	}
	step.End("installed")
	return nil
}

// reachable asks once whether the CLI's download site answers; the CLI itself retries for ten seconds.
func reachable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "https://get.pulumi.com", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// find returns the path of an official plugin of the right version on this machine, or "".
func (p Plugins) find(plugin pulumifiles.Plugin) string {
	var places []string
	if home := os.Getenv("PULUMI_HOME"); home != "" {
		places = append(places, plugin.Original(home)) // "make env" sets it to the local cloud's
	}
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, plugin.Path(filepath.Join(home, ".pulumi")))
	}
	onPath, err := exec.LookPath(plugin.Binary())
	if err == nil {
		places = append(places, onPath)
	}
	places = append(places, plugin.Original(p.Home)) // downloaded by an earlier run
	for _, path := range places {
		// A place may hold the stand-in.
		target, err := filepath.EvalSymlinks(path)
		if err != nil || filepath.Base(target) == filepath.Base(p.StandIn) {
			continue
		}
		// A directory of Pulumi's has the version in its name; a file on PATH does not.
		if version := buildVersion(path); path == onPath && version != "" && version != plugin.Version {
			p.Out.Warnf("  %s is version %s and not used: %s is needed", path, version, plugin.Version)
			continue
		}
		return path
	}
	return ""
}

var (
	pluginModule  = regexp.MustCompile(`/pulumi-\w+/provider(/v\d+)?$`)
	pluginVersion = regexp.MustCompile(`/pkg/version\.Version=v?([^\s"']+)`)
)

// buildVersion returns the version that a plugin was built as, without "v", or "" if its file does not contain it.
func buildVersion(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return ""
	}
	for _, s := range info.Settings {
		if m := pluginVersion.FindStringSubmatch(s.Value); s.Key == "-ldflags" && m != nil {
			return m[1]
		}
	}
	for _, module := range append(info.Deps, &info.Main) { // built by go install
		if pluginModule.MatchString(module.Path) && module.Version != "(devel)" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return ""
}
