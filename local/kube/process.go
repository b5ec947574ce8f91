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
)

const (
	stopLimit    = 10 * time.Second // from SIGTERM to SIGKILL
	firstBackoff = 500 * time.Millisecond
	lastBackoff  = 15 * time.Second
	healthyAfter = time.Minute // a process that ran this long starts over with the first back-off
	logLimit     = 8 << 20     // bytes; a longer log is set aside when the process starts
)

// process is one component of a control plane, kept running as a child of this one.
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

// start runs the process until stop and starts it again whenever it ends by itself.
func (p *process) start() {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.done = cancel, make(chan struct{})
	go func() {
		defer close(p.done)
		// The kernel sends the parent-death signal when the thread that made the child ends, so the thread has to
		// stay as long as the child does.
		runtime.LockOSThread()
		backoff := firstBackoff
		for {
			began := time.Now()
			err := p.runOnce(ctx)
			if ctx.Err() != nil {
				return
			}
			if time.Since(began) > healthyAfter {
				backoff = firstBackoff
			}
			p.mu.Lock()
			p.restarts++
			p.lastErr = err
			p.mu.Unlock()
			p.out.Warn("a control-plane process ended; starting it again",
				"process", p.name, "error", err, "after", time.Since(began).Round(time.Millisecond), "in", backoff, "log", p.log)
			select {
			case <-ctx.Done():
				return
			case <-time.After(backoff):
			}
			backoff = min(2*backoff, lastBackoff)
		}
	}()
}

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
	// A process group of its own keeps the terminal's Ctrl-C away: the manager stops its processes in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopLimit
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

// stop asks the process to end, kills it after stopLimit, and returns when it is gone.
func (p *process) stop() {
	if p.cancel == nil {
		return
	}
	p.cancel()
	<-p.done
}

// failed returns an error with the end of the log if the process has ended by itself at least n times.
func (p *process) failed(n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.restarts < n {
		return nil
	}
	return fmt.Errorf("%s does not stay up: %w; the end of %s:\n%s", p.name, p.lastErr, p.log, tail(p.log, 15))
}

func (p *process) status() ProcessStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return ProcessStatus{Name: p.name, PID: p.pid, Restarts: p.restarts, Log: p.log}
}

func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// tail returns the last lines of a file, or says why it cannot.
func tail(path string, lines int) string {
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
