// Package supervise keeps child processes running.
package supervise

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

// Process is a child process that is restarted when it ends. Its exported fields are set before Start.
//
// It is written by hand: kwokctl starts detached processes and does not watch them, and the supervisors for Go (suture)
// watch goroutines. Neither ends the children with this process.
type Process struct {
	Name string
	Path string   // executable
	Args []string // after the executable's name
	Env  []string
	Log  string       // file for its output; its directory is the process's working directory
	Out  *slog.Logger // is told when the process ends by itself

	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	pid      int // 0 while it does not run
	restarts int
	lastErr  error
}

// Start runs the process until Stop is called.
func (p *Process) Start() {
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
			p.Out.Warn("a process ended and will be restarted", "process", p.Name, "error", err,
				"after", time.Since(began).Round(time.Millisecond), "log", p.Log)
			return false, nil
		})
	}()
}

// runOnce returns when the process has ended, always with an error.
func (p *Process) runOnce(ctx context.Context) error {
	log, err := OpenLog(p.Log)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, p.Path, p.Args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = p.Env
	cmd.Dir = filepath.Dir(p.Log)
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

// Status describes a process. PID is 0 while it does not run.
type Status struct {
	Name     string
	PID      int
	Restarts int
	Log      string // file
}

func (p *Process) setPID(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = pid
}

// Stop terminates the process, kills it after stopTimeout, and returns when it has ended.
func (p *Process) Stop() {
	if p.cancel == nil {
		return
	}
	p.cancel()
	<-p.done
}

// Failed returns an error with the last lines of the log if the process has ended by itself at least n times.
func (p *Process) Failed(n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.restarts < n {
		return nil
	}
	return fmt.Errorf("%s does not stay up: %w; %s", p.Name, p.lastErr, p.LogEnd())
}

// LogEnd describes the last lines of the log for an error message.
func (p *Process) LogEnd() string {
	return fmt.Sprintf("the end of %s:\n%s", p.Log, LastLines(p.Log, 15))
}

// Status describes the process now.
func (p *Process) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Status{Name: p.Name, PID: p.pid, Restarts: p.restarts, Log: p.Log}
}

// OpenLog opens a log for appending, after it has set aside one that is larger than maxLogSize.
func OpenLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogSize {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// LastLines returns the last lines of a file, or the reason why they cannot be read.
func LastLines(path string, lines int) string {
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
