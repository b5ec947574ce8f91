package reach

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/rules"
)

func standard(t *testing.T, changes ...func(*layout.Spec)) Network {
	spec := config{layout.Flannel, layout.Private, layout.Both, layout.EgressWorkers, true, true, false, false}.spec()
	for _, change := range changes {
		change(&spec)
	}
	return network(t, spec)
}

// existing uses an existing VCN, which may have more CIDRs than the settings name.
func existing(s *layout.Spec) {
	s.VcnID = "ocid1.vcn.oc1.iad.aaaa"
	s.ExtraRules = []layout.ExtraRule{{From: "api", To: "10.30.0.0/16", Protocol: "tcp", Ports: "9443"}}
}

// allow adds an extra rule from anywhere to workers.
func allow(protocol, kind string) func(*layout.Spec) {
	return func(s *layout.Spec) {
		rule := layout.ExtraRule{From: layout.Anywhere, To: "workers", Protocol: protocol, Ports: layout.Ports(kind)}
		s.ExtraRules = []layout.ExtraRule{rule}
	}
}

// opened is an Opening in short: its rules by their keys.
type opened struct {
	via             layout.Gateway
	reply           bool
	egress, ingress string
}

func shorten(o Opening) opened {
	short := opened{via: o.Via, reply: o.Reply}
	if o.Egress != nil {
		short.egress = o.Egress.Key()
	}
	if o.Ingress != nil {
		short.ingress = o.Ingress.Key()
	}
	return short
}

func mustAsk(t *testing.T, n Network, from, to, service string) Answer {
	t.Helper()
	parsed, err := ParseService(service)
	if err != nil {
		t.Fatal(err)
	}
	return n.Ask(mustParse(t, n, from), mustParse(t, n, to), parsed)
}

func TestOpenings(t *testing.T) {
	nothing := func(*layout.Spec) {}
	for _, test := range []struct {
		change            func(*layout.Spec)
		from, to, service string
		verdict           Verdict
		want              []opened
	}{
		{nothing, "workers", "api", "6443", Yes, []opened{
			{"", false, "egress tcp 6443 10.0.0.0/29", "ingress tcp 6443 10.0.64.0/20"},
		}},
		{nothing, "workers", "osn", "443", Yes, []opened{
			{layout.ServiceGateway, false, "egress tcp osn", ""},
			{layout.ServiceGateway, false, "egress tcp 443 0.0.0.0/0", ""},
		}},
		{nothing, "internet", "publicLoadBalancers", "80", Yes, []opened{
			{layout.InternetGateway, false, "", "ingress tcp 80 0.0.0.0/0"},
		}},
		{nothing, "172.16.9.9", "internalLoadBalancers", "80", Yes, []opened{
			{layout.DRG, false, "", "ingress tcp 80 172.16.0.0/16"},
		}},
		{allow("icmp", ""), "internet", "workers", "icmp/3/4", Yes, []opened{
			{layout.NATGateway, true, "", "ingress icmp 0.0.0.0/0"},
		}},
		{allow("all", ""), "internet", "workers", "icmp/3/4", Yes, []opened{
			{layout.NATGateway, true, "", "ingress all 0.0.0.0/0"},
		}},
		{existing, "api", "10.30.0.1", "9443", Unknown, []opened{{"", false, "egress tcp 9443 10.30.0.0/16", ""}}},
		{existing, "10.30.0.1", "publicLoadBalancers", "80", Unknown, []opened{{"", false, "", "ingress tcp 80 0.0.0.0/0"}}},
	} {
		answer := mustAsk(t, standard(t, test.change), test.from, test.to, test.service)
		var got []opened
		for _, o := range answer.Openings {
			got = append(got, shorten(o))
		}
		if answer.Verdict != test.verdict || !slices.Equal(got, test.want) {
			t.Errorf("%s to %s %s: %s %+v, want %s %+v",
				test.from, test.to, test.service, answer.Verdict, got, test.verdict, test.want)
		}
	}
	replies := mustAsk(t, standard(t, allow("all", "")), "internet", "workers", "icmp/3/4").Openings
	if replies[0].Protocol != rules.ICMP || *replies[0].ICMP != (rules.ICMPKind{Type: 3, Code: -1}) {
		t.Errorf("the replies are not limited to messages about undelivered packets: %s", replies[0].Service)
	}
}

