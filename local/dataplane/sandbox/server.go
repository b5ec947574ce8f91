package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/balancer"
	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/router"
	"oke-guestbook/local/dataplane/tunnel"
	"oke-guestbook/local/dataplane/worker"
)

// server carries out the wanted state, and serves the control socket.
type server struct {
	http.Handler
	dir      string
	agents   string // executable of the nodes' kubelets and proxies: this one
	init     string // executable of the nodes' other processes
	log      *slog.Logger
	router   *router.Router
	balancer *balancer.Balancer

	mu       sync.Mutex
	want     dataplane.State
	places   []net.Listener      // of Oracle's services and the internet; none until the state names their sockets
	clusters map[string]*cluster // by OCID
}

func newServer(dir, init string, log *slog.Logger) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r, err := router.New(nil)
	if err != nil {
		return nil, err
	}
	s := &server{
		dir: dir, agents: self, init: init, log: log, router: r,
		clusters: map[string]*cluster{},
	}
	s.balancer = balancer.New(balancer.Options{Listen: s.listen, Dial: s.dial, Log: log})
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /state", s.putState)
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, s.status(r.Context()))
	})
	mux.HandleFunc("GET /flows", func(w http.ResponseWriter, r *http.Request) {
		var told Flows
		seen, _ := strconv.Atoi(r.URL.Query().Get("after")) // 0 without it
		var err error
		if told.Flows, told.Total, err = s.router.FlowsAfter(seen); err != nil {
			s.log.Warn("packets of flows are not counted", "error", err)
		}
		writeJSON(w, told)
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.health()) })
	connect := tunnel.Handler(s.router.Internet().Dial)
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			connect.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
	return s, nil
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // an error means that the client is gone
}

func (s *server) putState(w http.ResponseWriter, r *http.Request) {
	var want dataplane.State
	if err := json.NewDecoder(r.Body).Decode(&want); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.apply(r.Context(), want); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// apply makes everything be as wanted, as far as it can, and returns what it cannot. Nodes and load balancers that are
// not wanted end before their network interfaces do.
func (s *server) apply(ctx context.Context, want dataplane.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.want = want
	var errs []error
	for id, c := range s.clusters {
		if w, ok := want.Clusters[id]; ok {
			errs = append(errs, c.removeNodes(w.Nodes))
			continue
		}
		errs = append(errs, c.close())
		delete(s.clusters, id)
	}
	if err := s.router.Apply(ctx, want.Network); err != nil {
		errs = append(errs, fmt.Errorf("network: %w", err))
	}
	if err := s.servePlaces(ctx, want); err != nil {
		errs = append(errs, fmt.Errorf("outside of the VCNs: %w", err))
	}
	if err := s.balancer.Apply(want.LoadBalancers); err != nil {
		errs = append(errs, err)
	}
	for id, w := range want.Clusters {
		c := s.clusters[id]
		if c == nil {
			c = newCluster(s, id)
			s.clusters[id] = c
		}
		if err := c.apply(ctx, w, want.Network); err != nil {
			errs = append(errs, fmt.Errorf("cluster %s: %w", w.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (s *server) health() Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := Health{}
	for _, lb := range s.want.LoadBalancers {
		all[lb.ID] = s.balancer.Health(lb.ID)
	}
	return all
}

// restartEnded carries out the wanted state again when a node has ended by itself.
func (s *server) restartEnded(n *runningNode) {
	<-n.worker.Done()
	if err := n.dns.close(); err != nil {
		s.log.Warn("VCN resolver", "node", n.name, "error", err)
	}
	s.mu.Lock()
	stopped, want := n.stopped, s.want
	s.mu.Unlock()
	if stopped {
		return
	}
	s.log.Warn("a node ended and will be restarted", "node", n.name, "error", n.worker.Err())
	if err := s.apply(context.Background(), want); err != nil {
		s.log.Error("restart of a node", "node", n.name, "error", err)
	}
}

// servePlaces listens for connections to what is outside of the VCNs, and carries them to the daemon.
func (s *server) servePlaces(ctx context.Context, want dataplane.State) error {
	if len(s.places) > 0 || want.Services.Socket == "" || want.Internet.Socket == "" {
		return nil
	}
	services, err := s.router.Services().Listen(ctx, "tcp4", "0.0.0.0:443")
	if err != nil {
		return err
	}
	// Nothing but the registries answers in the internet.
	internet, err := s.router.Internet().Listen(ctx, "tcp4", registry(want.Internet))
	if err != nil {
		return errors.Join(err, services.Close())
	}
	s.places = []net.Listener{services, internet}
	forward := func(from net.Listener, socket string) {
		tunnel.Forward(from, func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		})
	}
	go forward(services, want.Services.Socket)
	go forward(internet, want.Internet.Socket)
	return nil
}

// registry returns the address of a place's registries with their port.
func registry(p dataplane.Place) string { return netip.AddrPortFrom(p.Registry, 443).String() }

// mirrors returns the URLs at which a node reaches registries, by their names.
func mirrors(s dataplane.State) map[string]string {
	urls := map[string]string{worker.AnyRegistry: "https://" + registry(s.Internet)}
	for _, name := range s.Services.Registries {
		urls[name] = "https://" + registry(s.Services)
	}
	return urls
}

func (s *server) status(ctx context.Context) dataplane.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var status dataplane.Status
	for _, c := range s.clusters {
		status.Nodes = append(status.Nodes, c.status(ctx)...)
	}
	measure(&status)
	return status
}

// host returns the network namespace of an instance, load balancer or cluster.
func (s *server) host(id string) (*netns.Namespace, error) {
	if n := s.router.Host(id); n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("%s has no network interface yet", id)
}

// listen returns the listener of a load balancer's port on its active address.
func (s *server) listen(ctx context.Context, lb cloud.LoadBalancer, port int) ([]net.Listener, error) {
	host, err := s.host(lb.ID)
	if err != nil {
		return nil, err
	}
	if len(lb.Addresses) == 0 {
		return nil, errors.New("it has no address")
	}
	l, err := host.Listen(ctx, "tcp", net.JoinHostPort(lb.Addresses[0].String(), strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return []net.Listener{l}, nil
}

// dial connects from a load balancer to a backend.
func (s *server) dial(ctx context.Context, id string, to netip.AddrPort) (net.Conn, error) {
	host, err := s.host(id)
	if err != nil {
		return nil, err
	}
	return host.Dial(ctx, "tcp", to.String())
}

func (s *server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := []error{s.balancer.Close()}
	for _, c := range s.clusters {
		errs = append(errs, c.close())
	}
	if err := errors.Join(append(errs, s.router.Close())...); err != nil {
		s.log.Warn("end of the data plane", "error", err)
	}
}
