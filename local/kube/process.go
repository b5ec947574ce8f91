package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
)

const (
	stopTimeout  = 10 * time.Second // from SIGTERM to SIGKILL
	restartReset = time.Minute      // after this time, restarts are quick again
	maxLogSize   = 8 << 20          // bytes; a larger log is renamed to *.1 when its process starts
)

var restartBackoff = wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Steps: 10, Cap: 15 * time.Second}

// process is one component of a control plane, a child process that is restarted when it ends.
//
// It is written by hand: kwokctl starts detached processes and does not watch them, and the supervisors for Go (suture)
// watch goroutines. Neither ends the children with this process.
type process struct {
	name string
	path string   // executable
	args []string // after the executable's name
	env  []string
	log  string // file for its output
	out  *slog.Logger

	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	pid      int // 0 while it does not run
	restarts int
	lastErr  error
}

// start runs the process until stop is called.
func (p *process) start() {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.done = cancel, make(chan struct{})
	go func() {
		defer close(p.done)
		// The kernel sends the parent-death signal when the thread that created the child ends, so the thread must
		// live as long as the child.
		runtime.LockOSThread()
		delay := restartBackoff.DelayWithReset(clock.RealClock{}, restartReset)
		_ = delay.Until(ctx, true, true, func(ctx context.Context) (bool, error) { // ends with ctx only
			began := time.Now()
			err := p.runOnce(ctx)
			if ctx.Err() != nil {
				return true, nil
			}
			p.mu.Lock()
			p.restarts++
			p.lastErr = err
			p.mu.Unlock()
			p.out.Warn("a control-plane process ended and will be restarted", "process", p.name, "error", err,
				"after", time.Since(began).Round(time.Millisecond), "log", p.log)
			return false, nil
		})
	}()
}

// runOnce returns when the process has ended, always with an error.
func (p *process) runOnce(ctx context.Context) error {
	log, err := openLog(p.log)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, p.path, p.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = p.env
	cmd.Dir = filepath.Dir(p.log)
	// With its own process group the process does not get the terminal's Ctrl-C: the manager stops processes in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	if err := cmd.Start(); err != nil {
		return err
	}
	p.setPID(cmd.Process.Pid)
	defer p.setPID(0)
	if err := cmd.Wait(); err != nil {
		return err
	}
	return errors.New("exit status 0")
}

func (p *process) setPID(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = pid
}

// stop terminates the process, kills it after stopTimeout, and returns when it has ended.
func (p *process) stop() {
	if p.cancel == nil {
		return
	}
	p.cancel()
	<-p.done
}

// failed returns an error with the last lines of the log if the process has ended by itself at least n times.
func (p *process) failed(n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.restarts < n {
		return nil
	}
	return fmt.Errorf("%s does not stay up: %w; %s", p.name, p.lastErr, p.logEnd())
}

// logEnd describes the last lines of the log for an error message.
func (p *process) logEnd() string {
	return fmt.Sprintf("the end of %s:\n%s", p.log, lastLines(p.log, 15))
}

func (p *process) status() ProcessStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return ProcessStatus{Name: p.name, PID: p.pid, Restarts: p.restarts, Log: p.log}
}

// openLog opens a log for appending, after it has set aside one that is larger than maxLogSize.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogSize {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// lastLines returns the last lines of a file, or the reason why they cannot be read.
func lastLines(path string, lines int) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, size-16<<10), io.SeekStart)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(string(bytes.TrimSpace(data)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