func TestRefusals(t *testing.T) {
	nothing := func(*layout.Spec) {}
	both := []rules.Direction{rules.Egress, rules.Ingress}
	for _, test := range []struct {
		change            func(*layout.Spec)
		from, to, service string
		noRoute           RouteReason
		table             string // whose routes decide
		noRule            []rules.Direction
	}{
		{nothing, "internet", "workers", "22", NATGatewayOneWay, layout.PrivateRoutes, nil},
		{nothing, "internet", "api", "6443", NoRouteBack, layout.ServicesRoutes, nil},
		{nothing, "internet", "internalLoadBalancers", "80", NoRouteBack, layout.LocalRoutes, nil},
		{nothing, "workers", "192.168.3.4", "443", PrivateNetwork, layout.PrivateRoutes, nil},
		{nothing, "osn", "workers", "443", OracleOpensNone, layout.PrivateRoutes, nil},
		{allow("icmp", "8"), "internet", "workers", "icmp/8", NATGatewayOneWay, layout.PrivateRoutes, nil},
		{nothing, "publicLoadBalancers", "api", "6443", "", "", both},
		{nothing, "workers", "api", "icmp/8/4", "", "", both},
		{existing, "10.30.0.1", "api", "6443", "", "", []rules.Direction{rules.Ingress}},
	} {
		answer := mustAsk(t, standard(t, test.change), test.from, test.to, test.service)
		var got NoRoute
		if answer.NoRoute != nil {
			got = *answer.NoRoute
		}
		if answer.Verdict != No || got.Reason != test.noRoute || got.Subnet.RouteTable != test.table ||
			!slices.Equal(answer.NoRule, test.noRule) {
			t.Errorf("%s to %s %s: %s, route %q by table %q, no rule for %v", test.from, test.to, test.service,
				answer.Verdict, got.Reason, got.Subnet.RouteTable, answer.NoRule)
		}
	}
}

// One answer of each form. Apart from an example in the test of the command, nothing else depends on the wording.
func TestExplain(t *testing.T) {
	nothing := func(*layout.Spec) {}
	for _, test := range []struct {
		change                  func(*layout.Spec)
		from, to, service, want string
	}{
		{nothing, "workers", "api", "6443", `yes
  tcp 6443 by the VCN's own routing
    out egress tcp 6443 10.0.0.0/29: Workers to the Kubernetes API
    in  ingress tcp 6443 10.0.64.0/20: Workers to the Kubernetes API
`},
		{nothing, "api", "api", "6443", `no
  no rule: subnet api lets no tcp 6443 out to api; subnet api lets no tcp 6443 in from api
`},
		{allow("icmp", ""), "internet", "workers", "icmp/3/4", `yes
  icmp 3 by answers to connections of workers
    in  ingress icmp 0.0.0.0/0: Extra rule: 0.0.0.0/0 to workers
`},
		{nothing, "internet", "api", "6443", `no
  no route: route table "services" of subnet api has no route back to internet
`},
		{existing, "10.30.0.1", "publicLoadBalancers", "80-81", `not known here: the existing VCN may have 10.30.0.1 too
  tcp 80 by the VCN's own routing
    in  ingress tcp 80 0.0.0.0/0: Clients to load balancers
`},
		{nothing, "workers", "osn", "442-443", `yes
  tcp by the service gateway
    out egress tcp osn: Workers to Oracle's services: OKE, registry, object storage
  tcp 443 by the service gateway
    out egress tcp 443 0.0.0.0/0: Workers to registries of images and other HTTPS servers
`},
		{nothing, "172.16.9.9", "internalLoadBalancers", "80-81", `partly
  tcp 80 by the dynamic routing gateway
    from 172.16.9.9/32 to 10.0.48.0/24 only
    in  ingress tcp 80 172.16.0.0/16: Clients to load balancers
`},
	} {
		answer := mustAsk(t, standard(t, test.change), test.from, test.to, test.service)
		if got := answer.Explain(); got != test.want {
			t.Errorf("%s to %s %s:\ngot  %swant %s", test.from, test.to, test.service, got, test.want)
		}
	}
	for _, reason := range []RouteReason{
		NeitherInSubnet, NoRouteOut, NoRouteBack, NoPublicAddress, PrivateSubnet, PrivateNetwork, OracleOpensNone,
		NATGatewayOneWay,
	} {
		if routeReasons[reason] == "" {
			t.Errorf("reason %q has no words", reason)
		}
	}
}

