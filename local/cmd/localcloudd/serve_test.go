package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/hostports"
	"oke-guestbook/local/dataplane/images"
	"oke-guestbook/local/dataplane/sandbox"
	"oke-guestbook/local/eventually"
	"oke-guestbook/local/flowlog"
	"oke-guestbook/local/kube"
	"oke-guestbook/local/oci/ocitest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func noDial(context.Context, string) (net.Conn, error) { return nil, net.ErrClosed }

// newPlane returns a data plane without its process, with the ports of load balancers from the first on.
func newPlane(t *testing.T, first int) *dataPlane {
	t.Helper()
	p := &dataPlane{log: slog.New(slog.DiscardHandler)}
	dir := t.TempDir()
	var err error
	p.hostPorts, err = hostports.New(filepath.Join(dir, "ports.json"), first, noDial)
	must(t, err)
	must(t, p.openFlows(dir))
	t.Cleanup(func() {
		must(t, p.hostPorts.Close())
		must(t, p.flows.Close())
	})
	return p
}

// balancer is a public load balancer with a listener at port 80 and two backends.
func balancer() cloud.LoadBalancer {
	backend := func(name string) cloud.Backend {
		return cloud.Backend{Name: name, Address: netip.MustParseAddrPort(name)}
	}
	return cloud.LoadBalancer{
		ID: "ocid1.loadbalancer...web", Name: "web", PublicIP: netip.MustParseAddr("192.0.2.7"),
		Addresses: []netip.Addr{netip.MustParseAddr("10.0.32.2")},
		Listeners: []cloud.Listener{{Name: "TCP-80", Port: 80, Protocol: "HTTP", BackendSet: "TCP-80"}},
		BackendSets: map[string]cloud.BackendSet{
			"TCP-80": {Backends: []cloud.Backend{backend("10.0.16.2:30080"), backend("10.0.16.3:30080")}},
		},
	}
}

func get(t *testing.T, h http.Handler, path string, out any) (status int, text string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if out != nil {
		must(t, json.Unmarshal(w.Body.Bytes(), out))
	}
	return w.Code, w.Body.String()
}

// TestOverview has an emulator with a network, and nodes that are simulated.
func TestOverview(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		c.Network()
		h := handler("/here/.local", c.Server, kube.New(kube.Config{Dir: t.TempDir()}), nil)
		var view overview
		get(t, h, "/admin/overview", &view)
		if !view.Simulated || len(view.Subnets) != 3 || view.Subnets[0].CIDR == "" || len(view.Problems) > 0 {
			t.Errorf("overview %+v", view)
		}
		if _, text := get(t, h, "/", nil); !strings.Contains(text, "<title>Local cloud</title>") {
			t.Errorf("the console is %q", text)
		}
		if _, text := get(t, h, "/healthz", nil); !strings.Contains(text, `"dir":"/here/.local"`) {
			t.Errorf("health %s", text)
		}
		for _, path := range []string{"/admin/dataplane", "/admin/flows"} {
			if status, text := get(t, h, path, nil); status != http.StatusNotFound || !strings.Contains(text, "NODES=real") {
				t.Errorf("%s: %d %s", path, status, text)
			}
		}
		if status, _ := get(t, h, "/admin/flows?minutes=none", nil); status != http.StatusBadRequest {
			t.Errorf("minutes that are none: %d", status)
		}
	})
}

func TestLoadBalancersOfTheOverview(t *testing.T) {
	p, lb := newPlane(t, 0), balancer()
	must(t, p.hostPorts.Apply([]cloud.LoadBalancer{lb}))
	health := sandbox.Health{lb.ID: {"TCP-80": {"10.0.16.3:30080": {Result: "TIMED_OUT", At: time.Now()}}}}
	p.health.Store(&health)
	all := describeBalancers([]cloud.LoadBalancer{lb}, p)
	if len(all) != 1 || len(all[0].Listeners) != 1 || len(all[0].Backends) != 2 {
		t.Fatalf("load balancers %+v", all)
	}
	if l := all[0].Listeners[0]; l.Local != p.ports()[0].Local || l.Local == "" {
		t.Errorf("listener %+v, ports %+v", l, p.ports())
	}
	if first, second := all[0].Backends[0], all[0].Backends[1]; first.Measured || !second.Measured || second.Healthy ||
		second.Result != "TIMED_OUT" {
		t.Errorf("backends %+v", all[0].Backends)
	}
	if none := describeBalancers([]cloud.LoadBalancer{lb}, nil); none[0].Listeners[0].Local != "" ||
		none[0].Backends[0].Measured {
		t.Errorf("simulated: %+v", none)
	}
}

