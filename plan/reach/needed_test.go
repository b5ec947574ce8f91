package reach

import (
	"fmt"
	"slices"
	"testing"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/rules"
)

// needed is a flow that must be possible, or is possible as a side effect. It is taken from Oracle's documentation
// and not from the rule tables under test.
type needed struct {
	from, to, service string
	source            string // where it is documented
	partly            bool   // only a part of the named end is let in
}

const (
	flannelPage = "Example Network Resource Configurations, example 1: flannel, security list rules"
	virtualPage = "Example Network Resource Configuration for Cluster with Virtual Nodes, security list rules"
	metricsPage = "Kubernetes Metrics Server, README: it collects from kubelets; its Pods have addresses of their own"
	nativePage  = "Example Network Resource Configurations, example 3: VCN-native, security list rules"
	settings    = "the stack's settings"

	operators = "203.0.113.0/24"  // on the internet, allowed by settings
	strangers = "198.51.100.0/24" // on the internet, allowed by no setting
	peer      = "172.16.0.0/16"   // behind the dynamic routing gateway
	neighbour = "10.0.20.0/24"    // in the VCN, outside the stack's subnets
)

// config is one case of the matrix.
type config struct {
	podNetwork          layout.PodNetwork
	endpoint, balancers layout.Visibility
	egress              layout.Egress
	everybody           bool // the whole internet may reach what is public
	bastion             bool
	virtual             bool // there are virtual nodes
	metrics             bool // there is a metrics server
}

func (c config) String() string {
	return fmt.Sprintf("%s/%s endpoint/%s balancers/egress %s/everybody %t/bastion %t/virtual nodes %t/metrics %t",
		c.podNetwork, c.endpoint, c.balancers, c.egress, c.everybody, c.bastion, c.virtual, c.metrics)
}

// configs returns every combination of the settings that decide the rules. A metrics server, whose rule depends on the
// Pods' network alone, is in those with both kinds of load balancers.
func configs() []config {
	var all []config
	for _, podNetwork := range []layout.PodNetwork{layout.Flannel, layout.VCNNative} {
		for _, endpoint := range []layout.Visibility{layout.Private, layout.Public} {
			for _, balancers := range []layout.Visibility{layout.Public, layout.Internal, layout.Both} {
				for _, egress := range []layout.Egress{layout.EgressNone, layout.EgressWorkers, layout.EgressWorkersAndPods} {
					for _, everybody := range []bool{true, false} {
						for _, bastion := range []bool{false, true} {
							if bastion && endpoint == layout.Public {
								continue
							}
							c := config{
								podNetwork, endpoint, balancers, egress, everybody, bastion, false, balancers == layout.Both,
							}
							all = append(all, c)
							if podNetwork == layout.VCNNative && egress == layout.EgressWorkersAndPods {
								c.virtual = true
								all = append(all, c)
							}
						}
					}
				}
			}
		}
	}
	return all
}

func (c config) spec() layout.Spec {
	s := layout.Spec{
		PodNetwork: c.podNetwork, APIEndpoint: c.endpoint, LoadBalancers: c.balancers,
		InternetEgress: c.egress, Bastion: c.bastion,
		DrgID: "ocid1.drg.oc1.iad.aaaa", PeerCIDRs: []string{peer},
		VirtualNodes:      c.virtual,
		Metrics:           c.metrics,
		LoadBalancerPorts: []layout.PortRange{{Min: 80, Max: 80}, {Min: 443, Max: 443}},
		APIAllowedCIDRs:   []string{peer},
	}
	if s.Has(layout.PublicLoadBalancers) {
		s.LoadBalancerAllowedCIDRs = []string{operators}
	}
	if s.Has(layout.InternalLoadBalancers) {
		s.InternalLoadBalancerAllowedCIDRs = []string{peer}
	}
	if c.endpoint == layout.Public {
		s.APIAllowedCIDRs = []string{operators}
	}
	if c.bastion {
		s.BastionAllowedCIDRs = []string{operators}
	}
	if c.everybody && s.Has(layout.PublicLoadBalancers) {
		s.LoadBalancerAllowedCIDRs = []string{layout.Anywhere}
	}
	if c.everybody && c.endpoint == layout.Public {
		s.APIAllowedCIDRs = []string{layout.Anywhere}
	}
	s.ApplyDefaults()
	return s
}

