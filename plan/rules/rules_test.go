package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/problem/problemtest"
)

func spec(change func(*layout.Spec)) layout.Spec {
	s := layout.Spec{LoadBalancerAllowedCIDRs: []string{layout.Anywhere}}
	if change != nil {
		change(&s)
	}
	s.ApplyDefaults()
	return s
}

func expand(t *testing.T, s layout.Spec) Set {
	t.Helper()
	plan, err := layout.Plan(s)
	if err != nil {
		t.Fatal(err)
	}
	return Expand(Table(s), plan)
}

func keys(all []Rule) []string {
	var found []string
	for _, rule := range all {
		found = append(found, rule.Key())
	}
	slices.Sort(found)
	return found
}

// The expected sets are complete and sorted, to be compared with Oracle's tables by eye.
func TestRulesOfEachSubnet(t *testing.T) {
	flannel := expand(t, spec(nil))
	native := expand(t, spec(func(s *layout.Spec) { s.PodNetwork = layout.VCNNative }))
	for _, test := range []struct {
		name string
		got  []Rule
		want []string
	}{
		{"flannel api", flannel[layout.API], []string{
			"egress icmp 3/4 10.0.64.0/20", "egress icmp 3/4 osn", "egress tcp 10.0.64.0/20", "egress tcp osn",
			"ingress icmp 3/4 10.0.64.0/20", "ingress tcp 12250 10.0.64.0/20", "ingress tcp 6443 10.0.64.0/20",
		}},
		{"flannel workers", flannel[layout.Workers], []string{
			"egress all 10.0.64.0/20", "egress icmp 3/4 0.0.0.0/0", "egress tcp 12250 10.0.0.0/29", "egress tcp 443 0.0.0.0/0",
			"egress tcp 6443 10.0.0.0/29", "egress tcp osn",
			"ingress all 10.0.64.0/20", "ingress icmp 3/4 0.0.0.0/0", "ingress tcp 10.0.0.0/29",
			"ingress tcp 10256 10.0.32.0/24",
			"ingress tcp 30000-32767 10.0.32.0/24", "ingress udp 10256 10.0.32.0/24", "ingress udp 30000-32767 10.0.32.0/24",
		}},
		{"public load balancers", flannel[layout.PublicLoadBalancers], []string{
			"egress tcp 10256 10.0.64.0/20", "egress tcp 30000-32767 10.0.64.0/20", "egress udp 10256 10.0.64.0/20",
			"egress udp 30000-32767 10.0.64.0/20",
			"ingress tcp 80 0.0.0.0/0",
		}},
		{"VCN-native api", native[layout.API], []string{
			"egress all 10.0.128.0/17", "egress icmp 3/4 10.0.64.0/20", "egress icmp 3/4 osn",
			"egress tcp 10250 10.0.64.0/20", "egress tcp osn",
			"ingress icmp 3/4 10.0.64.0/20", "ingress tcp 12250 10.0.128.0/17", "ingress tcp 12250 10.0.64.0/20",
			"ingress tcp 6443 10.0.128.0/17", "ingress tcp 6443 10.0.64.0/20",
		}},
		{"VCN-native workers", native[layout.Workers], []string{
			"egress all 10.0.128.0/17", "egress icmp 3/4 0.0.0.0/0", "egress tcp 12250 10.0.0.0/29",
			"egress tcp 443 0.0.0.0/0", "egress tcp 6443 10.0.0.0/29", "egress tcp osn",
			"ingress icmp 3/4 0.0.0.0/0", "ingress tcp 10250 10.0.0.0/29", "ingress tcp 10256 10.0.32.0/24",
			"ingress tcp 30000-32767 10.0.32.0/24",
			"ingress udp 10256 10.0.32.0/24", "ingress udp 30000-32767 10.0.32.0/24",
		}},
		{"VCN-native pods", native[layout.Pods], []string{
			"egress all 10.0.128.0/17", "egress icmp 3/4 osn", "egress tcp 12250 10.0.0.0/29",
			"egress tcp 6443 10.0.0.0/29", "egress tcp osn",
			"ingress all 10.0.0.0/29", "ingress all 10.0.128.0/17", "ingress all 10.0.64.0/20",
		}},
	} {
		slices.Sort(test.want)
		if got := keys(test.got); !slices.Equal(got, test.want) {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, strings.Join(got, "; "), strings.Join(test.want, "; "))
		}
	}
}