// TestMembersWithoutData has a replica set, a database that has one member, and Pods that are no members.
func TestMembersWithoutData(t *testing.T) {
	workloads := []kube.Workload{{Nodes: []kube.WorkloadNode{
		{Pods: []kube.WorkloadPod{
			{Namespace: "seoul", StatefulSet: "mongo", Image: "docker.io/library/mongo:8.0.32"},
			{Namespace: "busan", StatefulSet: "mongo", Image: "docker.io/library/mongo:8.0.32"},
			{Namespace: "seoul", StatefulSet: "other", Image: "docker.io/library/mongodb:1"},
			{Namespace: "seoul", Image: "docker.io/library/mongo:8.0.32"},
		}},
		{Pods: []kube.WorkloadPod{
			{Namespace: "seoul", StatefulSet: "mongo", Image: "docker.io/library/mongo@sha256:0"},
			{Namespace: "seoul", StatefulSet: "other", Image: "docker.io/library/mongodb:1"},
		}},
	}}}
	for source, want := range map[images.Source]int{images.Auto: 1, images.Built: 1, images.Registry: 0} {
		p := &dataPlane{mirror: images.NewMirror(source, nil, nil)}
		said := p.replicaSets(workloads)
		if len(said) != want || want > 0 && !strings.HasPrefix(said[0], "seoul/mongo has 2 members") {
			t.Errorf("IMAGES=%s: %q", source, said)
		}
	}
	if said := (*dataPlane)(nil).replicaSets(workloads); said != nil {
		t.Errorf("simulated: %q", said)
	}
}

func TestHostsHaveNames(t *testing.T) {
	hosts, address := map[string]string{}, netip.MustParseAddr("10.0.32.2")
	public := map[netip.Addr]netip.Addr{address: netip.MustParseAddr("192.0.2.7")}
	nameHosts(hosts, cloud.Network{VNICs: []cloud.VNIC{
		{Host: "lb", Addresses: []netip.Addr{address}, PublicIPs: public},
		{Host: "instance", Addresses: []netip.Addr{netip.MustParseAddr("10.0.16.2")}},
	}}, map[string]string{"lb": "load balancer of web"})
	if len(hosts) != 2 || hosts["10.0.32.2"] != "load balancer of web" || hosts["192.0.2.7"] != "load balancer of web" {
		t.Errorf("%v", hosts)
	}
}

func TestFlowsOfTheLastMinutes(t *testing.T) {
	p := newPlane(t, 0)
	ask := func(path string) (flows []flowlog.Record) {
		get(t, http.HandlerFunc(p.serveFlows), path, &flows)
		return flows
	}
	if flows := ask("/"); flows == nil || len(flows) > 0 {
		t.Errorf("%v, want an empty list", flows)
	}
	now := time.Now()
	dropped := func(ago time.Duration) cloud.Flow {
		return cloud.Flow{
			Time: now.Add(-ago), VNICID: "v", Protocol: 6, Packets: 1, Bytes: 60, Missing: "an ingress rule",
			Source:      netip.MustParseAddrPort("10.0.32.2:40000"),
			Destination: netip.MustParseAddrPort("10.0.16.2:30080"),
		}
	}
	n := cloud.Network{Subnets: []cloud.Subnet{{ID: "s", Name: "workers"}}, VNICs: []cloud.VNIC{{ID: "v", SubnetID: "s"}}}
	must(t, p.flows.Add([]cloud.Flow{dropped(10 * time.Minute), dropped(0)}, n, now))
	if flows := ask("/?minutes=5"); len(flows) != 1 || flows[0].Subnet != "workers" || flows[0].Missing == "" {
		t.Errorf("%+v", flows)
	}
	if flows := ask("/"); len(flows) != 2 {
		t.Errorf("of an hour: %+v", flows)
	}
}

// TestPortsAreTriedAgain has a load balancer whose only possible port is another program's.
func TestPortsAreTriedAgain(t *testing.T) {
	const last = 1<<16 - 1
	other, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", last))
	must(t, err)
	defer other.Close()
	p := newPlane(t, last)
	if again := p.applyPorts([]cloud.LoadBalancer{balancer()}); again == nil || p.ports()[0].Problem == "" {
		t.Errorf("it is not tried again: %+v", p.ports())
	}
	must(t, other.Close())
	if again := p.applyPorts([]cloud.LoadBalancer{balancer()}); again != nil || p.ports()[0].Local == "" {
		t.Errorf("ports %+v, and it is tried again: %v", p.ports(), again != nil)
	}
}

func TestBadArguments(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)
	for want, args := range map[string][]string{
		"port " + port: {"--dir", t.TempDir(), "--port", port},
		"many":         {"--dir", t.TempDir(), "--limits", "many"},
		"speed":        {"--speed", "fast"},
	} {
		if err := serve(t.Context(), args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("serve %q: %v, want an error with %q", args, err, want)
		}
	}
	if status := run("juggler", nil); status != 1 {
		t.Errorf("an unknown part ends with %d", status)
	}
}

func TestPortsOfOtherLocalClouds(t *testing.T) {
	if usual := (options{port: defaultPort}).firstPagePort(); usual != 0 {
		t.Errorf("the first page is at %d, want the usual ports", usual)
	}
	if other := (options{port: 9000}).firstPagePort(); other != 9001 {
		t.Errorf("with LOCAL_PORT=9000 the first page is at %d", other)
	}
}

// TestServe starts a whole local cloud with simulated nodes, and ends it.
func TestServe(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := free.Addr().String()
	must(t, free.Close())
	_, port, _ := net.SplitHostPort(address)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, []string{"--dir", t.TempDir(), "--port", port}) }()
	eventually.Succeeds(t, time.Minute, "the local cloud answers", func(context.Context) error {
		select {
		case err := <-ended:
			t.Fatal("it has ended: ", err)
		default:
		}
		resp, err := http.Get("http://" + address + "/admin/status")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); !strings.Contains(string(text), `"clusters":[]`) {
			return fmt.Errorf("status %s, %w", text, err)
		}
		return nil
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