// flows returns what must be possible in this case.
func (c config) flows() []needed {
	all := []needed{
		{from: "workers", to: "api", service: "6443", source: flannelPage},
		{from: "workers", to: "api", service: "12250", source: flannelPage},
		{from: "workers", to: "api", service: "icmp/3/4", source: flannelPage},
		{from: "workers", to: "osn", service: "1-65535", source: flannelPage},
		{from: "workers", to: "osn", service: "icmp/3/4", source: flannelPage},
		{from: "workers", to: peer, service: "icmp/3/4", source: flannelPage + ": 0.0.0.0/0"},
		{from: "workers", to: neighbour, service: "icmp/3/4", source: flannelPage + ": 0.0.0.0/0"},
		{from: "api", to: "osn", service: "1-65535", source: flannelPage},
		{from: "api", to: "osn", service: "icmp/3/4", source: flannelPage},
		{from: "api", to: "workers", service: "icmp/3/4", source: flannelPage},
		{from: "osn", to: "workers", service: "icmp/3/4", source: flannelPage + ": 0.0.0.0/0"},
		{from: peer, to: "workers", service: "icmp/3/4", source: flannelPage + ": 0.0.0.0/0"},
		{from: neighbour, to: "workers", service: "icmp/3/4", source: flannelPage + ": 0.0.0.0/0"},
	}
	add := func(rows ...needed) { all = append(all, rows...) }
	add(c.podFlows()...)
	if c.virtual {
		add(needed{from: "pods", to: "api", service: "icmp/3/4", source: virtualPage})
		for _, far := range []string{Internet, operators, strangers, peer, neighbour, "workers"} {
			add(needed{from: "pods", to: far, service: "icmp/3/4", source: virtualPage + ": 0.0.0.0/0"})
		}
	}
	if c.metrics && c.podNetwork == layout.VCNNative {
		add(needed{from: "pods", to: "workers", service: "10250", source: metricsPage})
	}
	if c.egress != layout.EgressNone {
		for _, far := range []string{Internet, operators, strangers} {
			add(needed{from: far, to: "workers", service: "icmp/3/4", source: flannelPage + ": 0.0.0.0/0"},
				needed{from: "workers", to: far, service: "icmp/3/4", source: flannelPage + ": 0.0.0.0/0"})
		}
	}
	for _, role := range c.toInternet() {
		for _, far := range []string{Internet, operators, strangers} {
			add(needed{from: role, to: far, service: "443", source: "image pulls; Pods: " + nativePage})
		}
	}
	clients := []needed{{from: operators}, {from: Internet, partly: true}} // of what is public
	if c.everybody {
		clients = []needed{{from: operators}, {from: Internet}, {from: strangers}, {from: peer}, {from: neighbour}}
	}
	if c.endpoint == layout.Public {
		for _, client := range clients {
			add(needed{client.from, "api", "6443", settings, client.partly})
		}
	} else {
		add(needed{from: peer, to: "api", service: "6443", source: settings})
	}
	if c.bastion {
		add(needed{from: "bastion", to: "api", service: "6443", source: flannelPage})
	}
	if c.balancers != layout.Internal {
		c.balancer(add, "publicLoadBalancers")
		for _, client := range clients {
			add(needed{client.from, "publicLoadBalancers", "80", settings, client.partly},
				needed{client.from, "publicLoadBalancers", "443", settings, client.partly})
		}
	}
	if c.balancers != layout.Public {
		c.balancer(add, "internalLoadBalancers")
		add(needed{from: peer, to: "internalLoadBalancers", service: "80", source: settings},
			needed{from: peer, to: "internalLoadBalancers", service: "443", source: settings})
	}
	return all
}

