package reach

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/rules"
)

func standard(t *testing.T, changes ...func(*layout.Spec)) Network {
	spec := config{layout.Flannel, layout.Private, layout.Both, layout.EgressWorkers, true, true}.spec()
	for _, change := range changes {
		change(&spec)
	}
	return network(t, spec)
}

// existing is a VCN that may have more CIDRs than the settings name.
func existing(s *layout.Spec) {
	s.VcnID = "ocid1.vcn.oc1.iad.aaaa"
	s.ExtraRules = []layout.ExtraRule{{From: "api", To: "10.30.0.0/16", Protocol: "tcp", Ports: "9443"}}
}

func TestReasons(t *testing.T) {
	nothing := func(*layout.Spec) {}
	allow := func(protocol, kind string) func(*layout.Spec) {
		return func(s *layout.Spec) {
			s.ExtraRules = []layout.ExtraRule{{From: layout.Anywhere, To: "workers", Protocol: protocol, Ports: layout.Ports(kind)}}
		}
	}
	for _, test := range []struct {
		change                  func(*layout.Spec)
		from, to, service, want string
	}{
		{nothing, "workers", "api", "6443", `yes
  tcp 6443 by the VCN's own routing
    out egress tcp 6443 10.0.0.0/29: Workers to the Kubernetes API
    in  ingress tcp 6443 10.0.64.0/20: Workers to the Kubernetes API
`},
		{nothing, "internet", "workers", "22", `no
  no route: the NAT gateway lets no connections in
`},
		{nothing, "internet", "api", "6443", `no
  no route: route table "services" of subnet api has no route back to internet
`},
		{nothing, "publicLoadBalancers", "api", "6443", `no
  no rule: subnet publicLoadBalancers lets no tcp 6443 out to api; subnet api lets no tcp 6443 in from publicLoadBalancers
`},
		{nothing, "workers", "osn", "443", `yes
  tcp by the service gateway
    out egress tcp osn: Workers to Oracle's services: OKE, registry, object storage
  tcp 443 by the service gateway
    out egress tcp 443 0.0.0.0/0: Workers to registries of images and other HTTPS servers
`},
		{nothing, "internet", "publicLoadBalancers", "80", `yes
  tcp 80 by the internet gateway
    in  ingress tcp 80 0.0.0.0/0: Clients to load balancers
`},
		{nothing, "workers", "192.168.3.4", "443", `no
  no route: 192.168.3.4 is a private network, and no route leads to it
`},
		{nothing, "internet", "internalLoadBalancers", "80", `no
  no route: route table "local" of subnet internalLoadBalancers has no route back to internet
`},
		{nothing, "172.16.9.9", "internalLoadBalancers", "80", `yes
  tcp 80 by the dynamic routing gateway
    in  ingress tcp 80 172.16.0.0/16: Clients to load balancers
`},
		{nothing, "osn", "workers", "443", `no
  no route: Oracle's services open no connections to the VCN
`},
		{allow("icmp", ""), "internet", "workers", "icmp/3/4", `yes
  icmp 3 by answers to connections of workers
    in  ingress icmp 0.0.0.0/0: Extra rule: 0.0.0.0/0 to workers
`},
		{allow("all", ""), "internet", "workers", "icmp/3/4", `yes
  icmp 3 by answers to connections of workers
    in  ingress all 0.0.0.0/0: Extra rule: 0.0.0.0/0 to workers
`},
		{allow("icmp", "8"), "internet", "workers", "icmp/8", `no
  no route: the NAT gateway lets no connections in
`},
		{nothing, "workers", "api", "icmp/8/4", `no
  no rule: subnet workers lets no icmp 8/4 out to api; subnet api lets no icmp 8/4 in from workers
`},
		{existing, "api", "10.30.0.1", "9443", `not known here: the existing VCN may have 10.30.0.1 too
  tcp 9443 by the VCN's own routing
    out egress tcp 9443 10.30.0.0/16: Extra rule: api to 10.30.0.0/16
`},
		{existing, "10.30.0.1", "publicLoadBalancers", "80", `not known here: the existing VCN may have 10.30.0.1 too
  tcp 80 by the VCN's own routing
    in  ingress tcp 80 0.0.0.0/0: Clients to load balancers
`},
		{existing, "10.30.0.1", "api", "6443", `no
  no rule: subnet api lets no tcp 6443 in from 10.30.0.1
`},
	} {
		n := standard(t, test.change)
		service, err := ParseService(test.service)
		if err != nil {
			t.Fatal(err)
		}
		answer := n.Ask(mustParse(t, n, test.from), mustParse(t, n, test.to), service)
		if got := answer.Explain(); got != test.want {
			t.Errorf("%s to %s %s:\ngot  %swant %s", test.from, test.to, test.service, got, test.want)
		}
	}
}

