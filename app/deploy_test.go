package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"os"
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
		Template struct {
			Spec struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []container
			}
		}
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
	Liveness  *probe `yaml:"livenessProbe"`
	Readiness *probe `yaml:"readinessProbe"`
	Lifecycle struct {
		PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
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
		if o.Kind != "Deployment" && o.Kind != "Job" || strings.HasPrefix(o.Metadata.Namespace, "classroom") {
			continue
		}
		for _, c := range o.Spec.Template.Spec.Containers {
			if c.Image != "registry.local/guestbook:v1" {
				continue
			}
			found[o.Kind]++
			t.Run(o.Metadata.Namespace+"/"+o.Metadata.Name, func(t *testing.T) {
				if len(c.Command) > 0 {
					t.Errorf("command %q: the image has an entry point", c.Command)
				}
				env, cfg := c.environment(t)
				if o.Kind == "Job" {
					c.runs(t, env)
					return
				}
				c.serves(t, env, cfg)
				stop := time.Duration(c.Lifecycle.PreStop.Sleep.Seconds)*time.Second + cfg.DrainDelay + cfg.ShutdownTimeout
				if grace := time.Duration(o.Spec.Template.Spec.Grace) * time.Second; stop >= grace {
					t.Errorf("termination takes up to %v, the grace period is %v", stop, grace)
				}
			})
		}
	}
	if found["Deployment"] == 0 || found["Job"] == 0 {
		t.Errorf("containers of the guestbook in the golden file: %v, want some of both kinds", found)
	}
}

// environment returns the container's environment variables and the settings that config reads from them.
func (c container) environment(t *testing.T) (map[string]string, config.Config) {
	t.Helper()
	env, known := map[string]string{}, map[string]bool{}
	for _, v := range c.Env {
		env[v.Name] = v.Value
	}
	cfg, err := config.Load(func(key string) string {
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

// runs checks that the container's arguments are a command that exits, with a database of the test.
func (c container) runs(t *testing.T, env map[string]string) {
	t.Helper()
	if len(c.Args) == 0 {
		t.Fatal("no arguments: the Job would serve and never complete")
	}
	env = reachable(env, apptest.StartDB(t).URI)
	if err := run(context.Background(), c.Args, func(key string) string { return env[key] }, io.Discard, nil); err != nil {
		t.Errorf("%q: %v", c.Args, err)
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
	if !maps.Equal(ports, want) {
		t.Errorf("ports %v, but the program listens on %v", ports, want)
	}

	env = reachable(env, "mongodb://"+occupied(t))
	env["MONGODB_TIMEOUT"], env["LISTEN_ADDRESS"], env["METRICS_ADDRESS"] = "200ms", "127.0.0.1:0", "127.0.0.1:0"
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
