package layout

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"oke-guestbook/plan/problem"
)

func TestPlanOfDefaults(t *testing.T) {
	s := valid()
	s.PodNetwork, s.LoadBalancers, s.Bastion = VCNNative, Both, true
	plan, err := Plan(s)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, subnet := range plan.Subnets {
		got = append(got, fmt.Sprintf("%s %s public=%t %s %s",
			subnet.Role, subnet.CIDR, subnet.Public, subnet.RouteTable, subnet.DNSLabel))
	}
	want := []string{
		"api 10.0.0.0/29 public=false services api",
		"workers 10.0.64.0/20 public=false private workers",
		"pods 10.0.128.0/17 public=false services pods",
		"publicLoadBalancers 10.0.32.0/24 public=true public publiclb",
		"internalLoadBalancers 10.0.48.0/24 public=false local internallb",
		"bastion 10.0.16.0/29 public=false local bastion",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// anySpec draws settings that may or may not be valid, over VCNs of every size that the plan fits.
func anySpec(t *rapid.T) Spec {
	bits := rapid.IntRange(16, smallestPlanned).Draw(t, "vcn bits")
	first := rapid.SampledFrom([]string{"10.0.0.0", "172.16.0.0", "192.168.0.0", "100.64.0.0"}).Draw(t, "vcn base")
	offset := rapid.Uint32Range(0, 1<<20-1).Draw(t, "vcn offset")
	base := netip.PrefixFrom(advance(netip.MustParseAddr(first), offset), bits).Masked()
	s := Spec{
		VcnCIDR:        base.String(),
		PodsCIDR:       "198.18.0.0/16",
		ServicesCIDR:   "198.19.0.0/16",
		PodNetwork:     rapid.SampledFrom([]PodNetwork{Flannel, VCNNative}).Draw(t, "pod network"),
		APIEndpoint:    rapid.SampledFrom([]Visibility{Private, Public}).Draw(t, "endpoint"),
		LoadBalancers:  rapid.SampledFrom([]Visibility{Public, Internal, Both}).Draw(t, "load balancers"),
		InternetEgress: rapid.SampledFrom([]Egress{EgressNone, EgressWorkers, EgressWorkersAndPods}).Draw(t, "egress"),
		SecurityBy:     rapid.SampledFrom([]SecurityBy{Lists, Groups}).Draw(t, "security"),
		Subnets:        map[Role]SubnetSpec{},
	}
	if s.Has(PublicLoadBalancers) {
		s.LoadBalancerAllowedCIDRs = []string{Anywhere}
	}
	if s.Has(InternalLoadBalancers) {
		s.InternalLoadBalancerAllowedCIDRs = []string{s.VcnCIDR}
	}
	if s.APIEndpoint == Public {
		s.APIAllowedCIDRs = []string{"203.0.113.0/24"}
	} else if rapid.Bool().Draw(t, "bastion") {
		s.Bastion, s.BastionAllowedCIDRs = true, []string{"203.0.113.0/24"}
	}
	for _, role := range Roles {
		if rapid.Bool().Draw(t, "size of "+string(role)) {
			bits := rapid.IntRange(places[role].room(base).Bits(), 29).Draw(t, "bits of "+string(role))
			s.Subnets[role] = SubnetSpec{PrefixLength: PrefixLength(bits)}
		}
	}
	s.ApplyDefaults()
	return s
}

// withoutUnused drops the sizes of subnets that the stack has not, which are refused.
func (s Spec) withoutUnused() Spec {
	s.Subnets = maps.Clone(s.Subnets)
	maps.DeleteFunc(s.Subnets, func(role Role, _ SubnetSpec) bool { return !s.Has(role) })
	return s
}

func mustPlan(t *rapid.T, s Spec) Layout {
	s = s.withoutUnused()
	var p problem.List
	s.Validate(&p, Capacity{})
	if err := p.Err(); err != nil {
		t.Fatalf("refused: %v", err)
	}
	plan, err := Plan(s)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestSubnetsLieInsideAndApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySpec(t)
		plan := mustPlan(t, s)
		for i, one := range plan.Subnets {
			if one.CIDR != one.CIDR.Masked() || one.CIDR.Bits() < plan.VCN.Bits() || !plan.VCN.Contains(one.CIDR.Addr()) {
				t.Fatalf("%s %s is not inside %s", one.Role, one.CIDR, plan.VCN)
			}
			for _, other := range plan.Subnets[:i] {
				if one.CIDR.Overlaps(other.CIDR) {
					t.Fatalf("%s %s overlaps %s %s", one.Role, one.CIDR, other.Role, other.CIDR)
				}
			}
		}
	})
}