// podFlows returns what the pod network needs.
func (c config) podFlows() []needed {
	if c.podNetwork == layout.Flannel {
		return []needed{
			{from: "workers", to: "workers", service: "all", source: flannelPage},
			{from: "api", to: "workers", service: "1-65535", source: flannelPage},
		}
	}
	return []needed{
		{from: "workers", to: "workers", service: "icmp/3/4", source: nativePage + ": 0.0.0.0/0"},
		{from: "api", to: "workers", service: "10250", source: nativePage},
		{from: "api", to: "pods", service: "all", source: nativePage},
		{from: "workers", to: "pods", service: "all", source: nativePage},
		{from: "pods", to: "pods", service: "all", source: nativePage},
		{from: "pods", to: "api", service: "6443", source: nativePage},
		{from: "pods", to: "api", service: "12250", source: nativePage},
		{from: "pods", to: "osn", service: "1-65535", source: nativePage},
		{from: "pods", to: "osn", service: "icmp/3/4", source: nativePage},
	}
}

// toInternet returns the roles that may open HTTPS connections to the internet.
func (c config) toInternet() (roles []string) {
	if c.egress != layout.EgressNone {
		roles = append(roles, "workers")
	}
	if c.egress == layout.EgressWorkersAndPods && c.podNetwork == layout.VCNNative {
		roles = append(roles, "pods")
	}
	return roles
}

// sideEffects returns what is possible although nothing needs it. A rule for the internet names 0.0.0.0/0, which
// includes the VCN and its peers, and no rule can exclude a part.
func (c config) sideEffects() (all []needed) {
	for _, role := range c.toInternet() {
		for _, far := range []string{peer, neighbour} {
			all = append(all, needed{from: role, to: far, service: "443", source: "side effect of 0.0.0.0/0"})
		}
		if c.everybody && c.balancers != layout.Internal {
			all = append(all, needed{
				from: role, to: "publicLoadBalancers", service: "443", source: "side effect of 0.0.0.0/0 at both ends",
			})
		}
	}
	return all
}

func (c config) balancer(add func(...needed), role string) {
	for _, service := range []string{"30000-32767", "30000-32767/udp", "10256", "10256/udp"} {
		add(needed{from: role, to: "workers", service: service, source: flannelPage})
		if c.virtual {
			add(needed{from: role, to: "pods", service: service, source: virtualPage})
		}
	}
}

// services parses a flow's service. "all" is every protocol.
func (f needed) services(t *testing.T) []Service {
	texts := []string{f.service}
	if f.service == "all" {
		texts = []string{"1-65535", "1-65535/udp", "icmp"}
	}
	var all []Service
	for _, text := range texts {
		service, err := ParseService(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, service)
	}
	return all
}

// holds reports whether the flow is possible, and the answer that contradicts it if not.
func (f needed) holds(t *testing.T, n Network) (bool, Answer) {
	from, to := mustParse(t, n, f.from), mustParse(t, n, f.to)
	want := Yes
	if f.partly {
		want = Partly
	}
	for _, service := range f.services(t) {
		if answer := n.Ask(from, to, service); answer.Verdict != want {
			return false, answer
		}
	}
	return true, Answer{}
}

func mustParse(t *testing.T, n Network, text string) End {
	t.Helper()
	end, err := n.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return end
}

func network(t *testing.T, s layout.Spec) Network {
	t.Helper()
	var p problem.List
	s.Validate(&p, layout.Capacity{})
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	n, err := Of(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// probes returns single services at and around every port that a rule names.
func probes(t *testing.T) []Service {
	var all []Service
	for _, port := range []int{
		1, 22, 23, 79, 80, 81, 111, 442, 443, 444, 2379, 3306, 6442, 6443, 6444, 8080, 10249, 10250, 10251, 10255, 10256,
		10257, 12249, 12250, 12251, 27017, 29999, 30000, 31000, 32767, 32768, 65535,
	} {
		for _, protocol := range []string{"tcp", "udp"} {
			service, err := ParseService(fmt.Sprintf("%d/%s", port, protocol))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, service)
		}
	}
	for _, kind := range []string{"icmp/3/4", "icmp/3/1", "icmp/8/0", "icmp/8/4", "icmp/11/0"} {
		service, err := ParseService(kind)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, service)
	}
	return all
}

