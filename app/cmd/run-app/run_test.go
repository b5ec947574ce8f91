package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"oke-guestbook/app/internal/apptest"
)

// run-app starts the database and the guestbook, and stops both when it is interrupted.
func TestRunApp(t *testing.T) {
	dir := t.TempDir()
	for name, pkg := range map[string]string{"guestbook": "../..", "run-app": "."} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), pkg).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	output, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd := exec.Command(filepath.Join(dir, "run-app"),
		"-app", filepath.Join(dir, "guestbook"), "-dir", filepath.Join(dir, "data"))
	cmd.Env = append(os.Environ(), "LISTEN_ADDRESS=127.0.0.1:0", "METRICS_ADDRESS=127.0.0.1:0")
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })

	pages := regexp.MustCompile(`"pages":"([^"]+)"`)
	ready := func() bool {
		log, err := os.ReadFile(output.Name())
		if err != nil {
			t.Fatal(err)
		}
		m := pages.FindSubmatch(log)
		if m == nil {
			return false
		}
		res, err := http.Get("http://" + string(m[1]) + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	}
	apptest.Eventually(t, "the guestbook is ready", ready)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after the interrupt: error %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("still running 20 s after the interrupt")
	}
	if log, _ := os.ReadFile(output.Name()); !bytes.Contains(log, []byte(`"msg":"stopped"`)) {
		t.Errorf("the guestbook did not shut down gracefully:\n%s", log)
	}
}
