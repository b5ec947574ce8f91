package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/hostports"
	"oke-guestbook/local/dataplane/sandbox"
	"oke-guestbook/local/dataplane/tunnel"
	"oke-guestbook/local/dataplane/worker"
	"oke-guestbook/local/oci"
)

// dataPlane is the running data plane with its connections to this machine. A nil one is that of a local cloud with
// simulated nodes.
type dataPlane struct {
	*sandbox.Sandbox
	hostPorts *hostports.Ports
	services  net.Listener
	log       *slog.Logger
	health    atomic.Pointer[sandbox.Health]
}

// startDataPlane starts the data plane of a local cloud, with its files in DIR/dataplane. Address is the emulator's.
func startDataPlane(ctx context.Context, dir, binary, address string, log *slog.Logger) (*dataPlane, error) {
	if missing := worker.Missing(); len(missing) > 0 {
		return nil, fmt.Errorf("this machine lacks %s", strings.Join(missing, "; "))
	}
	dir, err := filepath.Abs(filepath.Join(dir, "dataplane"))
	if err != nil {
		return nil, err
	}
	s, err := sandbox.Start(ctx, sandbox.Config{
		Dir: dir, Binary: binary, Init: filepath.Join(filepath.Dir(binary), "localnode"), Log: log,
	})
	if err != nil {
		return nil, err
	}
	p := &dataPlane{Sandbox: s, log: log}
	if p.hostPorts, err = hostports.New(filepath.Join(dir, "ports.json"), s.DialInternet); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	socket := filepath.Join(dir, "services.sock")
	if p.services, err = tunnel.Listen(socket); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	go tunnel.Forward(p.services, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	})
	s.Update(func(state *dataplane.State) {
		state.ServicesSocket, state.Registry = socket, oci.RegistryAddress
	})
	return p, nil
}

// follow tells the data plane of the emulator's networks and load balancers whenever they change, until ctx is done.
func (p *dataPlane) follow(ctx context.Context, emulator *oci.Server) {
	var told dataplane.State
	for {
		now := dataplane.State{Network: emulator.Network(), LoadBalancers: emulator.LoadBalancers()}
		if !reflect.DeepEqual(now, told) {
			p.Update(func(state *dataplane.State) {
				state.Network, state.LoadBalancers = now.Network, now.LoadBalancers
			})
			if err := p.hostPorts.Apply(now.LoadBalancers); err != nil {
				p.log.Warn("ports of load balancers", "error", err)
			}
			told = now
		}
		select {
		case <-ctx.Done():
			return
		case <-emulator.Changed():
		}
	}
}

func (p *dataPlane) close() error {
	return errors.Join(p.hostPorts.Close(), p.services.Close(), p.Close())
}

// healthInterval is how often the daemon asks for the health of backends: health checks are seconds apart.
const healthInterval = time.Second

// measured returns the health of backends as it was last asked for, or nil if nothing measures it.
func (p *dataPlane) measured() cloud.MeasuredHealth {
	if p == nil {
		return nil
	}
	return func(loadBalancerID, backendSet string) map[string]cloud.BackendHealth {
		if known := p.health.Load(); known != nil {
			return (*known)[loadBalancerID][backendSet]
		}
		return nil
	}
}

// watchHealth asks for the health of backends until ctx is done.
func (p *dataPlane) watchHealth(ctx context.Context) {
	tick := time.NewTicker(healthInterval)
	defer tick.Stop()
	for {
		if health, err := p.Health(ctx); err == nil {
			p.health.Store(&health)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ports returns where this machine reaches load balancers.
func (p *dataPlane) ports() []hostports.Port {
	if p == nil {
		return nil
	}
	return p.hostPorts.List()
}

var errSimulated = errors.New("nodes are simulated: nothing carries packets (NODES=real)")

func (p *dataPlane) serveStatus(w http.ResponseWriter, r *http.Request) {
	p.serve(w, r, func(ctx context.Context) (any, error) { return p.Status(ctx) })
}

func (p *dataPlane) serveFlows(w http.ResponseWriter, r *http.Request) {
	p.serve(w, r, func(ctx context.Context) (any, error) { return p.Flows(ctx) })
}

func (p *dataPlane) serve(w http.ResponseWriter, r *http.Request, ask func(context.Context) (any, error)) {
	if p == nil {
		http.Error(w, errSimulated.Error(), http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	answer, err := ask(ctx)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	writeJSON(w, answer)
}
