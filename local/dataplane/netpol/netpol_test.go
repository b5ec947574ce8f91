package netpol_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/eventually"
	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/flows/flowstest"
)

func TestMain(m *testing.M) {
	if os.Getenv(enforces) != "" {
		if err := enforce(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// patience is how long a connection may take. A first packet that is lost is sent again after a second.
const patience = 2500 * time.Millisecond

// world is a node with Pods of a guestbook and of others, and a host outside.
type world struct {
	node      *netns.Namespace
	hosts     map[string]*netns.Namespace // by endpoint
	endpoints map[string]flowstest.Endpoint
}

// ports are those that every host listens on.
var ports = []int{443, 8080, 9090, 12250, 27017}

// table is a guestbook's with backups.
var table = flows.Table(flows.Options{
	FrontendPort: 8080, Proxies: []string{"10.0.32.0/24"}, Replicas: 1, Backups: true, APIEndpoint: "10.0.0.0/29",
	Inside: []string{"10.0.0.0/16", "10.244.0.0/16"},
})

// TestPoliciesHold compares every connection between Pods and hosts, tried with packets, with those that a guestbook's
// policies are meant to allow; and expects all connections when nothing enforces them.
func TestPoliciesHold(t *testing.T) {
	w := newWorld(t)
	everything := w.reached(t)
	if want := len(w.hosts) * (len(w.hosts) - 1) * len(ports); len(everything) != want {
		t.Fatalf("%d of %d connections without policies", len(everything), want)
	}
	policies := flows.Policies(table)
	end := w.enforce(t, policies)
	foreign := flowstest.Key("foreign", flows.Backend, "TCP", flows.MongoPort)
	eventually.Succeeds(t, 30*time.Second, "the policies hold", func(ctx context.Context) error {
		if w.reaches(ctx, "foreign", flows.Backend, flows.MongoPort) {
			return errors.New("a Pod of another namespace reaches the database")
		}
		return nil
	})
	want := flowstest.Matrix(policies, w.endpoints, ports)
	for key := range everything { // between others than the guestbook's Pods, which have no policy
		from, rest, _ := strings.Cut(key, " to ")
		to, _, _ := strings.Cut(rest, " on ")
		if w.endpoints[from].Component == "" && w.endpoints[to].Component == "" {
			want[key] = true
		}
	}
	maps.DeleteFunc(want, func(key string, _ bool) bool { return !everything[key] }) // UDP, and to itself
	got := w.reached(t)
	compare(t, got, want)
	for _, component := range []string{flows.Frontend, flows.Backend} { // the kubelet's probes
		if !w.reaches(t.Context(), "", component, 8080) {
			t.Errorf("the node does not reach %s", component)
		}
	}
	end()
	eventually.Succeeds(t, 30*time.Second, "nothing is refused without an enforcer", func(context.Context) error {
		if now := w.reached(t); !now[foreign] || len(now) != len(everything) {
			return fmt.Errorf("%d of %d connections", len(now), len(everything))
		}
		return nil
	})
}

func compare(t *testing.T, got, want map[string]bool) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if !got[key] {
			t.Errorf("%s is refused", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if !want[key] {
			t.Errorf("%s is allowed", key)
		}
	}
}

// newWorld makes the hosts, each listening on all ports. It skips the test where none can be made; in CI it must be.
func newWorld(t testing.TB) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("CI must carry packets, as root")
		}
		t.Skip("carries packets, which needs root")
	}
	w := &world{hosts: map[string]*netns.Namespace{}, endpoints: map[string]flowstest.Endpoint{
		flows.Frontend: {Component: flows.Frontend, Address: netip.MustParseAddr("10.244.0.2")},
		flows.Backend:  {Component: flows.Backend, Address: netip.MustParseAddr("10.244.0.6")},
		flows.Setup:    {Component: flows.Setup, Address: netip.MustParseAddr("10.244.0.10")},
		flows.Backup:   {Component: flows.Backup, Address: netip.MustParseAddr("10.244.0.14")},
		"foreign":      {Address: netip.MustParseAddr("10.244.0.18")},
		"dns":          {DNS: true, Address: netip.MustParseAddr("10.244.0.22")},
		"balancer":     {Address: netip.MustParseAddr("10.0.32.2")},
		"API endpoint": {Address: netip.MustParseAddr("10.0.0.2")},
		"internet":     {Address: netip.MustParseAddr("192.0.2.2")},
	}}
	w.node = newNamespace(t)
	w.hosts[""] = w.node
	must(t, w.node.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644) }))
	for name, endpoint := range w.endpoints {
		w.hosts[name] = newHost(t, w.node, endpoint.Address)
	}
	delete(w.hosts, "")
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newNamespace(t testing.TB) *netns.Namespace {
	t.Helper()
	n, err := netns.New()
	must(t, err)
	t.Cleanup(func() { must(t, n.Close()) })
	return n
}

// reaches reports whether one host can connect to a port of another; the first is the node if it has no name.
func (w *world) reaches(ctx context.Context, from, to string, port int) bool {
	host := w.node
	if from != "" {
		host = w.hosts[from]
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	address := net.JoinHostPort(w.endpoints[to].Address.String(), strconv.Itoa(port))
	conn, err := host.Dial(ctx, "tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// reached tries all connections between hosts, and returns those that come about.
func (w *world) reached(t testing.TB) map[string]bool {
	t.Helper()
	reached := map[string]bool{}
	var mu sync.Mutex
	var tries sync.WaitGroup
	for from := range w.hosts {
		for to := range w.hosts {
			if from == to {
				continue
			}
			for _, port := range ports {
				tries.Go(func() {
					if w.reaches(t.Context(), from, to, port) {
						mu.Lock()
						reached[flowstest.Key(from, to, "TCP", port)] = true
						mu.Unlock()
					}
				})
			}
		}
	}
	tries.Wait()
	return reached
}

// enforce runs the enforcer on the node. The returned function ends it.
func (w *world) enforce(t testing.TB, policies []flows.Policy) (end func()) {
	t.Helper()
	text, err := json.Marshal(w.objects(policies))
	must(t, err)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), enforces+"=1")
	child.Stdin, child.Stderr = strings.NewReader(string(text)), os.Stderr
	must(t, w.node.Do(child.Start)) // the process is in the namespace of the thread that starts it
	end = sync.OnceFunc(func() {
		_ = child.Process.Kill()
		_ = child.Wait() // it was killed
	})
	t.Cleanup(end)
	return end
}

// BenchmarkConnection measures what the enforcer costs a connection from the frontend to the database.
func BenchmarkConnection(b *testing.B) {
	w := newWorld(b)
	connect := func(b *testing.B) {
		for b.Loop() {
			if !w.reaches(b.Context(), flows.Frontend, flows.Backend, flows.MongoPort) {
				b.Fatal("no connection")
			}
		}
	}
	b.Run("not judged", connect)
	w.enforce(b, flows.Policies(table))
	eventually.Succeeds(b, 30*time.Second, "the policies hold", func(ctx context.Context) error {
		if w.reaches(ctx, "foreign", flows.Backend, flows.MongoPort) {
			return errors.New("a Pod of another namespace reaches the database")
		}
		return nil
	})
	b.Run("judged", connect)
}