func TestDescriptionsAndKeys(t *testing.T) {
	set := expand(t, spec(func(s *layout.Spec) {
		s.PodNetwork, s.LoadBalancers, s.Bastion = layout.VCNNative, layout.Both, true
		s.InternetEgress = layout.EgressWorkersAndPods
		s.InternalLoadBalancerAllowedCIDRs = []string{s.VcnCIDR}
		s.ExtraRules = []layout.ExtraRule{{From: "workers", To: "203.0.113.9/32", Protocol: "udp", Ports: "123"}}
	}))
	for role, all := range set {
		seen := map[string]bool{}
		for _, rule := range all {
			if rule.Description == "" || len(rule.Description) > 255 {
				t.Errorf("%s %s: description %q", role, rule.Key(), rule.Description)
			}
			if seen[rule.Key()] {
				t.Errorf("%s has the rule %s twice", role, rule.Key())
			}
			seen[rule.Key()] = true
		}
	}
	isDescribed := func(r Rule) bool { return r.Description == "Extra rule: workers to 203.0.113.9/32" }
	if got := set[layout.Workers]; !slices.ContainsFunc(got, isDescribed) {
		t.Errorf("an extra rule without a description got none: %q", keys(got))
	}
}

// TestVirtualNodes expects the Pods' subnet to let in load balancers, which reach Pods on virtual nodes at node ports,
// and to find out path MTUs. Nothing else changes.
func TestVirtualNodes(t *testing.T) {
	native := func(s *layout.Spec) { s.PodNetwork, s.InternetEgress = layout.VCNNative, layout.EgressWorkersAndPods }
	before := expand(t, spec(native))
	after := expand(t, spec(func(s *layout.Spec) { native(s); s.VirtualNodes = true }))
	var added []string
	for _, role := range layout.Roles {
		old := keys(before[role])
		for _, key := range keys(after[role]) {
			if !slices.Contains(old, key) {
				added = append(added, string(role)+" "+key)
			}
		}
		if len(keys(after[role])) < len(old) {
			t.Errorf("%s: rules are missing", role)
		}
	}
	want := []string{
		"api ingress icmp 3/4 10.0.128.0/17",
		"pods egress icmp 3/4 0.0.0.0/0",
		"pods ingress tcp 10256 10.0.32.0/24", "pods ingress tcp 30000-32767 10.0.32.0/24",
		"pods ingress udp 10256 10.0.32.0/24", "pods ingress udp 30000-32767 10.0.32.0/24",
		"publicLoadBalancers egress tcp 10256 10.0.128.0/17", "publicLoadBalancers egress tcp 30000-32767 10.0.128.0/17",
		"publicLoadBalancers egress udp 10256 10.0.128.0/17", "publicLoadBalancers egress udp 30000-32767 10.0.128.0/17",
	}
	slices.Sort(added)
	slices.Sort(want)
	if !slices.Equal(added, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(added, "; "), strings.Join(want, "; "))
	}
}

// TestIssuers expects the API endpoint alone to get a way to the issuers, by NAT to those that are not in private
// networks.
func TestIssuers(t *testing.T) {
	for _, c := range []struct {
		issuers []layout.Issuer
		want    []string
		table   string
	}{
		{nil, nil, layout.ServicesRoutes},
		{[]layout.Issuer{{CIDR: "10.9.0.1/32", Port: 8443}}, []string{"egress tcp 8443 10.9.0.1/32"}, layout.ServicesRoutes},
		{
			[]layout.Issuer{{CIDR: layout.Anywhere, Port: 443}, {CIDR: layout.Anywhere, Port: 443}},
			[]string{"egress tcp 443 0.0.0.0/0"},
			layout.PrivateRoutes,
		},
		{
			[]layout.Issuer{{CIDR: "198.51.100.7/32", Port: 8443}},
			[]string{"egress tcp 8443 198.51.100.7/32"},
			layout.PrivateRoutes,
		},
	} {
		s := spec(func(s *layout.Spec) { s.APIEndpoint, s.Issuers = layout.Private, c.issuers })
		set := expand(t, s)
		var got []string
		for role, all := range set {
			for _, rule := range all {
				if rule.Description == "Kubernetes API to issuers of tokens" {
					got = append(got, rule.Key())
				}
				if role != layout.API && rule.Description == "Kubernetes API to issuers of tokens" {
					t.Errorf("%s has the rule %s", role, rule.Key())
				}
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: rules %q, want %q", c.issuers, got, c.want)
		}
		plan, err := layout.Plan(s)
		if err != nil {
			t.Fatal(err)
		}
		if subnet, _ := plan.Subnet(layout.API); subnet.RouteTable != c.table {
			t.Errorf("%v: the endpoint's table is %s, want %s", c.issuers, subnet.RouteTable, c.table)
		}
	}
}

// A rule that another one covers is left out.
func TestCoveredRulesAreLeftOut(t *testing.T) {
	set := expand(t, spec(func(s *layout.Spec) {
		s.APIEndpoint, s.APIAllowedCIDRs = layout.Public, []string{layout.Anywhere, "203.0.113.0/24"}
		s.ExtraRules = []layout.ExtraRule{
			{From: "workers", To: "api", Protocol: "tcp", Ports: "6443"},
			{From: "workers", To: "workers", Protocol: "udp", Ports: "8472"},
		}
	}))
	var ingress []string
	for _, rule := range set[layout.API] {
		if rule.Direction == Ingress {
			ingress = append(ingress, rule.Key())
		}
	}
	want := []string{"ingress tcp 12250 10.0.64.0/20", "ingress icmp 3/4 10.0.64.0/20", "ingress tcp 6443 0.0.0.0/0"}
	if !slices.Equal(ingress, want) {
		t.Errorf("got %q", ingress)
	}
	if slices.ContainsFunc(set[layout.Workers], func(r Rule) bool { return r.Protocol == UDP && r.Ports.Min == 8472 }) {
		t.Error("the rule for udp between workers is not left out")
	}
}

// Leaving out covered rules changes nothing of what is allowed, and no kept rule covers another.
func TestWithoutCoveredKeepsWhatIsAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(anyRule), 0, 12).Draw(t, "rules")
		kept := withoutCovered(all)
		for _, rule := range all {
			if !slices.ContainsFunc(kept, func(r Rule) bool { return r.Covers(rule) }) {
				t.Fatalf("%s is no longer allowed by %q", rule.Key(), keys(kept))
			}
		}
		for i, rule := range kept {
			for j, other := range kept {
				if i != j && rule.Covers(other) {
					t.Fatalf("%s covers %s, and both are kept", rule.Key(), other.Key())
				}
			}
		}
	})
}

