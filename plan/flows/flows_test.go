package flows_test

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/flows/flowstest"
)

var (
	full = flows.Options{
		FrontendPort: 8080, RedirectPort: 8081, TLSPort: 8443, Proxies: []string{"10.0.32.0/24", "10.0.64.0/20"},
		Replicas: 3, Backups: true, Measured: true,
		APIEndpoint: "10.0.0.0/29", Inside: []string{"10.0.0.0/16", "10.244.0.0/16", "10.96.0.0/16"},
	}
	endpoints = map[string]flowstest.Endpoint{
		flows.Frontend:   {Component: flows.Frontend, Address: netip.MustParseAddr("10.244.0.2")},
		flows.Backend:    {Component: flows.Backend, Address: netip.MustParseAddr("10.244.0.3")},
		flows.Setup:      {Component: flows.Setup, Address: netip.MustParseAddr("10.244.0.4")},
		flows.Backup:     {Component: flows.Backup, Address: netip.MustParseAddr("10.244.0.5")},
		flows.Measure:    {Component: flows.Measure, Address: netip.MustParseAddr("10.244.0.8")},
		"dns":            {DNS: true, Address: netip.MustParseAddr("10.244.0.6")},
		"other pod":      {Address: netip.MustParseAddr("10.244.0.7")},
		"load balancer":  {Address: netip.MustParseAddr("10.0.32.9")},
		"node":           {Address: netip.MustParseAddr("10.0.64.9")},
		"API endpoint":   {Address: netip.MustParseAddr("10.0.0.2")},
		"other VCN host": {Address: netip.MustParseAddr("10.0.200.1")},
		"internet":       {Address: netip.MustParseAddr("192.0.2.1")},
	}
	components = []string{flows.Frontend, flows.Backend, flows.Setup, flows.Backup, flows.Measure}
	ports      = []int{22, 53, 80, 443, 6443, 8080, 8081, 8443, 9090, 12250, 27017}
)

// TestMatrix compares every pair of endpoints, protocol and port with the list of what is needed.
func TestMatrix(t *testing.T) {
	needed := names()
	need := func(from, to, protocol string, port int) { needed[flowstest.Key(from, to, protocol, port)] = true }
	need("load balancer", flows.Frontend, "TCP", 8080)
	need("node", flows.Frontend, "TCP", 8080)
	need("load balancer", flows.Frontend, "TCP", 8081)
	need("node", flows.Frontend, "TCP", 8081)
	need("load balancer", flows.Frontend, "TCP", 8443)
	need("node", flows.Frontend, "TCP", 8443)
	need(flows.Frontend, "internet", "TCP", 443)
	for _, from := range components {
		need(from, flows.Backend, "TCP", 27017)
	}
	need(flows.Backup, "internet", "TCP", 443)
	need(flows.Backup, "API endpoint", "TCP", 12250)
	need(flows.Measure, flows.Frontend, "TCP", 8080)
	need(flows.Measure, "internet", "TCP", 443)
	need(flows.Measure, "API endpoint", "TCP", 12250)
	compare(t, allowed(flows.Table(full)), needed)
}

func TestMatrixOfExternalDatabase(t *testing.T) {
	o := full
	o.External = true
	needed := names()
	for _, from := range []string{"load balancer", "node"} {
		needed[flowstest.Key(from, flows.Frontend, "TCP", 8080)] = true
		needed[flowstest.Key(from, flows.Frontend, "TCP", 8081)] = true
		needed[flowstest.Key(from, flows.Frontend, "TCP", 8443)] = true
	}
	needed[flowstest.Key(flows.Frontend, "internet", "TCP", 443)] = true
	// The database may be anywhere, and its end decides too.
	for _, to := range []string{
		"dns", "other pod", "load balancer", "node", "API endpoint", "other VCN host", "internet",
	} {
		needed[flowstest.Key(flows.Frontend, to, "TCP", 27017)] = true
	}
	compare(t, allowed(flows.Table(o)), needed)
}

// TestNoFlowIsSuperfluous removes each flow and expects the matrix to lose something.
func TestNoFlowIsSuperfluous(t *testing.T) {
	table := flows.Table(full)
	want := allowed(table)
	for i, f := range table {
		if got := allowed(slices.Delete(slices.Clone(table), i, i+1)); len(got) >= len(want) {
			t.Errorf("without %q the matrix is the same", f.Why)
		}
	}
}

func TestFewestFlows(t *testing.T) {
	got := allowed(flows.Table(flows.Options{FrontendPort: 8080, Proxies: full.Proxies, Replicas: 1}))
	for _, from := range []string{flows.Backup, flows.Backend} {
		if got[flowstest.Key(from, flows.Backend, "TCP", 27017)] {
			t.Errorf("%s reaches the database without backups and replicas", from)
		}
	}
}

// names returns the connections to the cluster's DNS, which every Pod needs.
func names() map[string]bool {
	needed := map[string]bool{}
	for _, from := range components {
		needed[flowstest.Key(from, "dns", "UDP", 53)] = true
		needed[flowstest.Key(from, "dns", "TCP", 53)] = true
	}
	return needed
}

func allowed(table []flows.Flow) map[string]bool {
	return flowstest.Matrix(flows.Policies(table), endpoints, ports)
}

func compare(t *testing.T, got, want map[string]bool) {
	t.Helper()
	for _, connection := range slices.Sorted(maps.Keys(want)) {
		if !got[connection] {
			t.Errorf("%s is refused", connection)
		}
	}
	for _, connection := range slices.Sorted(maps.Keys(got)) {
		if !want[connection] {
			t.Errorf("%s is allowed", connection)
		}
	}
}