// Statefulness, on two subnets with rules made for it.
func TestStatelessRulesNeedAnswers(t *testing.T) {
	out := rules.Rule{Direction: rules.Egress, Peer: "10.0.0.0/29", Protocol: rules.TCP, Ports: layout.PortRange{Min: 6443, Max: 6443}}
	in := rules.Rule{Direction: rules.Ingress, Peer: "10.0.64.0/20", Protocol: rules.TCP, Ports: layout.PortRange{Min: 6443, Max: 6443}}
	backOut := rules.Rule{Direction: rules.Egress, Peer: "10.0.64.0/20", Protocol: rules.TCP, Ports: ephemeral, Stateless: true}
	backIn := rules.Rule{Direction: rules.Ingress, Peer: "10.0.0.0/29", Protocol: rules.TCP, Stateless: true}
	loose := func(r rules.Rule) rules.Rule { r.Stateless = true; return r }
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
		{"stateless source, no answer", []rules.Rule{loose(out)}, []rules.Rule{in}, No},
		{"stateless source, answer", []rules.Rule{loose(out), backIn}, []rules.Rule{in}, Yes},
		{"stateless destination, no answer", []rules.Rule{out}, []rules.Rule{loose(in)}, No},
		{"stateless destination, answer", []rules.Rule{out}, []rules.Rule{loose(in), backOut}, Yes},
		{"stateless destination, answer to other ports", []rules.Rule{out}, []rules.Rule{loose(in), narrow}, No},
		{"stateless beside stateful takes precedence", []rules.Rule{out, loose(out)}, []rules.Rule{in}, No},
		{"stateless at both ends", []rules.Rule{loose(out), backIn}, []rules.Rule{loose(in), backOut}, Yes},
		{"a stateless message, which has no answer", []rules.Rule{loose(tooBig(out))}, []rules.Rule{loose(tooBig(in))}, Yes},
	} {
		n := standard(t)
		n.Rules = rules.Set{layout.Workers: test.workers, layout.API: test.api}
		asked := append(test.workers, out)[0] // what the source lets out
		service := Service{asked.Protocol, asked.PortRange(), asked.ICMP}
		answer := n.Ask(mustParse(t, n, "workers"), mustParse(t, n, "api"), service)
		if answer.Verdict != test.want {
			t.Errorf("%s: got %s, want %s", test.name, answer.Verdict, test.want)
		}
	}
}