// anyRule draws a rule from few values, so that rules often cover each other.
func anyRule(t *rapid.T) Rule {
	rule := Rule{
		Direction: rapid.SampledFrom([]Direction{Ingress, Egress}).Draw(t, "direction"),
		Protocol:  rapid.SampledFrom([]Protocol{All, TCP, UDP, ICMP}).Draw(t, "protocol"),
		Peer: rapid.SampledFrom([]string{
			layout.Anywhere, layout.OSN, "10.0.0.0/8", "10.0.0.0/24", "10.0.0.128/25", "192.0.2.1/32",
		}).Draw(t, "peer"),
	}
	switch rule.Protocol {
	case TCP, UDP:
		rule.Ports = rapid.SampledFrom([]layout.PortRange{everyPort, https, port(80), {Min: 80, Max: 90}}).Draw(t, "ports")
	case ICMP:
		rule.ICMP = rapid.SampledFrom([]*ICMPKind{nil, tooBig, {3, -1}, {8, 0}}).Draw(t, "kind")
	}
	return rule
}

// A quadratic comparison of this many networks takes seconds.
func BenchmarkExpandManyNetworks(b *testing.B) {
	s := spec(nil)
	for i := range 7000 {
		s.LoadBalancerAllowedCIDRs = append(s.LoadBalancerAllowedCIDRs, fmt.Sprintf("%d.%d.%d.0/24", 20+i>>12, i>>6&63, i&63))
	}
	plan, err := layout.Plan(s)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		Expand(Table(s), plan)
	}
}

func TestCovers(t *testing.T) {
	tcp := Rule{Direction: Ingress, Peer: "10.0.0.0/24", Protocol: TCP, Ports: layout.PortRange{Min: 80, Max: 90}}
	with := func(r Rule, change func(*Rule)) Rule { change(&r); return r }
	icmp := func(kind *ICMPKind) Rule {
		return with(tcp, func(r *Rule) { r.Protocol, r.Ports, r.ICMP = ICMP, everyPort, kind })
	}
	every := with(tcp, func(r *Rule) { r.Protocol, r.Ports = All, everyPort })
	from := func(peer string) Rule { return with(tcp, func(r *Rule) { r.Peer = peer }) }
	for _, test := range []struct {
		name         string
		wide, narrow Rule
		want         bool
	}{
		{"itself", tcp, tcp, true},
		{"the other direction", tcp, with(tcp, func(r *Rule) { r.Direction = Egress }), false},
		{"stateful and stateless", tcp, with(tcp, func(r *Rule) { r.Stateless = true }), false},
		{"a part of the ports", tcp, with(tcp, func(r *Rule) { r.Ports.Min = 85 }), true},
		{"more ports", tcp, with(tcp, func(r *Rule) { r.Ports.Max = 91 }), false},
		{"another protocol", tcp, with(tcp, func(r *Rule) { r.Protocol = UDP }), false},
		{"all and a protocol", every, tcp, true},
		{"a protocol and all", tcp, every, false},
		{"a part of the network", tcp, from("10.0.0.128/25"), true},
		{"a wider network", tcp, from("10.0.0.0/23"), false},
		{"everybody and Oracle's services", from(layout.Anywhere), from(layout.OSN), true},
		{"Oracle's services and everybody", from(layout.OSN), from(layout.Anywhere), false},
		{"a network and Oracle's services", tcp, from(layout.OSN), false},
		{"every message and a type", icmp(nil), icmp(&ICMPKind{8, -1}), true},
		{"a type and every message", icmp(&ICMPKind{8, -1}), icmp(nil), false},
		{"a type and a code of it", icmp(&ICMPKind{3, -1}), icmp(tooBig), true},
		{"a code and its type", icmp(tooBig), icmp(&ICMPKind{3, -1}), false},
		{"another code", icmp(tooBig), icmp(&ICMPKind{3, 1}), false},
		{"another type", icmp(tooBig), icmp(&ICMPKind{8, 4}), false},
	} {
		if got := test.wide.Covers(test.narrow); got != test.want {
			t.Errorf("%s: got %t", test.name, got)
		}
	}
}

