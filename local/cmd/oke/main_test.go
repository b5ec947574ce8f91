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

// TestMain makes this binary oke, with the arguments in OKE.
func TestMain(m *testing.M) {
	if args := os.Getenv("OKE"); args != "" {
		os.Args = append(os.Args[:1], strings.Fields(args)...)
		main()
		return
	}
	os.Exit(m.Run())
}

// engine stands in for Pulumi. Its up goes on whatever asks it to end, and writes down what does.
const engine = `#!/bin/sh
case $1 in
version) echo v3.253.0 ;;
stack) echo '{}' ;;
up)
	trap 'echo asked >> "$LOCAL_DIR/asked"' INT
	echo $$ > "$LOCAL_DIR/engine"
	while :; do sleep 0.1; done ;;
esac
`

// The first Ctrl-C asks the engine to end in order, the second leaves one that does not.
func TestCtrlC(t *testing.T) {
	dir, bin := t.TempDir(), t.TempDir()
	// The local cloud is this process, and every tool is built.
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"pid": %d, "dir": %q}`, os.Getpid(), dir)
	}))
	defer cloud.Close()
	for name, text := range map[string]string{
		filepath.Join(dir, "oci", "config"): "", filepath.Join(dir, "bin", "okelocal"): "",
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
	oke := exec.Command(self)
	oke.Stdout, oke.Stderr = out, out
	oke.Env = []string{"OKE=up", "LOCAL_DIR=" + dir, "LOCAL_PORT=" + port, "PLUGINS=local", "HOME=" + t.TempDir(), "PATH=" + bin + ":/usr/bin:/bin"}
	oke.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal signals all of the group
	if err := oke.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(-oke.Process.Pid, syscall.SIGKILL) }()
	ended := make(chan error, 1)
	go func() { ended <- oke.Wait() }()
	read := func(name string) string {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil && len(data) > 0 {
				return strings.TrimSpace(string(data))
			}
		}
		said, _ := os.ReadFile(out.Name())
		t.Fatalf("no file %s:\n%s", name, said)
		return ""
	}
	ctrlC := func() {
		t.Helper()
		if err := syscall.Kill(-oke.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}
	pid := read("engine")
	ctrlC()
	if asked := read("asked"); asked != "asked" {
		t.Errorf("the engine was asked %q", asked)
	}
	select {
	case err := <-ended:
		t.Fatalf("oke has left an engine that was about to end: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	ctrlC()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("oke waits for the engine, whatever it is told")
	}
	if asked := read("asked"); asked != "asked" {
		t.Errorf("the engine was asked %q", asked)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the engine goes on, without anybody who sees it")
		}
	}
}