func TestSwitchingAnOptionMovesNoOtherSubnet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := anySpec(t)
		after := anySpec(t) // every option anew, in the same VCN ...
		after.VcnCIDR = before.VcnCIDR
		if after.Has(InternalLoadBalancers) {
			after.InternalLoadBalancerAllowedCIDRs = []string{after.VcnCIDR}
		}
		changed := rapid.SampledFrom(Roles).Draw(t, "resized")
		after.Subnets = map[Role]SubnetSpec{} // ... and one subnet of another size
		for role, wanted := range before.Subnets {
			after.Subnets[role] = wanted
		}
		vcn, _ := ParseCIDR(before.VcnCIDR)
		bits := rapid.IntRange(places[changed].room(vcn).Bits(), 29).Draw(t, "new bits")
		after.Subnets[changed] = SubnetSpec{PrefixLength: PrefixLength(bits)}

		was, is := mustPlan(t, before), mustPlan(t, after)
		for _, old := range was.Subnets {
			now, ok := is.Subnet(old.Role)
			if !ok {
				continue
			}
			if old.CIDR.Addr() != now.CIDR.Addr() || old.Role != changed && old.CIDR != now.CIDR {
				t.Fatalf("%s moved from %s to %s", old.Role, old.CIDR, now.CIDR)
			}
			if old.DNSLabel != now.DNSLabel || old.Role != API && old.Public != now.Public {
				t.Fatalf("%s would be replaced", old.Role)
			}
		}
	})
}

// Whatever the settings say, they are refused or planned; nothing panics, and nothing that is accepted fails later.
func TestAnythingIsRefusedOrPlanned(t *testing.T) {
	text := rapid.SampledFrom([]string{
		"", "x", "10.0.0.0/16", "10.0.0.0/25", "10.0.0.0/26", "10.0.0.0/30", "10.0.0.0/32", "0.0.0.0/0", "10.0.0.0/0",
		"10.0.0.8/29", "172.16.0.0/12", "::/0", "1.2.3.4", "10.0.0.0/-1", someVCN, someSubnet, someDRG,
		string(Public), string(Private), string(Both), string(Groups), string(VCNNative),
		"workers", "pods", OSN, "tcp", "icmp", "3/4", "80", "9-1",
	})
	rapid.Check(t, func(t *rapid.T) {
		list := func(name string) []string { return rapid.SliceOfN(text, 0, 3).Draw(t, name) }
		s := Spec{
			VcnCIDR: text.Draw(t, "vcn"), PodNetwork: PodNetwork(text.Draw(t, "pod network")),
			PodsCIDR: text.Draw(t, "pods"), ServicesCIDR: text.Draw(t, "services"),
			APIEndpoint: Visibility(text.Draw(t, "endpoint")), APIAllowedCIDRs: list("api"),
			LoadBalancers: Visibility(text.Draw(t, "load balancers")), LoadBalancerAllowedCIDRs: list("public"),
			InternalLoadBalancerAllowedCIDRs: list("internal"), InternetEgress: Egress(text.Draw(t, "egress")),
			VcnID: text.Draw(t, "vcn id"), NATGatewayID: text.Draw(t, "nat id"), DrgID: text.Draw(t, "drg id"),
			PeerCIDRs: list("peers"), SecurityBy: SecurityBy(text.Draw(t, "security")),
			Bastion: rapid.Bool().Draw(t, "bastion"), BastionAllowedCIDRs: list("bastion clients"),
			Subnets: map[Role]SubnetSpec{},
		}
		for _, role := range append([]Role{"nodes"}, Roles...) {
			if rapid.Bool().Draw(t, "set "+string(role)) {
				bits := rapid.IntRange(-1, 40).Draw(t, "bits")
				s.Subnets[role] = SubnetSpec{PrefixLength(bits), text.Draw(t, "cidr"), text.Draw(t, "id")}
			}
		}
		s.ExtraRules = []ExtraRule{{
			From: text.Draw(t, "from"), To: text.Draw(t, "to"),
			Protocol: text.Draw(t, "protocol"), Ports: Ports(text.Draw(t, "ports")),
		}}
		if rapid.Bool().Draw(t, "defaults") {
			s.ApplyDefaults()
		}
		var p problem.List
		s.Validate(&p, Capacity{Pools: []Pool{{Nodes: rapid.IntRange(0, 1<<20).Draw(t, "nodes"), PodsPerNode: 31}}})
		if _, err := Plan(s); err != nil && p.Err() == nil {
			t.Fatalf("accepted, but not planned: %v", err)
		}
	})
}