func TestLimits(t *testing.T) {
	networks := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf("203.0.%d.0/24", i))
		}
		return all
	}
	ports := func(n int) (all []layout.PortRange) {
		for i := range n {
			all = append(all, port(2*i+1))
		}
		return all
	}
	extra := func(n int, from, to string) (all []layout.ExtraRule) {
		for i := range n {
			all = append(all, layout.ExtraRule{From: from, To: to, Protocol: "tcp", Ports: layout.Ports(fmt.Sprint(20000 + i))})
		}
		return all
	}
	for _, test := range []struct {
		name   string
		change func(*layout.Spec)
		want   []string // for problemtest.Check
	}{
		{"as many as a list holds", func(s *layout.Spec) { s.LoadBalancerAllowedCIDRs = networks(200) }, nil},
		{
			"clients", func(s *layout.Spec) { s.LoadBalancerAllowedCIDRs = networks(201) },
			[]string{"loadBalancerAllowedCidrs publicLoadBalancers 201 200"},
		},
		{"internal clients", func(s *layout.Spec) {
			s.LoadBalancers, s.InternalLoadBalancerAllowedCIDRs = layout.Both, networks(201)
		}, []string{"internalLoadBalancerAllowedCidrs internalLoadBalancers 201 200"}},
		{
			"ports", func(s *layout.Spec) { s.LoadBalancerPorts = ports(201) },
			[]string{"loadBalancerPorts publicLoadBalancers 201 200"},
		},
		{
			"clients and ports", func(s *layout.Spec) {
				s.LoadBalancerAllowedCIDRs, s.LoadBalancerPorts = networks(15), ports(14)
			},
			[]string{"loadBalancerAllowedCidrs publicLoadBalancers 210 200"},
		},
		{"operators", func(s *layout.Spec) { s.APIAllowedCIDRs = networks(198) }, []string{"apiAllowedCidrs 201 200"}},
		{
			"both directions", func(s *layout.Spec) {
				s.APIAllowedCIDRs, s.ExtraRules = networks(198), extra(199, "api", "10.0.9.0/24")
			},
			[]string{"apiAllowedCidrs 201 200", "extraRules 203 200"},
		},
		{"the same twice", func(s *layout.Spec) {
			s.LoadBalancerPorts, s.ExtraRules = nil, extra(201, layout.Anywhere, "publicLoadBalancers")
			for _, rule := range s.ExtraRules {
				ports, _ := layout.ParsePorts(string(rule.Ports))
				s.LoadBalancerPorts = append(s.LoadBalancerPorts, ports)
			}
		}, []string{"loadBalancerPorts publicLoadBalancers 201 200"}},
		{"as many as a group holds", func(s *layout.Spec) {
			s.SecurityBy, s.LoadBalancerAllowedCIDRs = layout.Groups, networks(116)
		}, nil},
		{
			"clients of a group", func(s *layout.Spec) {
				s.SecurityBy, s.LoadBalancerAllowedCIDRs = layout.Groups, networks(117)
			},
			[]string{"loadBalancerAllowedCidrs publicLoadBalancers 121 120"},
		},
		{"the bastion's list, in addition to groups", func(s *layout.Spec) {
			s.SecurityBy, s.Bastion, s.ExtraRules = layout.Groups, true, extra(200, "bastion", "10.0.9.0/24")
		}, []string{"extraRules 201 200"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p problem.List
			CheckLimits(&p, spec(test.change))
			problemtest.Check(t, p.Err(), test.want...)
		})
	}
}
