package balancer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/balancer"
	"oke-guestbook/local/eventually"
)

const (
	lbID  = "ocid1.loadbalancer.test"
	limit = 20 * time.Second
)

// fixture is a balancer with one load balancer, whose ports are free ports of this machine's loopback.
type fixture struct {
	testing.TB
	*balancer.Balancer
	lb cloud.LoadBalancer

	mu        sync.Mutex
	addresses map[int]string // by port
}

// start starts a load balancer with a backend set "set" of HTTP servers, and waits until they are healthy.
func start(t testing.TB, listener cloud.Listener, set cloud.BackendSet) *fixture {
	t.Helper()
	f := &fixture{TB: t, addresses: map[int]string{}}
	f.Balancer = balancer.New(balancer.Options{
		Listen: f.listen,
		Dial: func(ctx context.Context, id string, to netip.AddrPort) (net.Conn, error) {
			if id != lbID {
				t.Errorf("connection of load balancer %q", id)
			}
			return new(net.Dialer).DialContext(ctx, "tcp", to.String())
		},
	})
	t.Cleanup(func() { f.Close() })
	listener.Name, listener.Port, listener.BackendSet = "web", 80, "set"
	f.lb = cloud.LoadBalancer{
		ID: lbID, Name: "test", Listeners: []cloud.Listener{listener},
		BackendSets: map[string]cloud.BackendSet{"set": set},
	}
	f.apply()
	f.waitHealthy()
	return f
}

func (f *fixture) listen(ctx context.Context, _ cloud.LoadBalancer, port int) ([]net.Listener, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if port == 1 {
		return nil, errors.New("port 1 is in use")
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f.addresses[port] = listener.Addr().String()
	return []net.Listener{listener}, nil
}

func (f *fixture) address() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addresses[80]
}

func (f *fixture) apply() {
	f.Helper()
	if err := f.Apply([]cloud.LoadBalancer{f.lb}); err != nil {
		f.Fatal(err)
	}
}

// setBackends replaces the backends, without waiting for their health.
func (f *fixture) setBackends(backends ...cloud.Backend) {
	f.Helper()
	set := f.lb.BackendSets["set"]
	set.Backends = backends
	f.lb.BackendSets = map[string]cloud.BackendSet{"set": set}
	f.apply()
}

func (f *fixture) waitHealthy() {
	f.Helper()
	f.waitHealth(func(h cloud.BackendHealth) bool { return h.Healthy })
}

func (f *fixture) waitHealth(ok func(cloud.BackendHealth) bool) {
	f.Helper()
	eventually.Succeeds(f, limit, "health of the backends", func(context.Context) error {
		for name, health := range f.Health(lbID)["set"] {
			if !ok(health) {
				return fmt.Errorf("%s: %+v", name, health)
			}
		}
		return nil
	})
}

// get returns the body of an answer, without keeping the connection.
func (f *fixture) get(path string) (int, string) {
	f.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: limit}
	return fetch(f, client, "http://"+f.address()+path)
}

func fetch(t testing.TB, client *http.Client, url string) (int, string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// backendOf returns a backend for a server.
func backendOf(t testing.TB, address string) cloud.Backend {
	t.Helper()
	to, err := netip.ParseAddrPort(strings.TrimPrefix(strings.TrimPrefix(address, "http://"), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	return cloud.Backend{Name: to.String(), Address: to, Weight: 1}
}

// serve starts a backend with a handler.
func serve(t testing.TB, handler http.HandlerFunc) cloud.Backend {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return backendOf(t, server.URL)
}

// named starts backends that answer with their names.
func named(t testing.TB, names ...string) []cloud.Backend {
	t.Helper()
	var out []cloud.Backend
	for _, name := range names {
		out = append(out, serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
	}
	return out
}

var (
	fastTCP  = cloud.HealthCheck{Protocol: "TCP", IntervalMillis: 20, TimeoutMillis: 2000, Retries: 1}
	fastHTTP = cloud.HealthCheck{Protocol: "HTTP", Path: "/", IntervalMillis: 20, TimeoutMillis: 2000, Retries: 1}
)

func webSet(backends ...cloud.Backend) cloud.BackendSet {
	return cloud.BackendSet{Policy: "ROUND_ROBIN", Backends: backends, Health: fastHTTP}
}

func TestUnchangedListenerKeepsConnections(t *testing.T) {
	f := start(t, cloud.Listener{Protocol: "HTTP"}, webSet(named(t, "a")...))
	client := &http.Client{Transport: new(http.Transport)}
	defer client.CloseIdleConnections()
	var locals []string
	for _, change := range []func(){
		func() {}, f.apply, func() { f.setBackends(named(t, "b")...) },
		func() {
			f.lb.Listeners = append(f.lb.Listeners, cloud.Listener{Name: "other", Port: 81, BackendSet: "set"})
		},
	} {
		change()
		f.apply()
		f.waitHealthy()
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+f.address(), nil)
		req = req.WithContext(traceLocal(req.Context(), &locals))
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, local := range locals {
		if local != locals[0] {
			t.Errorf("connections from %v, want one", locals)
		}
	}
	if _, body := f.get("/"); body != "b" {
		t.Errorf("answer of %q after the backend was replaced by b", body)
	}
}

func TestApplyNamesWhatCannotBeServed(t *testing.T) {
	f := start(t, cloud.Listener{Protocol: "HTTP"}, webSet(named(t, "a")...))
	for _, test := range []struct {
		name   string
		change func(lb *cloud.LoadBalancer)
		want   string
	}{
		{"port", func(lb *cloud.LoadBalancer) {
			lb.Listeners = append(lb.Listeners, cloud.Listener{Name: "x", Port: 1, BackendSet: "set"})
		}, "load balancer test: listener x: listen on port 1: port 1 is in use"},
		{"backend set", func(lb *cloud.LoadBalancer) {
			lb.Listeners = append(lb.Listeners, cloud.Listener{Name: "x", Port: 2, BackendSet: "none"})
		}, `listener x: there is no backend set "none"`},
		{"certificate", func(lb *cloud.LoadBalancer) {
			lb.Listeners = append(lb.Listeners, cloud.Listener{Name: "x", Port: 2, BackendSet: "set", TLS: &cloud.TLS{}})
		}, "listener x: TLS: the certificate or its private key is missing"},
		{"regular expression", func(lb *cloud.LoadBalancer) {
			set := lb.BackendSets["set"]
			set.Health.BodyRegex = "("
			lb.BackendSets = map[string]cloud.BackendSet{"set": set}
		}, "backend set set: regular expression of the health check"},
	} {
		t.Run(test.name, func(t *testing.T) {
			lb := f.lb
			test.change(&lb)
			if err := f.Apply([]cloud.LoadBalancer{lb}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if status, _ := f.get("/"); status != http.StatusOK {
				t.Errorf("the old configuration answers %d", status)
			}
		})
	}
}

func TestRemovedLoadBalancerEndsEverything(t *testing.T) {
	f := start(t, cloud.Listener{Protocol: "TCP"}, cloud.BackendSet{Backends: []cloud.Backend{echo(t)}, Health: fastTCP})
	conn := dial(t, f.address())
	say(t, conn, "hello")
	if err := f.Apply(nil); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes after the load balancer was removed", n)
	}
	if _, err := net.Dial("tcp", f.address()); err == nil {
		t.Error("the port is still open")
	}
	if f.Health(lbID) != nil {
		t.Error("a removed load balancer has health")
	}
}
