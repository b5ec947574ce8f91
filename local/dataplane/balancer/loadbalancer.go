package balancer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"oke-guestbook/local/cloud"
)

// connectTimeout limits an attempt to connect to a backend. The service's own is not documented.
const connectTimeout = 10 * time.Second

// loadBalancer is a running load balancer.
type loadBalancer struct {
	opts      Options
	id        string
	ctx       context.Context // done when it is removed
	cancel    context.CancelFunc
	pools     map[string]*pool     // by backend set
	frontends map[string]*frontend // by listener
	running   sync.WaitGroup
}

func newLoadBalancer(opts Options, id string) *loadBalancer {
	lb := &loadBalancer{opts: opts, id: id, pools: map[string]*pool{}, frontends: map[string]*frontend{}}
	lb.opts.Log = opts.Log.With("loadBalancer", id)
	lb.ctx, lb.cancel = context.WithCancel(context.Background())
	return lb
}

func (lb *loadBalancer) apply(config cloud.LoadBalancer) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(config.BackendSets)) {
		if lb.pools[name] == nil {
			lb.pools[name] = &pool{lb: lb, name: name}
		}
		if err := lb.pools[name].apply(config.BackendSets[name]); err != nil {
			errs = append(errs, fmt.Errorf("backend set %s: %w", name, err))
		}
	}
	lb.closeFrontends(config.Listeners)
	for _, listener := range config.Listeners {
		if err := lb.applyListener(config, listener); err != nil {
			errs = append(errs, fmt.Errorf("listener %s: %w", listener.Name, err))
		}
	}
	for name, p := range lb.pools {
		if _, ok := config.BackendSets[name]; !ok {
			p.close()
			delete(lb.pools, name)
		}
	}
	return errors.Join(errs...)
}

// closeFrontends ends the listeners that are not wanted any more, or on another port. It comes before others begin,
// because they may have the same port.
func (lb *loadBalancer) closeFrontends(want []cloud.Listener) {
	ports := map[string]int{}
	for _, listener := range want {
		ports[listener.Name] = listener.Port
	}
	for name, f := range lb.frontends {
		if ports[name] != f.port {
			f.close()
			delete(lb.frontends, name)
		}
	}
}

func (lb *loadBalancer) applyListener(config cloud.LoadBalancer, listener cloud.Listener) error {
	p := lb.pools[listener.BackendSet]
	if p == nil {
		return fmt.Errorf("there is no backend set %q", listener.BackendSet)
	}
	server, err := serverTLS(listener)
	if err != nil {
		return err
	}
	c := &frontendConfig{listener, server, p, config.RequestIDHeader}
	if f := lb.frontends[listener.Name]; f != nil {
		f.config.Store(c)
		return nil
	}
	listeners, err := lb.opts.Listen(lb.ctx, config, listener.Port)
	if err != nil {
		return fmt.Errorf("listen on port %d: %w", listener.Port, err)
	}
	lb.frontends[listener.Name] = lb.newFrontend(c, listeners)
	return nil
}

// dialError is a failure to connect: nothing was sent.
type dialError struct{ error }

func (e dialError) Unwrap() error { return e.error }

func (lb *loadBalancer) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := lb.opts.Dial(ctx, lb.id, to)
	if err != nil {
		return nil, dialError{err}
	}
	return &countedConn{Conn: conn}, nil
}

// close ends the load balancer with its connections.
func (lb *loadBalancer) close() {
	lb.cancel()
	for _, f := range lb.frontends {
		f.close()
	}
	for _, p := range lb.pools {
		p.close()
	}
	lb.running.Wait()
}
