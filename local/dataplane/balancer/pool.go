package balancer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"regexp"
	"sync"
	"time"

	"oke-guestbook/local/cloud"
)

// keepAlive is how long an idle connection to a backend is kept (Oracle: "Load Balancer Timeout Connection Settings",
// version of 2025-05-27, read 2026-11-28).
const keepAlive = 300 * time.Second

// pool is a running backend set.
type pool struct {
	lb   *loadBalancer
	name string

	mu       sync.Mutex
	set      cloud.BackendSet
	tls      *tls.Config // to the backends
	backends []*backend  // in the set's order
}

// backend is a running backend. The pool's mutex guards what changes.
type backend struct {
	cloud.Backend
	http, http2 *http.Transport // for HTTP/1.1, and for HTTP/2
	once        *http.Transport // for HTTP/1.1, a new connection for each request

	active    int // connections or requests
	credit    int // of the weighted round robin
	state     health
	stopCheck context.CancelFunc
}

// apply sets the configuration. Backends that stay keep their connections, health and turn.
func (p *pool) apply(set cloud.BackendSet) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if reflect.DeepEqual(set, p.set) && p.backends != nil {
		return nil
	}
	regex, err := regexp.Compile(set.Health.BodyRegex)
	if err != nil {
		return fmt.Errorf("regular expression of the health check: %w", err)
	}
	sameTLS := reflect.DeepEqual(set.TLS, p.set.TLS)
	if !sameTLS {
		config, err := clientTLS(set.TLS)
		if err != nil {
			return err
		}
		p.tls = config
	}
	sameCheck := sameTLS && set.Health == p.set.Health
	old := map[string]*backend{}
	for _, b := range p.backends {
		old[b.Name] = b
	}
	p.set, p.backends = set, []*backend{}
	for _, config := range set.Backends {
		b := old[config.Name]
		delete(old, config.Name)
		if b == nil {
			b = &backend{state: newHealth()}
		}
		check := b.stopCheck == nil || !sameCheck || b.Address != config.Address
		b.Backend = config
		if b.http == nil || !sameTLS {
			b.connect(p)
		}
		if check {
			p.startCheck(b, regex)
		}
		p.backends = append(p.backends, b)
	}
	for _, b := range old {
		b.stop()
	}
	return nil
}

// connect gives the backend clients, without connections.
func (b *backend) connect(p *pool) {
	if b.http != nil {
		b.http.CloseIdleConnections()
		b.http2.CloseIdleConnections()
	}
	address := b.Address
	newTransport := func() *http.Transport {
		return &http.Transport{
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return p.lb.dial(ctx, address) },
			TLSClientConfig:    p.tls.Clone(),
			Protocols:          new(http.Protocols),
			DisableCompression: true, IdleConnTimeout: keepAlive, TLSHandshakeTimeout: connectTimeout,
			MaxIdleConnsPerHost: 1000,
		}
	}
	b.http, b.http2, b.once = newTransport(), newTransport(), newTransport()
	b.http.Protocols.SetHTTP1(true)
	b.once.Protocols.SetHTTP1(true)
	b.once.DisableKeepAlives = true
	b.http2.Protocols.SetHTTP2(true)
	b.http2.Protocols.SetUnencryptedHTTP2(true)
}

// stop ends the backend's health checks and idle connections; others go on.
func (b *backend) stop() {
	b.stopCheck()
	b.http.CloseIdleConnections()
	b.http2.CloseIdleConnections()
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.backends {
		b.stop()
	}
	p.backends = nil
}

// acquire returns a backend for a new connection or request of a client, or nil if there is none that can serve and
// has not been tried. The caller releases it.
func (p *pool) acquire(client string, tried map[*backend]bool) *backend {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := choose(p.set.Policy, p.candidates(tried), client)
	if b != nil {
		b.active++
	}
	return b
}

// candidates returns the backends that may serve something new. Backups serve when no other can (API reference,
// Backend, "backup"). Load balancers do not fail open: without a healthy backend, clients get 502 (Oracle: "Common Load
// Balancer Errors", read 2026-11-28). Network load balancers do if they are told to (API reference, BackendSet,
// "isFailOpen").
func (p *pool) candidates(tried map[*backend]bool) []*backend {
	var primary, backup, unhealthy []*backend
	healthy := false
	for _, b := range p.backends {
		healthy = healthy || b.state.Healthy
		switch {
		case b.Drain || b.Offline || tried[b]:
		case !b.state.Healthy:
			unhealthy = append(unhealthy, b)
		case b.Backup:
			backup = append(backup, b)
		default:
			primary = append(primary, b)
		}
	}
	switch {
	case len(primary) > 0:
		return primary
	case p.set.FailOpen && !healthy:
		return unhealthy
	default:
		return backup
	}
}

func (p *pool) policy() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.set.Policy
}

// acquireSession returns the backend of a session. It may be one that drains.
func (p *pool) acquireSession(id string) *backend {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.backends {
		if sessionID(b) == id && b.state.Healthy && !b.Offline {
			b.active++
			return b
		}
	}
	return nil
}

func (p *pool) release(b *backend) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.active--
}

func (p *pool) session() *cloud.Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.set.Session
}

// secure reports whether connections to the backends have TLS.
func (p *pool) secure() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tls != nil
}

// target returns a backend's address, and the TLS configuration for it, or nil.
func (p *pool) target(b *backend) (netip.AddrPort, *tls.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return b.Address, p.tls
}

// transport returns the client for a request to a backend: gRPC wants HTTP/2, everything else gets HTTP/1.1 (Oracle:
// "Listeners for Load Balancers", read 2026-11-28). A request that must not be sent twice gets a new connection: on a
// kept one it is lost if the backend ends the connection at that moment, as a Pod does that is replaced.
func (p *pool) transport(b *backend, protocol string, r *http.Request) *http.Transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case protocol == "GRPC":
		return b.http2
	case r.Body != nil || !idempotent[r.Method]:
		return b.once
	default:
		return b.http
	}
}

var idempotent = map[string]bool{"GET": true, "HEAD": true, "OPTIONS": true, "TRACE": true}
