// Package hostports makes public load balancers reachable from this machine: each of their listeners has a port on
// loopback, whose connections enter the data plane as the internet's. Private load balancers have none.
package hostports

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/tunnel"
)

// Dial connects from the internet of the data plane.
type Dial func(ctx context.Context, address string) (net.Conn, error)

// Port is a port of this machine.
type Port struct {
	LoadBalancer string // name
	Listener     string // name
	Public       string // address and port of the load balancer: "203.0.113.7:80"
	Local        string // on this machine: "127.0.0.1:8080"; empty: it got no port
	// Moved says that another program has taken the port that it had before, or the usual one, and what to do; else it is
	// empty.
	Moved   string
	Problem string // why it got no port
}

// Ports holds the listeners. It is safe for concurrent use.
type Ports struct {
	file  string
	first int
	dial  Dial

	mu        sync.Mutex
	moved     map[string]string // by public address
	chosen    map[string]int    // local port by public address; kept in the file, so that a URL stays
	listeners map[string]net.Listener
	shown     []Port
}

// New returns ports that keep in the file which ones they are. They are those from the first on; if that is 0, those
// that are usual for their listeners: 8080 for 80. Local clouds that run at the same time have different first ones, so
// that none takes the port of another one that is just being restarted.
func New(file string, first int, dial Dial) (*Ports, error) {
	p := &Ports{
		file: file, first: first, dial: dial,
		moved: map[string]string{}, chosen: map[string]int{}, listeners: map[string]net.Listener{},
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &p.chosen)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// Apply listens for the public load balancers, and for no others. Open connections stay. Its error names the listeners
// that got no port: the next Apply tries again.
func (p *Ports) Apply(all []cloud.LoadBalancer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	wanted := map[string]bool{}
	p.shown = nil
	for _, lb := range all {
		if lb.Private || !lb.PublicIP.IsValid() {
			continue
		}
		for _, l := range lb.Listeners {
			public := netip.AddrPortFrom(lb.PublicIP, uint16(l.Port)).String()
			wanted[public] = true
			if err := p.listen(public, l.Port); err != nil {
				err = fmt.Errorf("load balancer %s, listener %s: %w", lb.Name, l.Name, err)
				errs = append(errs, err)
				p.shown = append(p.shown, Port{LoadBalancer: lb.Name, Listener: l.Name, Public: public, Problem: err.Error()})
				continue
			}
			local := p.listeners[public].Addr().String()
			p.shown = append(p.shown, Port{lb.Name, l.Name, public, local, p.moved[public], ""})
		}
	}
	slices.SortFunc(p.shown, func(a, b Port) int {
		return cmp.Or(strings.Compare(a.LoadBalancer, b.LoadBalancer), strings.Compare(a.Public, b.Public))
	})
	for public, listener := range p.listeners {
		if !wanted[public] {
			errs = append(errs, listener.Close())
			delete(p.listeners, public)
			delete(p.chosen, public)
			delete(p.moved, public)
		}
	}
	return errors.Join(append(errs, p.save())...)
}

// listen gives a public address a local port, the one that it has had before if it can.
func (p *Ports) listen(public string, port int) error {
	if p.listeners[public] != nil {
		return nil
	}
	wanted := cmp.Or(p.chosen[public], p.first, usual(port))
	own := p.has(wanted)
	listener, err := listenNear(wanted)
	if err != nil {
		return err
	}
	got := listener.Addr().(*net.TCPAddr).Port
	if got != wanted && !own {
		p.moved[public] = fmt.Sprintf("%s is at port %d of this machine, because another program has taken %d; whose it is "+
			"says: fuser -v %[3]d/tcp", public, got, wanted)
	}
	p.listeners[public], p.chosen[public] = listener, got
	go tunnel.Forward(listener, func(ctx context.Context) (net.Conn, error) { return p.dial(ctx, public) })
	return nil
}

// has reports whether another listener of these ports has the port.
func (p *Ports) has(port int) bool {
	for _, l := range p.listeners {
		if l.Addr().(*net.TCPAddr).Port == port {
			return true
		}
	}
	return false
}

// usual is the local port of a listener's port: 8080 for 80, 8443 for 443. Ports below 1024 need root.
func usual(port int) int {
	switch {
	case port == 80:
		return 8080
	case port < 1024:
		return 8000 + port
	}
	return port
}

// listenNear listens at a port of loopback, or at one of the next if another program has it.
func listenNear(port int) (net.Listener, error) {
	const tries = 100
	var err error
	for n := port; n < port+tries && n < 1<<16; n++ {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(n))); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("the ports of this machine from %d on are taken by other programs: end one (fuser -v "+
		"%[1]d/tcp says which), and it is tried again: %w", port, err)
}

func (p *Ports) save() error {
	data, err := json.MarshalIndent(p.chosen, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.file+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(p.file+".new", p.file)
}

// List returns the ports, by load balancer.
func (p *Ports) List() []Port {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.shown)
}

// Close ends the listeners and keeps the choice of ports.
func (p *Ports) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, l := range p.listeners {
		errs = append(errs, l.Close())
	}
	p.listeners, p.shown = map[string]net.Listener{}, nil
	return errors.Join(errs...)
}