// Stateless rules need rules for the answers too. No setting makes any, so the rules of two subnets are replaced.
func TestStatelessRulesNeedAnswers(t *testing.T) {
	const workers, api = "10.0.64.0/20", "10.0.0.0/29"
	apiPort := layout.PortRange{Min: 6443, Max: 6443}
	out := rules.Rule{Direction: rules.Egress, Peer: api, Protocol: rules.TCP, Ports: apiPort}
	in := rules.Rule{Direction: rules.Ingress, Peer: workers, Protocol: rules.TCP, Ports: apiPort}
	backOut := rules.Rule{Direction: rules.Egress, Peer: workers, Protocol: rules.TCP, Ports: ephemeral, Stateless: true}
	backIn := rules.Rule{Direction: rules.Ingress, Peer: api, Protocol: rules.TCP, Stateless: true}
	stateless := func(r rules.Rule) rules.Rule { r.Stateless = true; return r }
	narrow := backOut
	narrow.Ports = layout.PortRange{Min: 50000, Max: 50001}
	tooBig := func(r rules.Rule) rules.Rule {
		r.Protocol, r.Ports, r.ICMP = rules.ICMP, layout.PortRange{}, &rules.ICMPKind{Type: 3, Code: 4}
		return r
	}
	for _, test := range []struct {
		name         string
		workers, api []rules.Rule
		want         Verdict
	}{
		{"stateful at both ends", []rules.Rule{out}, []rules.Rule{in}, Yes},
		{"no rule at the source", nil, []rules.Rule{in}, No},
		{"no rule at the destination", []rules.Rule{out}, nil, No},
		{"stateless source, no answer", []rules.Rule{stateless(out)}, []rules.Rule{in}, No},
		{"stateless source, answer", []rules.Rule{stateless(out), backIn}, []rules.Rule{in}, Yes},
		{"stateless destination, no answer", []rules.Rule{out}, []rules.Rule{stateless(in)}, No},
		{"stateless destination, answer", []rules.Rule{out}, []rules.Rule{stateless(in), backOut}, Yes},
		{"stateless destination, answer to other ports", []rules.Rule{out}, []rules.Rule{stateless(in), narrow}, No},
		{"stateless beside stateful takes precedence", []rules.Rule{out, stateless(out)}, []rules.Rule{in}, No},
		{"stateless at both ends", []rules.Rule{stateless(out), backIn}, []rules.Rule{stateless(in), backOut}, Yes},
		{"stateless, no answer expected", []rules.Rule{stateless(tooBig(out))}, []rules.Rule{stateless(tooBig(in))}, Yes},
	} {
		n := standard(t)
		n.Rules = rules.Set{layout.Workers: test.workers, layout.API: test.api}
		asked := append(test.workers, out)[0] // a rule of the source, if it has one
		answer := n.Ask(mustParse(t, n, "workers"), mustParse(t, n, "api"), serviceOf(&asked))
		if answer.Verdict != test.want {
			t.Errorf("%s: got %s, want %s", test.name, answer.Verdict, test.want)
		}
	}
}

