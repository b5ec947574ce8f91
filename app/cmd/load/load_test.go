package main

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Under load nothing fails, and the guestbook stays below 64 MB.
func TestLoad(t *testing.T) {
	app := filepath.Join(t.TempDir(), "guestbook")
	if out, err := exec.Command("go", "build", "-o", app, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	report, err := measure(config{app: app, duration: time.Second, clients: 32, runs: 1, entries: 100, idle: 3000})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.rows) != 4 {
		t.Fatalf("%d measurements", len(report.rows))
	}
	for _, r := range report.rows {
		t.Logf("%s: %.0f a second, 99th percentile %v", r.name, r.rate, r.p99)
		if r.failed > 0 {
			t.Errorf("%s: %d failed", r.name, r.failed)
		}
	}
	if report.peak < 1e6 || report.idle > 64e6 {
		t.Errorf("the guestbook used %.1f MB, with idle connections %.1f MB", float64(report.peak)/1e6, float64(report.idle)/1e6)
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
