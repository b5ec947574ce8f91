// Package sandbox runs the data plane of the local cloud: the process in whose namespaces the networks, the load
// balancers and the nodes with their Pods live. The daemon starts it and tells it what there shall be; it is process 1
// of its namespaces, and its end ends everything in them.
//
// This package is both sides of it: Sandbox is the daemon's, Main the process itself.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/tunnel"
	"oke-guestbook/local/dataplane/worker/node"
)

// Config configures a Sandbox.
type Config struct {
	Dir    string // of all files of the data plane, an absolute path
	Binary string // the executable that runs Main with the arguments after "dataplane", and kubelets and proxies
	Init   string // the executable that runs the nodes' other processes, localnode
	Log    *slog.Logger
}

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Sandbox is the daemon's side. It is safe for concurrent use.
type Sandbox struct {
	cfg     Config
	client  *client
	ctx     context.Context
	cancel  context.CancelFunc
	changed chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex
	want    dataplane.State
	problem error // of the last attempt to carry it out
}

// Start removes what an earlier sandbox of the directory left, and starts one, which is restarted when it ends. It
// returns when the sandbox has taken an empty state, or why it cannot. Close ends it.
func Start(ctx context.Context, cfg Config) (*Sandbox, error) {
	if err := tunnel.CheckDir(cfg.Dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	s := &Sandbox{cfg: cfg, client: newClient(filepath.Join(cfg.Dir, controlSocket)), changed: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	ready := make(chan error, 1)
	s.running.Go(func() { s.run(ready) })
	select {
	case err := <-ready:
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		return s, nil
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), s.Close())
	}
}

// run keeps the process running, and sends on ready whether its first start succeeded.
func (s *Sandbox) run(ready chan<- error) {
	delay := wait.Backoff{Duration: firstRetry, Factor: 2, Steps: 10, Cap: lastRetry}.
		DelayWithReset(clock.RealClock{}, time.Minute)
	first := true
	_ = delay.Until(s.ctx, true, true, func(ctx context.Context) (bool, error) { // ends with ctx only
		p, err := startProcess(ctx, s.cfg)
		if err == nil {
			err = s.client.waitReady(ctx, p.ended)
		}
		if first {
			ready <- err
			first = false
		}
		if err == nil {
			s.push(ctx, p.ended)
		}
		if p != nil {
			err = errors.Join(err, p.stop(), node.RemoveCgroups(cgroup(s.cfg.Dir)))
		}
		if ctx.Err() == nil {
			s.cfg.Log.Warn("the data plane ended and will be restarted", "error", err, "log", logPath(s.cfg.Dir))
		}
		return ctx.Err() != nil, nil
	})
}

// Nodes counts the nodes that there shall be.
func (s *Sandbox) Nodes() (count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.want.Clusters {
		count += len(c.Nodes)
	}
	return count
}

// push carries out the wanted state, now and whenever it changes, until the process ends. It tries again what fails.
func (s *Sandbox) push(ctx context.Context, ended <-chan struct{}) {
	retry := firstRetry
	for {
		s.mu.Lock()
		want := s.want
		s.mu.Unlock()
		err := s.client.put(ctx, want)
		s.mu.Lock()
		s.problem = err
		s.mu.Unlock()
		var again <-chan time.Time
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.cfg.Log.Warn("the data plane is not as it shall be", "error", err)
			again = time.After(retry)
			retry = min(2*retry, lastRetry)
		} else {
			retry = firstRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case <-again:
		case <-s.changed:
		}
	}
}

// Update changes the wanted state. It does not wait until that is carried out.
func (s *Sandbox) Update(change func(*dataplane.State)) {
	s.mu.Lock()
	change(&s.want)
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Dir returns the directory of the data plane's files.
func (s *Sandbox) Dir() string { return s.cfg.Dir }

// Status returns what there is.
func (s *Sandbox) Status(ctx context.Context) (dataplane.Status, error) {
	var status dataplane.Status
	err := s.client.get(ctx, "/status", &status)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem != nil {
		status.Problems = append(status.Problems, s.problem.Error())
	}
	return status, err
}

// Health is the measured health of backends, by the OCID of the load balancer, backend set and name.
type Health map[string]map[string]map[string]cloud.BackendHealth

// Health returns the health of all load balancers' backends.
func (s *Sandbox) Health(ctx context.Context) (Health, error) {
	var health Health
	err := s.client.get(ctx, "/health", &health)
	return health, err
}

// Flows are flows, oldest first, and how many there have been since the process began.
type Flows struct {
	Flows []cloud.Flow
	Total int
}

// Flows returns the flows after the first seen of all: the last 16384 at most.
func (s *Sandbox) Flows(ctx context.Context, seen int) (Flows, error) {
	var told Flows
	err := s.client.get(ctx, fmt.Sprintf("/flows?after=%d", seen), &told)
	return told, err
}

// DialInternet connects from the emulated internet to a public address.
func (s *Sandbox) DialInternet(ctx context.Context, address string) (net.Conn, error) {
	return s.client.connect(ctx, address)
}

// Close ends the sandbox and waits until nothing of it runs.
func (s *Sandbox) Close() error {
	s.cancel()
	s.running.Wait()
	return nil
}
