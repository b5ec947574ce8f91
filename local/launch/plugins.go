package launch

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// plugin is a provider plugin that the program's SDKs ask for, in the version that they ask for.
type plugin struct{ name, version string }

var plugins = []plugin{{"oci", "3.16.0"}, {"kubernetes", "4.33.0"}}

func (p plugin) dir() string    { return "resource-" + p.name + "-v" + p.version }
func (p plugin) binary() string { return "pulumi-resource-" + p.name }

// choosePlugins puts the official plugins where the engine looks for them, wherever they can be had, else the
// stand-ins, and says which. A stack that exists keeps the kind that made it, unless PLUGINS says otherwise.
func (o Options) choosePlugins(ctx context.Context, cli string) error {
	mark := o.path("plugins")
	kind := o.Plugins
	if before, err := os.ReadFile(mark); kind == "auto" && err == nil {
		kind = strings.TrimSpace(string(before))
	}
	if kind != "local" {
		err := o.officialPlugins(ctx, cli)
		switch {
		case err == nil:
			o.sayf("  plugins: official, %s", describe(plugins))
			return os.WriteFile(mark, []byte("official\n"), 0o644)
		case o.Plugins == "official":
			return fmt.Errorf("PLUGINS=official: %w; PLUGINS=local takes the stand-ins of this repository", err)
		case kind == "official":
			return fmt.Errorf("PLUGINS=auto: the stack was made with the official plugins and goes on with them: %w; PLUGINS=local goes on with the stand-ins of this repository", err)
		}
	}
	for _, p := range plugins {
		if err := o.usePlugin(p, filepath.Join(o.Bin, okelocal.name)); err != nil {
			return err
		}
	}
	o.sayf("  plugins: this repository's stand-ins for %s", describe(plugins))
	return os.WriteFile(mark, []byte("local\n"), 0o644)
}

// checkPlugins refuses PLUGINS=official where they cannot be had, before the tools are built for minutes.
func (o Options) checkPlugins(ctx context.Context) error {
	if o.Plugins != "official" {
		return nil
	}
	for _, p := range plugins {
		if o.findPlugin(p) != "" {
			continue
		}
		if err := downloadable(ctx); err != nil {
			return fmt.Errorf("PLUGINS=official: plugin %s v%s is not installed, and cannot be downloaded (%w); PLUGINS=local takes the stand-ins of this repository", p.name, p.version, err)
		}
	}
	return nil
}

// officialPlugins looks on PATH, among the installed ones, and at the place that the engine downloads from.
func (o Options) officialPlugins(ctx context.Context, cli string) error {
	for _, p := range plugins {
		found := o.findPlugin(p)
		if found != "" {
			if err := o.usePlugin(p, found); err != nil {
				return err
			}
			continue
		}
		if err := downloadable(ctx); err != nil {
			return fmt.Errorf("plugin %s v%s is not installed, and cannot be downloaded: %w", p.name, p.version, err)
		}
		if err := os.RemoveAll(o.path("pulumi", "plugins", p.dir())); err != nil {
			return err
		}
		step := startProgress(o.Out, "download plugin "+p.name+" v"+p.version)
		limit, cancel := context.WithTimeout(ctx, 10*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(limit, cli, "plugin", "install", "resource", p.name, "v"+p.version)
		cmd.Env = o.environ()
		if out, err := cmd.CombinedOutput(); err != nil {
			step.end("not to be had")
			return fmt.Errorf("plugin %s v%s is neither installed nor downloadable: %s", p.name, p.version, lastLine(out, err))
		}
		step.end("installed")
	}
	return nil
}

// downloadable asks once whether the engine's download site answers; the engine itself would try for ten seconds.
func downloadable(ctx context.Context) error {
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

// findPlugin returns the path of an official plugin of the right version on this machine, or "".
func (o Options) findPlugin(p plugin) string {
	var places []string
	if home := os.Getenv("PULUMI_HOME"); home != "" {
		places = append(places, filepath.Join(home, "plugins", p.dir(), p.binary()))
	}
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, filepath.Join(home, ".pulumi", "plugins", p.dir(), p.binary()))
	}
	onPath, err := exec.LookPath(p.binary())
	if err == nil {
		places = append(places, onPath)
	}
	places = append(places, o.path("pulumi", "plugins", p.dir(), p.binary())) // one that an earlier run downloaded
	for _, path := range places {
		// A place may hold the stand-in: PULUMI_HOME may be the local cloud's own.
		if target, err := filepath.EvalSymlinks(path); err != nil || filepath.Base(target) == okelocal.name {
			continue
		}
		// On PATH nothing but the plugin itself tells its version.
		if version := versionOf(path); path == onPath && version != "" && version != p.version {
			fmt.Fprintf(o.Err, "  %s is version %s, %s is needed: left alone\n", path, version, p.version)
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

// versionOf returns the version that a plugin was built as, without "v", or "" if its file does not tell.
func versionOf(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return ""
	}
	for _, s := range info.Settings {
		if m := pluginVersion.FindStringSubmatch(s.Value); s.Key == "-ldflags" && m != nil {
			return m[1]
		}
	}
	for _, module := range append(info.Deps, &info.Main) { // built by Go's own means
		if pluginModule.MatchString(module.Path) && module.Version != "(devel)" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return ""
}

// usePlugin makes binary the one that the engine finds for p.
func (o Options) usePlugin(p plugin, binary string) error {
	dir := o.path("pulumi", "plugins", p.dir())
	if binary == filepath.Join(dir, p.binary()) {
		return nil
	}
	// Whatever is left of another kind of plugin goes, the engine's marks of an unfinished download included.
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(dir+".partial"), os.RemoveAll(dir+".lock")); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Symlink(binary, filepath.Join(dir, p.binary()))
}

func describe(list []plugin) string {
	var names []string
	for _, p := range list {
		names = append(names, p.name+" v"+p.version)
	}
	return strings.Join(names, " and ")
}

// lastLine is the end of what a failed command said, which is where the reason stands.
func lastLine(out []byte, err error) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}
