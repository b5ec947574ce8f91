package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Health is what the daemon answers on /healthz.
type Health struct {
	PID int    `json:"pid"`
	Dir string `json:"dir"`
}

// Endpoint is the address of the OCI emulator.
func (o Options) Endpoint() string {
	return "http://" + o.address()
}

func (o Options) address() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port))
}

// health asks the daemon for a sign of life.
func (o Options) health(ctx context.Context) (Health, error) {
	var h Health
	err := o.get(ctx, "/healthz", &h)
	return h, err
}

func (o Options) get(ctx context.Context, path string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.Endpoint()+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// running returns the health of this directory's daemon, or an error that says who else holds the port.
func (o Options) running(ctx context.Context) (Health, bool, error) {
	h, err := o.health(ctx)
	switch {
	case err == nil && h.Dir == o.Dir:
		return h, true, nil
	case err == nil && h.Dir != "":
		return h, false, fmt.Errorf("LOCAL_PORT=%d: the local cloud of %s (process %d) is there already; run `make down` there, or choose another port: make up LOCAL_PORT=%d",
			o.Port, h.Dir, h.PID, o.Port+1)
	}
	if err := o.silent(); err != nil {
		return h, false, err
	}
	l, err := net.Listen("tcp", o.address())
	if err != nil {
		return h, false, fmt.Errorf("LOCAL_PORT=%d is taken by another program on this machine (%w); choose a free port: make up LOCAL_PORT=%d", o.Port, err, o.Port+1)
	}
	return h, false, l.Close()
}

// silent is an error if this directory's daemon runs, for when it does not answer at Port.
func (o Options) silent() error {
	lock, err := os.Open(o.path("oci", "lock")) // held by the daemon as long as it lives
	if err != nil {
		return nil
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err == nil {
		return nil
	}
	data, err := os.ReadFile(o.path("port"))
	if at := strings.TrimSpace(string(data)); err == nil && at != strconv.Itoa(o.Port) {
		return fmt.Errorf("LOCAL_PORT=%d: the local cloud of LOCAL_DIR=%s runs already, at port %s; leave LOCAL_PORT as it was, or move it: make down LOCAL_PORT=%s", o.Port, o.Dir, at, at)
	}
	return fmt.Errorf("LOCAL_DIR=%s: its local cloud runs and does not answer; wait, or see why in %s and end it: fuser -k %s", o.Dir, o.path("okelocal.log"), lock.Name())
}

// startDaemon runs the local cloud in the background, if it does not run, and waits until it is healthy.
func (o Options) startDaemon(ctx context.Context) error {
	h, ok, err := o.running(ctx)
	if err != nil || ok && !replaced(h.PID) {
		return err
	}
	if ok {
		o.sayf("  restart the local cloud, which is of an older build")
		if err := o.stopDaemon(ctx); err != nil {
			return err
		}
	}
	if err := os.WriteFile(o.path("port"), []byte(strconv.Itoa(o.Port)+"\n"), 0o644); err != nil {
		return err
	}
	logPath := o.path("okelocal.log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p := startProgress(o.Out, "start the local cloud")
	cmd := exec.Command(filepath.Join(o.Bin, okelocal.name), "serve", "--dir", o.Dir,
		"--port", strconv.Itoa(o.Port), "--speed", strconv.Itoa(o.Speed))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives this command and its terminal
	if err := cmd.Start(); err != nil {
		p.end("failed")
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	err = waitFor(ctx, 2*time.Minute, "the local cloud to become healthy", func() (bool, error) {
		select {
		case err := <-exited:
			return false, fmt.Errorf("the local cloud ended at once (%v)", err)
		default:
		}
		h, err := o.health(ctx)
		return err == nil && h.Dir == o.Dir, nil
	})
	if err != nil {
		p.end("failed")
		return fmt.Errorf("%w; the end of %s:\n%s", err, logPath, tail(logPath, 15))
	}
	p.end("healthy at " + o.Endpoint())
	return nil
}

// stopDaemon ends the local cloud and waits until it is gone.
func (o Options) stopDaemon(ctx context.Context) error {
	h, err := o.health(ctx)
	if err != nil || h.Dir != o.Dir {
		return o.silent()
	}
	if err := syscall.Kill(h.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop the local cloud, process %d: %w", h.PID, err)
	}
	return waitFor(ctx, time.Minute, "the local cloud to stop", func() (bool, error) {
		return !alive(h.PID), nil
	})
}

// alive says whether a process runs; one that is dead but not reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

// replaced says whether a process runs a binary that has been built anew since.
func replaced(pid int) bool {
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && strings.HasSuffix(target, " (deleted)")
}

// waitFor asks until cond is true, fails, or the limit is over.
func waitFor(ctx context.Context, limit time.Duration, what string, cond func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := cond(); err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w", limit, what, ctx.Err())
		case <-tick.C:
		}
	}
}

// tail returns the last lines of a file, or what kept them from being read.
func tail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
