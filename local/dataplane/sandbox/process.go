package sandbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/dataplane/tunnel"
	"oke-guestbook/local/dataplane/worker/node"
)

const (
	controlSocket = "control.sock"
	// Descriptors of the process, after standard error.
	lifeFD    = 3 // a pipe that closes when the daemon ends
	controlFD = 4 // the listener of the control socket
)

const (
	endTimeout = 10 * time.Second
	endPoll    = 50 * time.Millisecond
)

func logPath(dir string) string { return filepath.Join(dir, "dataplane.log") }

// process is the running sandbox process, seen from the daemon.
type process struct {
	cmd   *exec.Cmd
	life  *os.File      // the end of the pipe that the daemon holds
	ended chan struct{} // closed when the process has ended
	err   error         // why, after ended
}

// startProcess starts the sandbox process. It ends with this one, also if this one is killed, because it sees the end
// of a pipe. (The kernel's parent-death signal comes when the thread ends that started the process.)
func startProcess(ctx context.Context, cfg Config) (*process, error) {
	control, err := takeOver(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	log, err := os.OpenFile(logPath(cfg.Dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	lifeRead, life, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer lifeRead.Close()
	cmd := exec.Command(cfg.Binary, "dataplane", cfg.Dir, cfg.Init)
	cmd.Dir = cfg.Dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lifeRead, control}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := machine.Start(cmd); err != nil {
		return nil, errors.Join(fmt.Errorf("start the data plane in namespaces of its own: %w", err), life.Close())
	}
	p := &process{cmd: cmd, life: life, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// takeOver waits until nothing runs of an earlier sandbox of the directory, whose daemon may have been killed just now,
// removes what is left of it, and returns the listener of the control socket.
func takeOver(ctx context.Context, dir string) (*os.File, error) {
	var listener *net.UnixListener
	var failure error
	err := wait.PollUntilContextTimeout(ctx, endPoll, endTimeout, true, func(context.Context) (bool, error) {
		if listener == nil {
			if listener, failure = tunnel.Listen(filepath.Join(dir, controlSocket)); failure != nil {
				return false, nil
			}
		}
		failure = node.RemoveCgroups(cgroup(dir))
		return failure == nil, nil
	})
	if listener != nil {
		defer listener.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("an earlier data plane of %s has not ended after %s: %w", dir, endTimeout, failure)
	}
	listener.SetUnlinkOnClose(false)
	return listener.File()
}

// stop kills the process, with everything in its namespaces, and waits for its end.
func (p *process) stop() error {
	err := p.cmd.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		err = p.err
	}
	return errors.Join(err, p.life.Close())
}

// cgroup is the path of the control group that holds all of a data plane's.
func cgroup(dir string) string { return fmt.Sprintf("/localcloud-%x", sha256.Sum256([]byte(dir)))[:22] }
