// Package daemon starts, asks and stops the local cloud, which is the process localcloudd.
package daemon

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/launch/procinfo"
	"oke-guestbook/local/launch/progress"
)

// Daemon is the local cloud of one directory.
type Daemon struct {
	environment.Settings
	Binary string
	Real   bool   // nodes run Pods
	Source string // where their images come from: IMAGES
	Out    *progress.Printer
}

// Health is the daemon's answer on /healthz.
type Health struct {
	PID int    `json:"pid"`
	Dir string `json:"dir"` // LOCAL_DIR
}

func (d Daemon) health(ctx context.Context) (Health, error) {
	var h Health
	err := d.get(ctx, "/healthz", &h)
	return h, err
}

func (d Daemon) get(ctx context.Context, path string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Endpoint()+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, strings.TrimSpace(string(text)))
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// Running returns the health of this directory's daemon and true if it runs. It fails if the daemon runs at another
// port or does not answer, or if something else listens on the port.
func (d Daemon) Running(ctx context.Context) (Health, bool, error) {
	h, err := d.health(ctx)
	switch {
	case err == nil && h.Dir == d.Dir:
		return h, true, nil
	case err == nil && h.Dir != "":
		return h, false, fmt.Errorf("LOCAL_PORT=%d: the local cloud of %s (process %d) uses this port; "+
			"run `make down` there, or choose another port: %s", d.Port, h.Dir, h.PID, d.MakeAt("up", d.Port+1))
	}
	if err := d.unreachable(); err != nil {
		return h, false, err
	}
	l, err := net.Listen("tcp", d.Address())
	if err != nil {
		return h, false, fmt.Errorf("LOCAL_PORT=%d is taken by another program on this machine (%w); "+
			"choose a free port: %s", d.Port, err, d.MakeAt("up", d.Port+1))
	}
	return h, false, l.Close()
}

