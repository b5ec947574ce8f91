package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"oke-guestbook/local/launch/launchtest"
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

// launcher is a running `localcloud up` on the engine above.
type launcher struct {
	t     *testing.T
	dir   string // LOCAL_DIR
	out   string // file with the output
	pid   int
	ended chan struct{} // closed at its end
}

// start starts the launcher on a directory in which every tool is built. This process is its local cloud.
func start(t *testing.T) launcher {
	t.Helper()
	bin, l := t.TempDir(), launcher{t: t, dir: t.TempDir(), ended: make(chan struct{})}
	port := launchtest.Listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"pid": %d, "dir": %q}`, os.Getpid(), l.dir)
	}))
	launchtest.Write(t, filepath.Join(l.dir, "oci", "config"), "")
	launchtest.Write(t, filepath.Join(l.dir, "bin", "localcloudd"), "")
	launchtest.Write(t, filepath.Join(l.dir, "bin", "oke"), "#!/bin/sh\n") // finds nothing to recover
	launchtest.Write(t, filepath.Join(bin, "go"), "#!/bin/sh\n")
	launchtest.Write(t, filepath.Join(bin, "pulumi"), engine)
	launchtest.Write(t, filepath.Join(bin, "pulumi-language-go"), "")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(self)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = []string{
		"LOCALCLOUD_ARGS=up", "LOCAL_DIR=" + l.dir, fmt.Sprintf("LOCAL_PORT=%d", port), "PLUGINS=local",
		"NODES=simulated", "HOME=" + t.TempDir(), "PATH=" + bin + ":/usr/bin:/bin",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal signals the whole group
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l.pid, l.out = cmd.Process.Pid, out.Name()
	t.Cleanup(func() { _ = syscall.Kill(-l.pid, syscall.SIGKILL) })
	go func() {
		_ = cmd.Wait()
		close(l.ended)
	}()
	return l
}

// read waits for a file in LOCAL_DIR and returns its text.
func (l launcher) read(name string) string {
	l.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if data, err := os.ReadFile(filepath.Join(l.dir, name)); err == nil && len(data) > 0 {
			return strings.TrimSpace(string(data))
		}
	}
	output, _ := os.ReadFile(l.out)
	l.t.Fatalf("no file %s:\n%s", name, output)
	return ""
}

func (l launcher) pressCtrlC() {
	l.t.Helper()
	if err := syscall.Kill(-l.pid, syscall.SIGINT); err != nil {
		l.t.Fatal(err)
	}
}

// wantOneInterrupt asserts that the engine was interrupted once.
func (l launcher) wantOneInterrupt() {
	l.t.Helper()
	if got := l.read("interrupts"); got != "interrupt" {
		l.t.Errorf("the engine got %q, want one interrupt", got)
	}
}

// The first Ctrl-C interrupts the engine once. The second ends the launcher, and kills the engine.
func TestCtrlC(t *testing.T) {
	l := start(t)
	pid := l.read("engine")
	l.pressCtrlC()
	l.wantOneInterrupt()
	select {
	case <-l.ended:
		t.Fatal("the launcher did not wait for the engine")
	case <-time.After(300 * time.Millisecond):
	}
	l.pressCtrlC()
	select {
	case <-l.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the launcher still waits for the engine")
	}
	l.wantOneInterrupt()
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