func TestPartOfAnEnd(t *testing.T) {
	spec := config{layout.Flannel, layout.Private, layout.Public, layout.EgressNone, false, false, false, false}.spec()
	spec.ExtraRules = []layout.ExtraRule{
		{From: "10.0.64.0/24", To: "api", Protocol: "tcp", Ports: "9000", Description: "Some workers"},
		{From: "workers", To: "0.0.0.0/0", Protocol: "tcp", Ports: "9000"},
		{From: "publicLoadBalancers", To: "198.51.100.0/24", Protocol: "tcp", Ports: "9000"},
	}
	spec.PeerCIDRs = append(spec.PeerCIDRs, "172.16.4.0/24")
	n := network(t, spec)
	service := Service{Protocol: rules.TCP, Ports: layout.PortRange{Min: 9000, Max: 9000}}
	for _, test := range []struct {
		from, to string
		want     Verdict
	}{
		{"workers", "api", Partly},
		{"10.0.64.7", "api", Yes},
		{"10.0.65.7", "api", No},
		{"publicLoadBalancers", Internet, Partly},
		{"publicLoadBalancers", "198.51.100.7", Yes},
		{"publicLoadBalancers", "198.51.101.7", No},
	} {
		if got := n.Ask(mustParse(t, n, test.from), mustParse(t, n, test.to), service); got.Verdict != test.want {
			t.Errorf("%s to %s: %s", test.from, test.to, got.Explain())
		}
	}
	service.Ports = layout.PortRange{Min: 8999, Max: 9000}
	if got := n.Ask(mustParse(t, n, "10.0.64.7"), mustParse(t, n, "api"), service); got.Verdict != Partly {
		t.Errorf("a part of the ports: %s", got.Explain())
	}
	for text, want := range map[string][]string{
		"10.0.0.0/16":    {"api", "workers", "publicLoadBalancers"},
		"10.0.32.0/23":   {"publicLoadBalancers"},
		"10.0.0.0/8":     {"api", "workers", "publicLoadBalancers"},
		"172.16.0.0/12":  {"172.16.0.0/16", "172.16.4.0/24"},
		"192.0.0.0/8":    {"192.168.0.0/16"},
		"172.16.0.0/20":  nil, // inside a peer, although another peer is a part of it
		"10.0.32.0/24":   nil,
		"10.0.40.0/21":   nil,
		"172.16.0.0/16":  nil,
		"192.168.0.0/16": nil,
		"0.0.0.0/0":      nil,
	} {
		_, err := n.Parse(text)
		var mixed *MixedRangeError
		if errors.As(err, &mixed) != (want != nil) || want != nil && !slices.Equal(mixed.Parts, want) {
			t.Errorf("%s: got %v, want the parts %q", text, err, want)
		}
	}
}

// No setting makes these routes, so the workers' route table is replaced.
func TestRoutes(t *testing.T) {
	internet := layout.Route{Destination: layout.Anywhere, Gateway: layout.InternetGateway}
	nat := layout.Route{Destination: layout.Anywhere, Gateway: layout.NATGateway}
	toPeer := layout.Route{Destination: peer, Gateway: layout.DRG}
	for _, test := range []struct {
		name     string
		routes   []layout.Route
		from, to string
		via      layout.Gateway
		noRoute  RouteReason
	}{
		{"internet gateway, out of a private subnet", []layout.Route{internet}, "workers", Internet, "", NoPublicAddress},
		{"internet gateway, into a private subnet", []layout.Route{internet}, Internet, "workers", "", PrivateSubnet},
		{"no route at all", nil, "workers", Internet, "", NoRouteOut},
		{"neither end in a subnet", nil, neighbour, Internet, "", NeitherInSubnet},
		{"the longest prefix first", []layout.Route{toPeer, nat}, "workers", peer, layout.DRG, ""},
		{"the longest prefix last", []layout.Route{nat, toPeer}, "workers", peer, layout.DRG, ""},
	} {
		n := standard(t)
		for i, table := range n.Plan.RouteTables {
			if table.Name == layout.PrivateRoutes {
				n.Plan.RouteTables[i].Routes = test.routes
			}
		}
		via, noRoute := n.route(mustParse(t, n, test.from), mustParse(t, n, test.to))
		if noRoute == nil {
			noRoute = &NoRoute{}
		}
		if via != test.via || noRoute.Reason != test.noRoute {
			t.Errorf("%s: got %q, %q, want %q, %q", test.name, via, noRoute.Reason, test.via, test.noRoute)
		}
	}
}

