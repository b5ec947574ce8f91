package flows

import (
	"fmt"
	"net/netip"
	"testing"
)

var (
	full = Options{
		FrontendPort: 8080, Balancers: []string{"10.0.32.0/24", "10.0.64.0/20"}, Replicas: 3, Backups: true,
		APIEndpoint: "10.0.0.0/29", Inside: []string{"10.0.0.0/16", "10.244.0.0/16", "10.96.0.0/16"},
	}
	ends = map[string]Endpoint{
		Frontend:         {Component: Frontend, Address: netip.MustParseAddr("10.244.0.2")},
		Backend:          {Component: Backend, Address: netip.MustParseAddr("10.244.0.3")},
		Setup:            {Component: Setup, Address: netip.MustParseAddr("10.244.0.4")},
		Backup:           {Component: Backup, Address: netip.MustParseAddr("10.244.0.5")},
		"dns":            {DNS: true, Address: netip.MustParseAddr("10.244.0.6")},
		"other pod":      {Address: netip.MustParseAddr("10.244.0.7")},
		"load balancer":  {Address: netip.MustParseAddr("10.0.32.9")},
		"node":           {Address: netip.MustParseAddr("10.0.64.9")},
		"API endpoint":   {Address: netip.MustParseAddr("10.0.0.2")},
		"other VCN host": {Address: netip.MustParseAddr("10.0.200.1")},
		"internet":       {Address: netip.MustParseAddr("192.0.2.1")},
	}
	ports = []int{22, 53, 80, 443, 6443, 8080, 9090, 12250, 27017}
)

// TestReachability holds every pair of ends, protocol and port against the list of what is needed.
func TestReachability(t *testing.T) {
	needed := map[string]bool{}
	need := func(from, to, protocol string, port int) { needed[key(from, to, protocol, port)] = true }
	for _, from := range []string{Frontend, Backend, Setup, Backup} {
		need(from, "dns", "UDP", 53)
		need(from, "dns", "TCP", 53)
	}
	need("load balancer", Frontend, "TCP", 8080)
	need("node", Frontend, "TCP", 8080)
	for _, from := range []string{Frontend, Setup, Backup, Backend} {
		need(from, Backend, "TCP", 27017)
	}
	need(Backup, "internet", "TCP", 443)
	need(Backup, "API endpoint", "TCP", 12250)
	checkMatrix(t, Policies(Table(full)), needed)
}

func TestReachabilityOfExternalDatabase(t *testing.T) {
	o := full
	o.External = true
	needed := map[string]bool{}
	for _, from := range []string{Frontend, Backend, Setup, Backup} {
		needed[key(from, "dns", "UDP", 53)] = true
		needed[key(from, "dns", "TCP", 53)] = true
	}
	needed[key("load balancer", Frontend, "TCP", 8080)] = true
	needed[key("node", Frontend, "TCP", 8080)] = true
	for _, to := range []string{"dns", "other pod", "load balancer", "node", "API endpoint", "other VCN host", "internet"} {
		needed[key(Frontend, to, "TCP", 27017)] = true // wherever the database may be; the other end decides too
	}
	checkMatrix(t, Policies(Table(o)), needed)
}

// TestNoFlowIsSuperfluous takes away one flow after the other and wants something to be missing each time.
func TestNoFlowIsSuperfluous(t *testing.T) {
	table := Table(full)
	want := reachable(Policies(table))
	for i := range table {
		less := append(append([]Flow{}, table[:i]...), table[i+1:]...)
		if got := reachable(Policies(less)); len(got) >= len(want) {
			t.Errorf("without %q everything is reached just the same", table[i].Why)
		}
	}
}

func TestFewestFlows(t *testing.T) {
	o := Options{FrontendPort: 8080, Balancers: full.Balancers, Replicas: 1}
	got := reachable(Policies(Table(o)))
	for _, from := range []string{Backup, Backend} {
		if got[key(from, Backend, "TCP", 27017)] {
			t.Errorf("%s reaches the database without backups and replicas", from)
		}
	}
}

func checkMatrix(t *testing.T, policies []Policy, needed map[string]bool) {
	t.Helper()
	got := reachable(policies)
	for k := range needed {
		if !got[k] {
			t.Errorf("%s is refused", k)
		}
	}
	for k := range got {
		if !needed[k] {
			t.Errorf("%s gets through", k)
		}
	}
}

// reachable returns what gets through, of the pairs with a Pod of the guestbook at one end.
func reachable(policies []Policy) map[string]bool {
	got := map[string]bool{}
	for fromName, from := range ends {
		for toName, to := range ends {
			if from.Component == "" && to.Component == "" {
				continue
			}
			for _, protocol := range []string{"TCP", "UDP"} {
				for _, port := range ports {
					if Reaches(policies, from, to, protocol, port) {
						got[key(fromName, toName, protocol, port)] = true
					}
				}
			}
		}
	}
	return got
}

func key(from, to, protocol string, port int) string {
	return fmt.Sprintf("%s to %s on %s %d", from, to, protocol, port)
}
