package standin

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"oke-guestbook/app/internal/apptest"
)

// TestMain makes the test's binary the image's, under the names of its programs.
func TestMain(m *testing.M) {
	program := filepath.Base(os.Args[0])
	if !slices.Contains(Programs, program) {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := Main(ctx, program, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
		os.Exit(1)
	}
}

// pod is a place where containers of the image run, as the image's user if the test can.
type pod struct {
	t    *testing.T
	dir  string // writable
	port string
	env  []string
}

// newPod makes a Pod with the image's programs in its PATH.
func newPod(t *testing.T, name string) *pod {
	t.Helper()
	dir := t.TempDir()
	address := apptest.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	env := []string{"PATH=" + dir + "/bin", "HOSTNAME=" + name, "TMPDIR=" + dir + "/tmp"}
	p := &pod{t: t, dir: dir, port: port, env: env}
	for _, sub := range []string{"bin", "tmp", "keys", "db", "secret"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "bin", "mongod")
	self, err := os.Executable()
	if err == nil {
		err = install([]string{"-m", "0755", self, program})
	}
	for _, name := range Programs[1:] {
		if err == nil {
			err = os.Symlink(program, filepath.Join(dir, "bin", name))
		}
	}
	if os.Getuid() == 0 && err == nil {
		// The image's user must get there.
		if err = os.Chmod(filepath.Dir(dir), 0o755); err == nil {
			err = exec.Command("chown", "-R", fmt.Sprint(mongoUser), dir).Run()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// secret writes a file that the Pod's user may read.
func (p *pod) secret(name, content string) string {
	p.t.Helper()
	file := filepath.Join(p.dir, "secret", name)
	if err := os.WriteFile(file, []byte(content), 0o444); err != nil {
		p.t.Fatal(err)
	}
	return file
}

// command is a command of a container.
func (p *pod) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.dir, "bin", args[0]), args[1:]...)
	cmd.Env, cmd.Dir = p.env, p.dir
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: mongoUser, Gid: mongoUser}}
	}
	return cmd
}

// process is a container that runs.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	log   *apptest.Buffer
	ended chan error
}

// start starts a container and waits until mongod accepts connections.
func (p *pod) start(args ...string) *process {
	p.t.Helper()
	s := &process{t: p.t, cmd: p.command(args...), log: &apptest.Buffer{}, ended: make(chan error, 1)}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() { s.ended <- s.cmd.Wait() }()
	p.t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	apptest.Eventually(p.t, "mongod waits for connections", func() bool {
		select {
		case err := <-s.ended:
			p.t.Fatalf("ended: %v\n%s", err, s.log)
		default:
		}
		return strings.Contains(s.log.String(), "Waiting for connections")
	})
	return s
}

// stop sends SIGTERM. mongod ends within 10 s, and well.
func (s *process) stop() {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("after SIGTERM: %v\n%s", err, s.log)
		}
	case <-time.After(10 * time.Second):
		s.t.Errorf("still runs 10 s after SIGTERM:\n%s", s.log)
	}
}

func (s *process) kill() {
	_ = s.cmd.Process.Kill()
	if err := <-s.ended; err == nil {
		s.t.Error("the server ended before it was killed")
	}
}