func TestExtraRulesOpenBothEnds(t *testing.T) {
	spec := config{layout.VCNNative, layout.Private, layout.Public, layout.EgressNone, false, false, false, false}.spec()
	service := Service{Protocol: rules.TCP, Ports: layout.PortRange{Min: 9100, Max: 9100}}
	before := network(t, spec)
	if got := before.Ask(mustParse(t, before, "pods"), mustParse(t, before, "workers"), service); got.Verdict != No {
		t.Fatalf("open without the rule: %s", got.Explain())
	}
	const description = "node exporters of Prometheus"
	spec.ExtraRules = []layout.ExtraRule{
		{From: "pods", To: "workers", Protocol: "tcp", Ports: "9100", Description: description},
	}
	after := network(t, spec)
	answer := after.Ask(mustParse(t, after, "pods"), mustParse(t, after, "workers"), service)
	if answer.Verdict != Yes || answer.Openings[0].Egress.Description != description {
		t.Errorf("closed with the rule: %s", answer.Explain())
	}
	if added := count(after) - count(before); added != 2 {
		t.Errorf("%d rules more, want one at each end", added)
	}
}

// The settings refuse an extra rule where nothing leads, and only there.
func TestExtraRulesFollowRoutes(t *testing.T) {
	for _, c := range configs() {
		n := network(t, c.spec())
		for _, subnet := range n.Plan.Subnets {
			for _, far := range []string{operators, peer, neighbour, "192.168.3.0/24", layout.OSN} {
				for _, ends := range [][2]string{{string(subnet.Role), far}, {far, string(subnet.Role)}} {
					spec := c.spec()
					spec.ExtraRules = []layout.ExtraRule{{From: ends[0], To: ends[1], Protocol: "tcp", Ports: "9000"}}
					var p problem.List
					spec.Validate(&p, layout.Capacity{})
					_, noRoute := n.route(mustParse(t, n, ends[0]), mustParse(t, n, ends[1]))
					if (noRoute == nil) != (p.Err() == nil) {
						t.Errorf("%s: %s to %s: the settings say %v, the routes %v", c, ends[0], ends[1], p.Err(), noRoute)
					}
				}
			}
		}
	}
}

func count(n Network) (total int) {
	for _, all := range n.Rules {
		total += len(all)
	}
	return total
}

// The whole internet is let in only where a setting says 0.0.0.0/0.
func TestNothingIsOpenToEverybodyByDefault(t *testing.T) {
	everyPort := []Service{{Protocol: rules.TCP, Ports: layout.AllPorts}, {Protocol: rules.UDP, Ports: layout.AllPorts}}
	for _, c := range configs() {
		spec := c.spec()
		n := network(t, spec)
		for _, role := range layout.Roles {
			if !spec.Has(role) {
				continue
			}
			said := c.everybody && (role == layout.PublicLoadBalancers || role == layout.API && c.endpoint == layout.Public)
			for _, service := range everyPort {
				for _, opening := range n.Ask(mustParse(t, n, Internet), mustParse(t, n, string(role)), service).Openings {
					if opening.From.Bits() == 0 && !said {
						t.Errorf("%s: the internet reaches %s: %s", c, role, opening.Service)
					}
				}
			}
		}
	}
}

