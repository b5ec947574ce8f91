package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes this binary the launcher, if there are arguments for it in LOCALCLOUD_ARGS.
func TestMain(m *testing.M) {
	if args := os.Getenv("LOCALCLOUD_ARGS"); args != "" {
		os.Args = append(os.Args[:1], strings.Fields(args)...)
		main()
		return
	}
	os.Exit(m.Run())
}

// engine is a script in the place of Pulumi. Its up never ends, and records each interrupt.
const engine = `#!/bin/sh
case $1 in
version) echo v3.253.0 ;;
stack) echo '{}' ;;
up)
	trap 'echo interrupt >> "$LOCAL_DIR/interrupts"' INT
	echo $$ > "$LOCAL_DIR/engine"
	while :; do sleep 0.1; done ;;
esac
`

// The first Ctrl-C interrupts the engine once. The second ends the launcher, and kills the engine.
func TestCtrlC(t *testing.T) {
	dir, bin := t.TempDir(), t.TempDir()
	// This process is the local cloud, and every tool is built.
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"pid": %d, "dir": %q}`, os.Getpid(), dir)
	}))
	defer cloud.Close()
	for name, text := range map[string]string{
		filepath.Join(dir, "oci", "config"): "", filepath.Join(dir, "bin", "localcloudd"): "",
		filepath.Join(bin, "go"): "#!/bin/sh\n", filepath.Join(bin, "pulumi"): engine, filepath.Join(bin, "pulumi-language-go"): "",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	_, port, err := net.SplitHostPort(cloud.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	launcher := exec.Command(self)
	launcher.Stdout, launcher.Stderr = out, out
	launcher.Env = []string{"LOCALCLOUD_ARGS=up", "LOCAL_DIR=" + dir, "LOCAL_PORT=" + port, "PLUGINS=local", "HOME=" + t.TempDir(), "PATH=" + bin + ":/usr/bin:/bin"}
	launcher.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal signals all of the group
	if err := launcher.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(-launcher.Process.Pid, syscall.SIGKILL) }()
	ended := make(chan error, 1)
	go func() { ended <- launcher.Wait() }()
	read := func(name string) string {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil && len(data) > 0 {
				return strings.TrimSpace(string(data))
			}
		}
		output, _ := os.ReadFile(out.Name())
		t.Fatalf("no file %s:\n%s", name, output)
		return ""
	}
	ctrlC := func() {
		t.Helper()
		if err := syscall.Kill(-launcher.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}
	pid := read("engine")
	ctrlC()
	if got := read("interrupts"); got != "interrupt" {
		t.Errorf("the engine got %q, want one interrupt", got)
	}
	select {
	case err := <-ended:
		t.Fatalf("the launcher did not wait for the engine: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	ctrlC()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the launcher still waits for the engine")
	}
	if got := read("interrupts"); got != "interrupt" {
		t.Errorf("the engine got %q, want one interrupt", got)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the engine still runs")
		}
	}
}
