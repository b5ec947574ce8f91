package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Under load nothing fails, and the guestbook stays below 64 MB.
func TestLoad(t *testing.T) {
	app := filepath.Join(t.TempDir(), "guestbook")
	if out, err := exec.Command("go", "build", "-o", app, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := config{app: app, duration: time.Second, clients: 32, runs: 1, entries: 100, idle: 3000}
	report, err := measure(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.rows) != 4 {
		t.Fatalf("%d measurements", len(report.rows))
	}
	var out strings.Builder
	show(&out, c, report)
	t.Log("\n" + out.String())
	if err := report.check(); err != nil {
		t.Error(err)
	}
	for _, r := range report.rows {
		if r.rate <= 0 || r.median <= 0 || r.p99 < r.median {
			t.Errorf("%+v was not measured", r)
		}
	}
	if report.peak < 1e6 || report.idle < report.peak {
		t.Errorf("%d bytes, and with idle connections %d, are no figures", report.peak, report.idle)
	}
	for _, want := range []string{"first page", "entry", "a second", "99th percentile", "failed", "MB (limit: 64 MB)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not told", want)
		}
	}
}

func TestCheck(t *testing.T) {
	good := report{rows: []row{{name: "entry"}}, peak: 30e6, idle: memoryLimit}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	failed, fat := good, good
	failed.rows = []row{{name: "entry", failed: 3}}
	fat.idle++
	for want, r := range map[string]report{"entry: 3 requests failed": failed, "over the limit of 64 MB": fat} {
		if err := r.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestBadFlags(t *testing.T) {
	good := config{app: "guestbook", duration: time.Second, clients: 1, runs: 1}
	for name, change := range map[string]func(*config){
		"no app":      func(c *config) { c.app = "" },
		"no clients":  func(c *config) { c.clients = 0 },
		"too many":    func(c *config) { c.clients = 5000 },
		"no runs":     func(c *config) { c.runs = 0 },
		"an hour":     func(c *config) { c.duration = time.Hour },
		"no duration": func(c *config) { c.duration = 0 },
	} {
		c := good
		change(&c)
		if _, err := measure(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