func TestPartOfAnEnd(t *testing.T) {
	spec := config{layout.Flannel, layout.Private, layout.Public, layout.EgressNone, false, false}.spec()
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
		{"workers", "api", Partly}, {"10.0.64.7", "api", Yes}, {"10.0.65.7", "api", No},
		{"publicLoadBalancers", Internet, Partly}, {"publicLoadBalancers", "198.51.100.7", Yes}, {"publicLoadBalancers", "198.51.101.7", No},
	} {
		if got := n.Ask(mustParse(t, n, test.from), mustParse(t, n, test.to), service); got.Verdict != test.want {
			t.Errorf("%s to %s: %s", test.from, test.to, got.Explain())
		}
	}
	service.Ports = layout.PortRange{Min: 8999, Max: 9000}
	if got := n.Ask(mustParse(t, n, "10.0.64.7"), mustParse(t, n, "api"), service); got.Verdict != Partly {
		t.Errorf("a part of the ports: %s", got.Explain())
	}
	for text, want := range map[string]string{
		"10.0.0.0/16":    "10.0.0.0/16 holds api, workers, publicLoadBalancers and more, which are reached in different ways: name a part of it",
		"10.0.32.0/23":   "10.0.32.0/23 holds publicLoadBalancers and more, which are reached in different ways: name a part of it",
		"10.0.0.0/8":     "10.0.0.0/8 holds api, workers, publicLoadBalancers and more, which are reached in different ways: name a part of it",
		"172.16.0.0/12":  "172.16.0.0/12 holds 172.16.0.0/16, 172.16.4.0/24 and more, which are reached in different ways: name a part of it",
		"192.0.0.0/8":    "192.0.0.0/8 holds 192.168.0.0/16 and more, which are reached in different ways: name a part of it",
		"172.16.0.0/20":  "", // within a peer, whatever peer lies within it
		"10.0.32.0/24":   "",
		"10.0.40.0/21":   "",
		"172.16.0.0/16":  "",
		"192.168.0.0/16": "",
		"0.0.0.0/0":      "",
	} {
		got := ""
		if _, err := n.Parse(text); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Routes that the settings ask for nowhere: the workers' table is made by hand.
func TestRoutes(t *testing.T) {
	internet := layout.Route{Destination: layout.Anywhere, Gateway: layout.InternetGateway}
	nat := layout.Route{Destination: layout.Anywhere, Gateway: layout.NATGateway}
	toPeer := layout.Route{Destination: peer, Gateway: layout.DRG}
	for _, test := range []struct {
		name     string
		routes   []layout.Route
		from, to string
		want     string
	}{
		{"a private subnet out by the internet gateway", []layout.Route{internet}, "workers", Internet, "the internet gateway needs a public address, which subnet workers does not allow"},
		{"a private subnet in by the internet gateway", []layout.Route{internet}, Internet, "workers", "subnet workers is private: its hosts have no public address"},
		{"the longest prefix first", []layout.Route{toPeer, nat}, "workers", peer, "the dynamic routing gateway"},
		{"the longest prefix last", []layout.Route{nat, toPeer}, "workers", peer, "the dynamic routing gateway"},
	} {
		n := standard(t)
		for i, table := range n.Plan.RouteTables {
			if table.Name == layout.PrivateRoutes {
				n.Plan.RouteTables[i].Routes = test.routes
			}
		}
		got, err := n.route(mustParse(t, n, test.from), mustParse(t, n, test.to))
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestExtraRulesOpenBothEnds(t *testing.T) {
	spec := config{layout.VCNNative, layout.Private, layout.Public, layout.EgressNone, false, false}.spec()
	service := Service{Protocol: rules.TCP, Ports: layout.PortRange{Min: 10250, Max: 10250}}
	before := network(t, spec)
	if got := before.Ask(mustParse(t, before, "pods"), mustParse(t, before, "workers"), service); got.Verdict != No {
		t.Fatalf("open without the rule: %s", got.Explain())
	}
	spec.ExtraRules = []layout.ExtraRule{{From: "pods", To: "workers", Protocol: "tcp", Ports: "10250", Description: "metrics-server to kubelets"}}
	after := network(t, spec)
	answer := after.Ask(mustParse(t, after, "pods"), mustParse(t, after, "workers"), service)
	if answer.Verdict != Yes || answer.Via[0].Egress.Description != "metrics-server to kubelets" {
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
					_, err := n.route(mustParse(t, n, ends[0]), mustParse(t, n, ends[1]))
					if (err == nil) != (p.Err() == nil) {
						t.Errorf("%s: %s to %s: the settings say %v, the routes %v", c, ends[0], ends[1], p.Err(), err)
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

// Nobody is let in from the whole internet, unless a setting says 0.0.0.0/0.
func TestNothingIsOpenToEverybodyUnlessSaid(t *testing.T) {
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
				for _, opening := range n.Ask(mustParse(t, n, Internet), mustParse(t, n, string(role)), service).Via {
					if opening.From.Bits() == 0 && !said {
						t.Errorf("%s: the internet reaches %s: %s", c, role, opening.Summary())
					}
				}
			}
		}
	}
}

func TestParse(t *testing.T) {
	n := standard(t)
	if _, err := n.Parse("nodes"); err == nil || !strings.Contains(err.Error(), `"nodes" is none of internet, osn, api, workers, publicLoadBalancers, internalLoadBalancers, bastion, no IPv4 address and no CIDR`) {
		t.Errorf("got %v", err)
	}
	for text, want := range map[string]string{
		"80": "tcp 80", "53/udp": "udp 53", "8000-8010": "tcp 8000-8010", "icmp": "icmp", "icmp/3/4": "icmp 3/4", "icmp/8": "icmp 8",
	} {
		service, err := ParseService(text)
		if err != nil || service.String() != want {
			t.Errorf("%s: %s, %v", text, service, err)
		}
	}
	for _, text := range []string{"", "http", "0", "65536", "80/sctp", "icmp/x", "icmp/", "icmp6", "9-8"} {
		if _, err := ParseService(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestMatrixSaysWhatIsOpen(t *testing.T) {
	named := config{layout.Flannel, layout.Private, layout.Both, layout.EgressWorkers, false, true}.spec()
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
	public := config{layout.Flannel, layout.Public, layout.Public, layout.EgressWorkers, true, false}
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
			if got := network.matrix.Cells[pair]; !slices.Equal(got, want) {
				t.Errorf("%s, %v: got %q, want %q", network.name, pair, got, want)
			}
		}
	}
	text := standard(t).Matrix().String()
	for line := range strings.Lines(text) {
		if strings.Contains(line, "\t") || strings.HasSuffix(line, " \n") {
			t.Errorf("untidy line %q", line)
		}
	}
	fmt.Fprintln(t.Output(), text)
}