// includes reports whether the flow's service includes the probe.
func (f needed) includes(t *testing.T, probe Service) bool {
	return slices.ContainsFunc(f.services(t), func(s Service) bool {
		if s.Protocol != probe.Protocol {
			return false
		}
		if s.ICMP != nil {
			return *s.ICMP == *probe.ICMP
		}
		return s.Protocol == "icmp" || s.Ports.Min <= probe.Ports.Min && probe.Ports.Max <= s.Ports.Max
	})
}

// Of all pairs of ends and probes, exactly those pass that are needed or a known side effect.
func TestNeededFlowsPassAndNothingElse(t *testing.T) {
	all := probes(t)
	for _, c := range configs() {
		t.Run(c.String(), func(t *testing.T) {
			n := network(t, c.spec())
			flows := append(c.flows(), c.sideEffects()...)
			for _, flow := range flows {
				if ok, answer := flow.holds(t, n); !ok {
					t.Errorf("%s to %s %s (%s): %s", flow.from, flow.to, flow.service, flow.source, answer.Explain())
				}
			}
			ends := append(n.Names(), operators, strangers, peer, neighbour)
			for _, from := range ends {
				for _, to := range ends {
					for _, probe := range all {
						isKnown := slices.ContainsFunc(flows, func(f needed) bool {
							return f.from == from && f.to == to && f.includes(t, probe)
						})
						answer := n.Ask(mustParse(t, n, from), mustParse(t, n, to), probe)
						if !isKnown && answer.Verdict != No {
							t.Errorf("%s to %s %s is open: %s", from, to, probe, answer.Explain())
						}
					}
				}
			}
		})
	}
}

// Without any one of the rules, a needed flow fails.
func TestNoRuleIsSuperfluous(t *testing.T) {
	for _, c := range configs() {
		t.Run(c.String(), func(t *testing.T) {
			n := network(t, c.spec())
			flows := c.flows()
			for role, all := range n.Rules {
				for i, rule := range all {
					without := n
					without.Rules = rules.Set{}
					for other, kept := range n.Rules {
						without.Rules[other] = kept
					}
					without.Rules[role] = slices.Delete(slices.Clone(all), i, i+1)
					if !breaks(t, without, flows) {
						t.Errorf("%s: nothing needs %q (%s)", role, rule.Key(), rule.Description)
					}
				}
			}
		})
	}
}

// Without any one of the routes, a needed flow fails.
func TestNoRouteIsSuperfluous(t *testing.T) {
	for _, c := range configs() {
		t.Run(c.String(), func(t *testing.T) {
			n := network(t, c.spec())
			flows := c.flows()
			for i, table := range n.Plan.RouteTables {
				for j, route := range table.Routes {
					if route.Gateway == layout.DRG {
						continue // settings ask for a route to peers from every subnet
					}
					besideNAT := len(table.Routes) > 1 && table.Routes[0].Gateway == layout.NATGateway
					if route.Gateway == layout.ServiceGateway && besideNAT {
						assertByServiceGateway(t, n)
						continue // NAT would work too: this route keeps the traffic off the internet
					}
					without := n
					without.Plan.RouteTables = slices.Clone(n.Plan.RouteTables)
					without.Plan.RouteTables[i].Routes = slices.Delete(slices.Clone(table.Routes), j, j+1)
					if !breaks(t, without, flows) {
						t.Errorf("table %s: nothing needs the route to %s", table.Name, route.Destination)
					}
				}
			}
		})
	}
}

func assertByServiceGateway(t *testing.T, n Network) {
	t.Helper()
	answer := mustAsk(t, n, "workers", "osn", "443")
	if answer.Verdict != Yes || answer.Openings[0].Via != layout.ServiceGateway {
		t.Errorf("workers to Oracle's services: %s", answer.Explain())
	}
}

func breaks(t *testing.T, n Network, flows []needed) bool {
	return slices.ContainsFunc(flows, func(f needed) bool {
		ok, _ := f.holds(t, n)
		return !ok
	})
}
