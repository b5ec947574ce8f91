// Package balancer does in the local cloud what OCI's load balancers do: it takes connections of clients, and passes
// them or their requests on to healthy backends.
package balancer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"oke-guestbook/local/cloud"
)

// Options are what a Balancer needs.
type Options struct {
	// Listen returns the listeners of a port of a load balancer: on its address in the VCN, and wherever else clients
	// shall reach it. The balancer closes them. Required.
	Listen func(ctx context.Context, lb cloud.LoadBalancer, port int) ([]net.Listener, error)
	// Dial connects from a load balancer, given by its OCID, to a backend. Required.
	Dial func(ctx context.Context, loadBalancerID string, to netip.AddrPort) (net.Conn, error)
	// Log receives changes of health and failures. Default: none.
	Log *slog.Logger
}

// Balancer runs load balancers. It is safe for concurrent use.
type Balancer struct {
	opts Options

	mu            sync.Mutex
	loadBalancers map[string]*loadBalancer // by OCID
}

// New returns a balancer without load balancers. Close ends it.
func New(opts Options) *Balancer {
	opts.Log = cmp.Or(opts.Log, slog.New(slog.DiscardHandler))
	return &Balancer{opts: opts, loadBalancers: map[string]*loadBalancer{}}
}

// Apply makes the given load balancers run, and no others. What has not changed keeps its connections; other
// configurations, certificates and backends are for new connections and requests. A removed backend gets no new ones,
// a removed listener ends its idle connections; a removed load balancer ends all. Errors name the listeners that could
// not be served, and the backend sets; those keep their old configuration.
func (b *Balancer) Apply(want []cloud.LoadBalancer) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	keep := map[string]bool{}
	for _, config := range want {
		keep[config.ID] = true
		lb := b.loadBalancers[config.ID]
		if lb == nil {
			lb = newLoadBalancer(b.opts, config.ID)
			b.loadBalancers[config.ID] = lb
		}
		if err := lb.apply(config); err != nil {
			errs = append(errs, fmt.Errorf("load balancer %s: %w", config.Name, err))
		}
	}
	for id, lb := range b.loadBalancers {
		if !keep[id] {
			lb.close()
			delete(b.loadBalancers, id)
		}
	}
	return errors.Join(errs...)
}

// Health returns the health of a load balancer's backends, by backend set and name. It is nil for an unknown one.
func (b *Balancer) Health(loadBalancerID string) map[string]map[string]cloud.BackendHealth {
	b.mu.Lock()
	defer b.mu.Unlock()
	lb := b.loadBalancers[loadBalancerID]
	if lb == nil {
		return nil
	}
	out := map[string]map[string]cloud.BackendHealth{}
	for name, p := range lb.pools {
		out[name] = p.health()
	}
	return out
}

// Close ends all load balancers and their connections.
func (b *Balancer) Close() error { return b.Apply(nil) }