func TestParse(t *testing.T) {
	n := standard(t)
	_, err := n.Parse("nodes")
	for _, name := range append(n.Names(), "nodes") {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want an error that names %s", err, name)
		}
	}
	for text, want := range map[string]string{
		"80": "tcp 80", "53/udp": "udp 53", "8000-8010": "tcp 8000-8010", "1-65535/udp": "udp",
		"icmp": "icmp", "icmp/3/4": "icmp 3/4", "icmp/8": "icmp 8",
	} {
		service, err := ParseService(text)
		if err != nil || service.String() != want {
			t.Errorf("%s: %s, %v", text, service, err)
		}
	}
	for _, text := range []string{"", "http", "0", "65536", "80/sctp", "icmp/x", "icmp/", "icmp6", "9-8"} {
		if _, err := ParseService(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// cell returns what the matrix shows for two ends; nothing when that is "-".
func cell(t *testing.T, m Matrix, from, to string) []string {
	t.Helper()
	index := func(name string) int {
		i := slices.IndexFunc(m.Ends, func(e End) bool { return e.Name == name })
		if i < 0 {
			t.Fatalf("the matrix has no end %s", name)
		}
		return i
	}
	lines := m.cell(m.Ends[index(from)], m.Ends[index(to)])
	if slices.Equal(lines, []string{"-"}) {
		return nil
	}
	return lines
}

func TestMatrixShowsWhatIsOpen(t *testing.T) {
	named := config{layout.Flannel, layout.Private, layout.Both, layout.EgressWorkers, false, true, false, false}.spec()
	named.APIAllowedCIDRs = []string{"10.0.40.0/24"}
	named.InternalLoadBalancerAllowedCIDRs = []string{"10.0.0.0/16"}
	named.ExtraRules = []layout.ExtraRule{
		{From: "workers", To: "198.51.100.7/32", Protocol: "tcp", Ports: "27017"},
		{From: "workers", To: "10.0.41.0/24", Protocol: "tcp", Ports: "27017"},
		{From: "10.0.40.0/24", To: "workers", Protocol: "tcp", Ports: "22"},
		{From: "10.0.64.0/24", To: "api", Protocol: "tcp", Ports: "9000"},
		{From: "workers", To: "api", Protocol: "icmp", Ports: "8"},
		{From: layout.Anywhere, To: "workers", Protocol: "icmp"},
	}
	public := config{layout.Flannel, layout.Public, layout.Public, layout.EgressWorkers, true, false, false, false}
	for _, network := range []struct {
		name   string
		matrix Matrix
		want   map[[2]string][]string
	}{
		{"standard", standard(t).Matrix(), map[[2]string][]string{
			{"internet", "publicLoadBalancers"}: {"tcp 80", "tcp 443"},
			{"workers", "api"}:                  {"tcp 6443", "tcp 12250", "icmp 3/4"},
			{"publicLoadBalancers", "api"}:      nil,
			{"workers", "workers"}:              {"all"},
			{"internet", "workers"}:             {"icmp 3/4, answers"},
			{"publicLoadBalancers", "workers"}:  {"tcp 30000-32767", "udp 30000-32767", "tcp 10256", "udp 10256"},
			{"other hosts", "workers"}:          {"icmp 3/4"},
		}},
		{"named networks", network(t, named).Matrix(), map[[2]string][]string{
			{"internet", "publicLoadBalancers"}:      {"tcp 80 from 203.0.113.0/24", "tcp 443 from 203.0.113.0/24"},
			{"internet", "workers"}:                  {"icmp 3, answers"},
			{"workers", "internet"}:                  {"icmp 3/4", "tcp 443", "tcp 27017 to 198.51.100.7/32"},
			{"workers", "other hosts"}:               {"icmp 3/4", "tcp 443", "tcp 27017 to 10.0.41.0/24"},
			{"workers", "api"}:                       {"tcp 6443", "tcp 12250", "icmp 3/4", "icmp 8"},
			{"other hosts", "api"}:                   {"tcp 6443 from 10.0.40.0/24"},
			{"other hosts", "workers"}:               {"tcp 22 from 10.0.40.0/24", "icmp"},
			{"other hosts", "internalLoadBalancers"}: {"tcp 80", "tcp 443"},
		}},
		{"public", network(t, public.spec()).Matrix(), map[[2]string][]string{
			{"internet", "api"}: {"tcp 6443"},
		}},
		{"existing VCN", standard(t, existing).Matrix(), map[[2]string][]string{
			{"api", "10.30.0.0/16"}:                 {"tcp 9443"},
			{"10.30.0.0/16", "publicLoadBalancers"}: {"tcp 80", "tcp 443"},
		}},
	} {
		for pair, want := range network.want {
			if got := cell(t, network.matrix, pair[0], pair[1]); !slices.Equal(got, want) {
				t.Errorf("%s, %v: got %q, want %q", network.name, pair, got, want)
			}
		}
	}
	text := standard(t).Matrix().String()
	for line := range strings.Lines(text) {
		if strings.Contains(line, "\t") || strings.HasSuffix(line, " \n") || !strings.ContainsAny(line, "|+") {
			t.Errorf("untidy line %q", line)
		}
	}
	t.Log("\n" + text)
}
