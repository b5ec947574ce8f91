package main

import (
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v2"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/config"
)

// object has the fields of a Kubernetes object that the test reads.
type object struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Spec     struct {
		Template template
		Job      struct{ Spec struct{ Template template } } `yaml:"jobTemplate"`
	}
}

type template struct {
	Spec struct {
		Grace      int         `yaml:"terminationGracePeriodSeconds"`
		Init       []container `yaml:"initContainers"`
		Containers []container
	}
}

type container struct {
	Image         string
	Command, Args []string
	Env           []struct{ Name, Value string }
	Ports         []struct {
		Name   string
		Number int `yaml:"containerPort"`
	}
	Startup   *probe `yaml:"startupProbe"`
	Liveness  *probe `yaml:"livenessProbe"`
	Readiness *probe `yaml:"readinessProbe"`
	Lifecycle struct {
		PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
	Exec    struct{ Command []string }
}

// The containers that the stack deploys, as in its golden file, have settings, arguments, ports and probes that this
// program supports.
func TestDeployedContainers(t *testing.T) {
	// A symbolic link, because go test does not notice changes of files outside the module.
	f, err := os.Open("testdata/objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := map[string]int{}
	for objects := yaml.NewDecoder(f); ; {
		var o object
		if err := objects.Decode(&o); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		// Profile tutorial sets the tutorial's environment variables for any image.
		if strings.HasPrefix(o.Metadata.Namespace, "classroom") {
			continue
		}
		if o.Kind == "StatefulSet" {
			found[o.Kind]++
			o.Spec.Template.probes(t)
			continue
		}
		pod := o.Spec.Template.Spec
		if o.Kind == "CronJob" {
			pod = o.Spec.Job.Spec.Template.Spec
		}
		for _, c := range pod.Containers {
			if c.Image != "registry.local/guestbook:v1" {
				continue
			}
			found[o.Kind]++
			t.Run(o.Metadata.Namespace+"/"+o.Metadata.Name, func(t *testing.T) {
				if len(c.Command) > 0 {
					t.Errorf("command %q: the image has an entry point", c.Command)
				}
				if o.Kind != "Deployment" {
					c.runs(t)
					return
				}
				env, cfg := environment(t, c, config.Load)
				c.serves(t, env, cfg)
				stop := time.Duration(c.Lifecycle.PreStop.Sleep.Seconds)*time.Second + cfg.DrainDelay + cfg.ShutdownTimeout
				if grace := time.Duration(pod.Grace) * time.Second; stop >= grace {
					t.Errorf("termination takes up to %v, the grace period is %v", stop, grace)
				}
			})
		}
	}
	for _, kind := range []string{"Deployment", "Job", "CronJob", "StatefulSet"} {
		if found[kind] == 0 {
			t.Errorf("the golden file has no container of the guestbook in a %s", kind)
		}
	}
}

// environment returns the container's environment variables and the settings that load reads from them.
func environment[T any](t *testing.T, c container, load func(func(string) string) (T, error)) (map[string]string, T) {
	t.Helper()
	env, known := map[string]string{}, map[string]bool{}
	for _, v := range c.Env {
		env[v.Name] = v.Value
	}
	cfg, err := load(func(key string) string {
		known[key] = true
		return env[key]
	})
	if err != nil {
		t.Error(err)
	}
	for key := range env {
		if !known[key] {
			t.Errorf("%s is not a setting", key)
		}
	}
	return env, cfg
}

// runs checks that the container's arguments are a command that exits, and that its environment has its settings.
func (c container) runs(t *testing.T) {
	t.Helper()
	if len(c.Args) == 0 {
		t.Fatal("no arguments: the Job would serve and never complete")
	}
	switch c.Args[0] {
	case "setup":
		environment(t, c, config.LoadSetup)
	case "backup", "restore":
		environment(t, c, config.LoadBackup)
	default:
		t.Errorf("arguments %q", c.Args)
	}
	// Without settings it fails for want of them, and not because of its arguments.
	err := run(t.Context(), c.Args, func(string) string { return "" }, io.Discard, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "MONGODB_URI is not set") {
		t.Errorf("%q: %v", c.Args, err)
	}
}

// probes checks that the database's Pod installs this program where its probes run it.
func (p template) probes(t *testing.T) {
	t.Helper()
	dir := ""
	for _, c := range p.Spec.Init {
		if c.Image == "registry.local/guestbook:v1" && len(c.Args) == 2 && c.Args[0] == "install" {
			dir = c.Args[1]
		}
	}
	c := p.Spec.Containers[0]
	for kind, probe := range map[string]*probe{"startup": c.Startup, "ready": c.Readiness, "live": c.Liveness} {
		want := []string{dir + "/guestbook", "probe", kind}
		if dir == "" || probe == nil || !slices.Equal(probe.Exec.Command, want) {
			t.Errorf("probe %s: %+v, want %q", kind, probe, want)
		}
		env := map[string]string{"MONGODB_URI": apptest.StartDB(t).URI}
		err := run(t.Context(), want[1:], func(key string) string { return env[key] }, io.Discard, nil)
		if (err == nil) != (kind == "live") { // the embedded database is no member of a replica set
			t.Errorf("%q: %v", want, err)
		}
	}
}

// serves checks that the container answers its probes on its ports. Without a database it is alive but not ready.
func (c container) serves(t *testing.T, env map[string]string, cfg config.Config) {
	t.Helper()
	if len(c.Args) > 0 {
		t.Errorf("arguments %q: the Deployment would not serve", c.Args)
	}
	ports := map[string]string{}
	for _, p := range c.Ports {
		ports[p.Name] = strconv.Itoa(p.Number)
	}
	_, pages, _ := net.SplitHostPort(cfg.Listen)
	_, metrics, _ := net.SplitHostPort(cfg.Metrics)
	want := map[string]string{"http": pages, "metrics": metrics}
	if _, redirect, err := net.SplitHostPort(cfg.Redirect); err == nil {
		want["redirect"] = redirect
	}
	if _, https, err := net.SplitHostPort(cfg.TLS); err == nil {
		want["https"] = https
	}
	if !maps.Equal(ports, want) {
		t.Errorf("ports %v, but the program listens on %v", ports, want)
	}

	env = reachable(env, "mongodb://"+occupied(t))
	env["MONGODB_TIMEOUT"], env["LISTEN_ADDRESS"], env["METRICS_ADDRESS"] = "200ms", "127.0.0.1:0", "127.0.0.1:0"
	if cfg.Redirect != "" {
		env["REDIRECT_ADDRESS"] = "127.0.0.1:0"
	}
	if cfg.TLS != "" {
		env["TLS_ADDRESS"] = "127.0.0.1:0"
	}
	g := start(t, env)
	base := map[string]string{"http": g.url, "metrics": g.metrics}
	for name, p := range map[string]struct {
		*probe
		status int
	}{"liveness": {c.Liveness, 200}, "readiness": {c.Readiness, 503}} {
		if p.probe == nil {
			t.Errorf("no %s probe", name)
		} else if status, _, _ := get(t, base[p.HTTPGet.Port]+p.HTTPGet.Path); status != p.status {
			t.Errorf("%s probe, %s on %s: status %d, want %d", name, p.HTTPGet.Path, p.HTTPGet.Port, status, p.status)
		}
	}
}

// reachable returns the environment with another database, which needs no password.
func reachable(env map[string]string, uri string) map[string]string {
	env = maps.Clone(env)
	env["MONGODB_URI"], env["MONGODB_USERNAME"], env["MONGODB_PASSWORD_FILE"] = uri, "", ""
	return env
}