// unreachable returns an error if this directory's daemon runs. It is for when nothing of it answers at the port.
func (d Daemon) unreachable() error {
	lock, err := os.Open(d.Path("oci", "lock")) // the daemon holds a lock on it as long as it lives
	if err != nil {
		return nil
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err == nil {
		return nil
	}
	data, err := os.ReadFile(d.portFile())
	if port, invalid := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && invalid == nil && port != d.Port {
		return fmt.Errorf("LOCAL_PORT=%d: the local cloud of LOCAL_DIR=%s runs already, at port %d; "+
			"use that port, or stop it there first: %s", d.Port, d.Dir, port, d.MakeAt("down", port))
	}
	return fmt.Errorf("LOCAL_DIR=%s: its local cloud runs and does not answer; "+
		"wait, or read %s and stop it: fuser -k %s", d.Dir, d.logFile(), lock.Name())
}

func (d Daemon) portFile() string { return d.Path("port") }

func (d Daemon) logFile() string { return d.Path("localcloudd.log") }

// Start runs the daemon in the background, unless it runs already, and waits until it is healthy. A daemon of an older
// build is restarted; it keeps what it holds.
func (d Daemon) Start(ctx context.Context) error {
	h, ok, err := d.Running(ctx)
	if err != nil || ok && !procinfo.BinaryDeleted(h.PID) {
		return err
	}
	if ok {
		d.Out.Printf("  restart the local cloud, which runs an older build")
		if err := d.Stop(ctx); err != nil {
			return err
		}
	}
	if err := os.WriteFile(d.portFile(), []byte(strconv.Itoa(d.Port)+"\n"), 0o644); err != nil {
		return err
	}
	step := d.Out.Step("start the local cloud")
	exited, err := d.run(ctx)
	if err != nil {
		step.End("failed")
		return err
	}
	err = waitFor(ctx, 2*time.Minute, "the local cloud to become healthy", func() (bool, error) {
		select {
		case err := <-exited:
			return false, fmt.Errorf("the local cloud ended at once: %w", err)
		default:
		}
		h, err := d.health(ctx)
		return err == nil && h.Dir == d.Dir, nil
	})
	if err != nil {
		step.End("failed")
		return fmt.Errorf("%w; the end of %s:\n%s", err, d.logFile(), tail(d.logFile(), 15))
	}
	step.End("healthy at " + d.Endpoint())
	return nil
}

// run starts the process. Its end is sent on exited.
func (d Daemon) run(ctx context.Context) (exited <-chan error, err error) {
	log, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := []string{
		d.Binary, "serve", "--dir", d.Dir, "--port", strconv.Itoa(d.Port), "--speed", strconv.Itoa(d.Speed),
		"--limits", d.Limits, "--policy-delay", fmt.Sprint(d.Delay, "s"), "--real-nodes=" + strconv.FormatBool(d.Real),
		"--images", cmp.Or(d.Source, environment.Auto),
	}
	if d.Real && needsScope() {
		command = inScope(ctx, command)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives this command and its terminal
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	end := make(chan error, 1)
	go func() { end <- cmp.Or(cmd.Wait(), errors.New("exit status 0")) }()
	return end, nil
}

// Stop ends the daemon and waits until it is gone. It succeeds if none runs.
func (d Daemon) Stop(ctx context.Context) error {
	h, err := d.health(ctx)
	if err != nil || h.Dir != d.Dir {
		return d.unreachable()
	}
	if err := syscall.Kill(h.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop the local cloud, process %d: %w", h.PID, err)
	}
	return waitFor(ctx, time.Minute, "the local cloud to stop", func() (bool, error) {
		return !procinfo.Alive(h.PID), nil
	})
}

// resource is a line of the daemon's answer on /admin/inventory.
type resource struct{ Kind, ID, DisplayName, LifecycleState string }

// Inventory lists the resources in the local cloud, a line each.
func (d Daemon) Inventory(ctx context.Context) ([]string, error) {
	var resources []resource
	if err := d.get(ctx, "/admin/inventory", &resources); err != nil {
		return nil, err
	}
	lines := make([]string, len(resources))
	for i, r := range resources {
		line := fmt.Sprintf("%-20s %-13s %s", r.Kind, r.LifecycleState, cmp.Or(r.DisplayName, r.ID))
		lines[i] = strings.TrimSpace(line)
	}
	return lines, nil
}

// Subnets lists the names of the subnets in the local cloud.
func (d Daemon) Subnets(ctx context.Context) (names []string, err error) {
	var resources []resource
	err = d.get(ctx, "/admin/inventory", &resources)
	for _, r := range resources {
		if r.Kind == "subnet" {
			names = append(names, r.DisplayName)
		}
	}
	return names, err
}

// Flow is a flow of a VNIC in a minute, of the daemon's answer on /admin/flows.
type Flow struct {
	Last                time.Time
	Accepted, Ingress   bool
	Protocol            int
	Packets, Bytes      int
	Source, Destination string // address and port
	Subnet, Missing     string
}

// Flows lists the flows of the last minutes, the oldest first.
func (d Daemon) Flows(ctx context.Context, minutes int) (flows []Flow, err error) {
	err = d.get(ctx, fmt.Sprintf("/admin/flows?minutes=%d", minutes), &flows)
	return flows, err
}

// Port is where this machine reaches a listener of a public load balancer: Local, an address and port like Public, or
// nowhere for a Problem. Moved says that another program has taken the port that it should have.
type Port struct{ LoadBalancer, Listener, Public, Local, Moved, Problem string }

// Status is the daemon's answer on /admin/status. Memory is resident.
type Status struct {
	RSSMB int `json:"rssMB"` // of the daemon itself
	// LoadBalancers are the ports of public load balancers on this machine, with nodes that run Pods.
	LoadBalancers []Port
	Notices       []string // what to know of nodes that run Pods: images that stand for others, what Pods lack
	Clusters      []struct {
		Name, Version, Address string
		Processes              []struct {
			Name  string
			PID   int
			RSSMB int `json:"rssMB"`
		}
	}
}

// Status returns what runs.
func (d Daemon) Status(ctx context.Context) (Status, error) {
	var s Status
	err := d.get(ctx, "/admin/status", &s)
	return s, err
}

// pageTimeout is for load balancers' health checks to see that Pods are ready, on a busy machine.
const pageTimeout = time.Minute

// AwaitPage waits until a page answers, at a load balancer's port of this machine. It is asked for by its host name, if
// it has one. What its certificate says is the browser's concern: it is not for the address of this machine.
func (d Daemon) AwaitPage(ctx context.Context, url, host string) error {
	step := d.Out.Step("wait for the page at " + url)
	outcome := "no answer"
	client := http.Client{
		Timeout:       5 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{ServerName: host, InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	err := waitFor(ctx, pageTimeout, "the page", func() (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false, err
		}
		req.Host = host // empty: that of the URL
		resp, err := client.Do(req)
		if err != nil {
			outcome = err.Error()
			return false, nil
		}
		outcome = resp.Status
		return resp.StatusCode < http.StatusInternalServerError, resp.Body.Close()
	})
	step.End(outcome)
	if err != nil {
		return fmt.Errorf("%w: %s", err, outcome)
	}
	return nil
}

// DataPlane is the daemon's answer on /admin/dataplane. Memory is the proportional set size.
type DataPlane struct {
	Nodes []struct {
		Name      string
		Processes []struct {
			Name               string
			Restarts, MemoryMB int
		}
	}
	MemoryMB int // of all processes, those of Pods too
	Problems []string
}

// DataPlane returns what runs of nodes that run Pods.
func (d Daemon) DataPlane(ctx context.Context) (DataPlane, error) {
	var p DataPlane
	err := d.get(ctx, "/admin/dataplane", &p)
	return p, err
}

// waitFor polls every 50 ms until done returns true or an error, or the limit is over. It is the launcher's only loop
// of the kind; apimachinery's package wait would bring 12 packages of other modules for it.
func waitFor(ctx context.Context, limit time.Duration, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w", limit, what, ctx.Err())
		case <-tick.C:
		}
	}
}

// tail returns the last lines of a file, or the error of reading it.
func tail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
