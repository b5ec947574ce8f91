package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Under load no request fails, and the guestbook stays within the memory limit.
func TestLoad(t *testing.T) {
	app := filepath.Join(t.TempDir(), "guestbook")
	if out, err := exec.Command("go", "build", "-o", app, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := config{app: app, duration: time.Second, clients: 32, runs: 1, entries: 100, idle: 3000}
	got, err := measure(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.rows) != 4 {
		t.Fatalf("%d measurements", len(got.rows))
	}
	var out strings.Builder
	got.print(&out, c)
	t.Log("\n" + out.String())
	if err := got.check(); err != nil {
		t.Error(err)
	}
	for _, r := range got.rows {
		if r.rate <= 0 || r.median <= 0 || r.p99 < r.median {
			t.Errorf("%+v was not measured", r)
		}
	}
	if got.peak < 1e6 || got.peakIdle < got.peak {
		t.Errorf("peak memory %d bytes, with idle connections %d", got.peak, got.peakIdle)
	}
	for _, want := range []string{"first page", "entry", "per second", "99th percentile", "failed", "MB (limit: 64 MB)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not printed", want)
		}
	}
}

func TestCheck(t *testing.T) {
	good := report{rows: []row{{name: "entry"}}, peak: 30e6, peakIdle: memoryLimit}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	failed, large := good, good
	failed.rows = []row{{name: "entry", failed: 3}}
	large.peakIdle++
	for want, r := range map[string]report{"entry: 3 requests failed": failed, "over the limit of 64 MB": large} {
		if err := r.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestBadFlags(t *testing.T) {
	good := config{app: "guestbook", duration: time.Second, clients: 1, runs: 1}
	for name, change := range map[string]func(*config){
		"no app":           func(c *config) { c.app = "" },
		"no clients":       func(c *config) { c.clients = 0 },
		"too many clients": func(c *config) { c.clients = 5000 },
		"no runs":          func(c *config) { c.runs = 0 },
		"one hour":         func(c *config) { c.duration = time.Hour },
		"no duration":      func(c *config) { c.duration = 0 },
	} {
		c := good
		change(&c)
		if _, err := measure(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