// A bigger VCN gives bigger places, so plans are checked against the room that they promise.
func TestCapacityThatIsAcceptedFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySpec(t).withoutUnused()
		pool := Pool{rapid.IntRange(0, 5000).Draw(t, "nodes"), rapid.IntRange(1, 110).Draw(t, "pods")}
		need := Capacity{Pools: []Pool{pool}}
		var p problem.List
		s.Validate(&p, need)
		plan, err := Plan(s)
		if err != nil {
			t.Fatal(err)
		}
		fits := true
		for _, subnet := range plan.Subnets {
			room := 1<<(32-subnet.CIDR.Bits()) - 3
			switch subnet.Role {
			case Workers:
				fits = fits && need.Pools[0].Nodes <= room
			case Pods:
				fits = fits && need.Pools[0].Nodes*(need.Pools[0].PodsPerNode+(need.Pools[0].PodsPerNode+30)/31) <= room
			}
		}
		if s.PodNetwork == Flannel {
			fits = fits && need.Pools[0].Nodes <= 512 // /25s in a /16
		}
		if accepted := p.Err() == nil; accepted != fits {
			t.Fatalf("accepted %t, fits %t: %v", accepted, fits, p.Err())
		}
	})
}

// Following the advice of a problem of a subnet's room leaves no problem of that subnet, and makes none of another.
func TestAdviceWouldDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySpec(t).withoutUnused()
		vcn, err := ParseCIDR(s.VcnCIDR)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "workers elsewhere") {
			s.Subnets[Workers] = SubnetSpec{CIDR: netip.PrefixFrom(places[Workers].room(vcn).Addr(), 30).String()}
		}
		need := Capacity{
			Pools:               []Pool{{rapid.IntRange(0, 40000).Draw(t, "nodes"), rapid.IntRange(1, 3).Draw(t, "pods")}},
			PublicLoadBalancers: rapid.IntRange(0, 3000).Draw(t, "load balancers"),
		}
		refused := func() map[Role]bool {
			var p problem.List
			s.Validate(&p, need)
			roles := map[Role]bool{}
			for _, one := range p.Problems() {
				if role, ok := strings.CutPrefix(one.Key, "subnets."); ok {
					roles[Role(role)] = true
				}
			}
			return roles
		}
		before := refused()
		for _, role := range Roles {
			if !before[role] {
				continue
			}
			subnet, err := s.subnet(role, vcn)
			if err != nil {
				t.Fatal(err)
			}
			wanted, advice := s.advise(subnet, vcn, demandOf(role, need))
			if wanted == (SubnetSpec{}) {
				continue
			}
			s.Subnets[role] = wanted
			after := refused()
			for other := range after {
				if other == role || !before[other] {
					t.Fatalf("%s: %s: then %s is refused", role, advice, other)
				}
			}
			return
		}
	})
}
