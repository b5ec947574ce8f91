package layout

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"oke-guestbook/plan/problem"
)

const (
	someVCN    = "ocid1.vcn.oc1.iad.aaaa"
	someSubnet = "ocid1.subnet.oc1.iad.aaaa"
	someDRG    = "ocid1.drg.oc1.iad.aaaa"
)

// valid is a spec without problems, for tests that spoil one thing.
func valid() Spec {
	s := Spec{LoadBalancerAllowedCIDRs: []string{Anywhere}}
	s.ApplyDefaults()
	return s
}

func TestValidSettings(t *testing.T) {
	for name, change := range map[string]func(*Spec){
		"defaults":                      func(*Spec) {},
		"public endpoint for everybody": func(s *Spec) { s.APIEndpoint = Public; s.APIAllowedCIDRs = []string{Anywhere} },
		"VCN-native":                    func(s *Spec) { s.PodNetwork = VCNNative },
		"smallest planned VCN": func(s *Spec) {
			s.VcnCIDR = "192.168.7.0/25"
			s.PodNetwork = VCNNative
			s.LoadBalancers = Both
			s.InternalLoadBalancerAllowedCIDRs = []string{"192.168.7.0/25"}
		},
		"VCN-native ignores podsCidr": func(s *Spec) { s.PodNetwork = VCNNative; s.PodsCIDR = "10.0.0.0/16" },
		"peer behind a DRG": func(s *Spec) {
			s.DrgID, s.PeerCIDRs, s.APIAllowedCIDRs = someDRG, []string{"172.16.0.0/12"}, []string{"172.20.0.0/16"}
		},
		"as many peers as routes": func(s *Spec) { s.DrgID, s.PeerCIDRs = someDRG, peers(198) },
		"more peers than routes, existing subnets' table": func(s *Spec) {
			s.DrgID, s.PeerCIDRs, s.VcnID, s.SecurityBy = someDRG, peers(199), someVCN, Groups
			s.Subnets = map[Role]SubnetSpec{Workers: {ID: someSubnet, CIDR: "10.0.9.0/24"}}
		},
		"more peers than routes, without a DRG": func(s *Spec) { s.PeerCIDRs = peers(201) },
		"private networks let in to public subnets": func(s *Spec) {
			s.DrgID, s.PeerCIDRs = someDRG, []string{"172.16.0.0/12"}
			s.APIEndpoint, s.APIAllowedCIDRs, s.LoadBalancerAllowedCIDRs = Public, []string{"172.20.0.0/16", "10.0.64.0/20"}, []string{"10.0.0.0/8"}
		},
		"private network let in to an existing VCN": func(s *Spec) { s.VcnID, s.LoadBalancerAllowedCIDRs = someVCN, []string{"192.168.1.0/24"} },
		"largest overlay and Services":              func(s *Spec) { s.PodsCIDR, s.ServicesCIDR = "11.0.0.0/8", "172.16.0.0/12" },
		"smallest overlay and Services":             func(s *Spec) { s.PodsCIDR, s.ServicesCIDR = "10.244.0.0/24", "10.96.0.0/28" },
		"peers that nest":                           func(s *Spec) { s.PeerCIDRs = []string{"172.16.0.0/12", "172.20.0.0/16"} },
		"tiny VCN, explicit subnets": func(s *Spec) {
			s.VcnCIDR = "10.9.0.0/27"
			s.Subnets = map[Role]SubnetSpec{API: {CIDR: "10.9.0.0/30"}, Workers: {CIDR: "10.9.0.16/28"}, PublicLoadBalancers: {CIDR: "10.9.0.8/29"}}
		},
		"existing subnet": func(s *Spec) {
			s.VcnID, s.SecurityBy = someVCN, Groups
			s.Subnets = map[Role]SubnetSpec{Workers: {ID: someSubnet, CIDR: "10.0.9.0/24"}}
		},
		"existing gateways": func(s *Spec) {
			s.VcnID, s.InternetGatewayID = someVCN, "ocid1.internetgateway.oc1.iad.aaaa"
			s.NATGatewayID, s.ServiceGatewayID = "ocid1.natgateway.oc1.iad.aaaa", "ocid1.servicegateway.oc1.iad.aaaa"
		},
		"extra rules": func(s *Spec) {
			s.DrgID, s.PeerCIDRs = someDRG, []string{"172.20.0.0/16"}
			s.ExtraRules = []ExtraRule{
				{From: "workers", To: "203.0.113.0/24", Protocol: "tcp", Ports: "27017"},
				{From: "172.20.0.0/16", To: "workers", Protocol: "icmp", Ports: "8"},
				{From: "workers", To: OSN, Protocol: "all", Description: strings.Repeat("x", 255)},
				{From: "api", To: "0.0.0.0/0", Protocol: "tcp", Ports: "9443"}, // the VCN and its peers
				{From: "203.0.113.0/24", To: "workers", Protocol: "icmp", Ports: "3"},
			}
		},
		"extra rules in an existing VCN": func(s *Spec) {
			s.VcnID, s.SecurityBy = someVCN, Groups
			s.Subnets = map[Role]SubnetSpec{Workers: {ID: someSubnet, CIDR: "10.0.9.0/24"}}
			s.ExtraRules = []ExtraRule{
				{From: "203.0.113.0/24", To: "workers", Protocol: "tcp", Ports: "22"},
				{From: "api", To: "10.30.0.0/16", Protocol: "tcp", Ports: "9443"},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := valid()
			change(&s)
			var p problem.List
			s.Validate(&p, Capacity{Pools: []Pool{{Nodes: 2, PodsPerNode: 10}}})
			if err := p.Err(); err != nil {
				t.Fatal(err)
			}
			if _, err := Plan(s); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// peers are n networks.
func peers(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("172.16.%d.0/24", i))
	}
	return all
}

func TestRefusedSettings(t *testing.T) {
	nodes := func(n, pods int) Capacity { return Capacity{Pools: []Pool{{Nodes: n, PodsPerNode: pods}}} }
	for _, test := range []struct {
		name   string
		change func(*Spec)
		need   Capacity
		want   string // the whole error, or its lines
	}{
		{"host bits", func(s *Spec) { s.VcnCIDR = "10.0.0.1/16" }, Capacity{},
			"vcnCidr: 10.0.0.1/16 has host bits set: the network is 10.0.0.0/16"},
		{"no CIDR", func(s *Spec) { s.VcnCIDR = "ten" }, Capacity{},
			`vcnCidr: "ten" is no IPv4 CIDR such as 10.0.0.0/16`},
		{"IPv6", func(s *Spec) { s.VcnCIDR = "fd00::/48" }, Capacity{},
			`vcnCidr: "fd00::/48" is no IPv4 CIDR such as 10.0.0.0/16`},
		{"VCN too large", func(s *Spec) { s.VcnCIDR = "10.0.0.0/15" }, Capacity{},
			"vcnCidr: 10.0.0.0/15 is outside /16 to /30"},
		{"VCN too small for the service", func(s *Spec) { s.VcnCIDR = "10.0.0.0/31" }, Capacity{},
			"vcnCidr: 10.0.0.0/31 is outside /16 to /30"},
		{"VCN too small for the plan", func(s *Spec) { s.VcnCIDR = "10.0.0.0/26" }, Capacity{},
			"vcnCidr: 10.0.0.0/26 has no room for the planned subnets: /25 is the smallest that has; in a smaller one give every subnet a cidr"},
		{"link-local VCN", func(s *Spec) { s.VcnCIDR = "169.254.0.0/16" }, Capacity{},
			"vcnCidr: 169.254.0.0/16 holds addresses that no network may use: 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 and 224.0.0.0/3"},
		{"VCN in what used to be class E", func(s *Spec) { s.VcnCIDR = "240.0.0.0/16" }, Capacity{},
			"vcnCidr: 240.0.0.0/16 holds addresses that no network may use: 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 and 224.0.0.0/3"},
		{"pods and services too many", func(s *Spec) { s.PodsCIDR, s.ServicesCIDR = "12.0.0.0/7", "10.96.0.0/11" }, Capacity{},
			"2 settings need a change:\n  - podsCidr: 12.0.0.0/7 is outside /8 to /25\n  - servicesCidr: 10.96.0.0/11 is outside /12 to /28"},
		{"pods and services too few", func(s *Spec) { s.PodsCIDR, s.ServicesCIDR = "10.244.0.0/26", "10.96.0.0/29" }, Capacity{},
			"2 settings need a change:\n  - podsCidr: 10.244.0.0/26 is outside /8 to /25\n  - servicesCidr: 10.96.0.0/29 is outside /12 to /28"},
		{"everybody a peer", func(s *Spec) { s.PeerCIDRs = []string{Anywhere} }, Capacity{},
			"peerCidrs: 0.0.0.0/0 is outside /1 to /32"},
		{"half of everybody a peer", func(s *Spec) { s.PeerCIDRs = []string{"128.0.0.0/1"} }, Capacity{},
			"peerCidrs: 128.0.0.0/1 holds addresses that no network may use: 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16 and 224.0.0.0/3"},
		{"pods in the VCN", func(s *Spec) { s.PodsCIDR = "10.0.128.0/17" }, Capacity{},
			"podsCidr: 10.0.128.0/17 overlaps 10.0.0.0/16 of vcnCidr"},
		{"services over pods", func(s *Spec) { s.ServicesCIDR = "10.244.0.0/20" }, Capacity{},
			"servicesCidr: 10.244.0.0/20 overlaps 10.244.0.0/16 of podsCidr"},
		{"services in the VCN", func(s *Spec) { s.ServicesCIDR = "10.0.240.0/20" }, Capacity{},
			"servicesCidr: 10.0.240.0/20 overlaps 10.0.0.0/16 of vcnCidr"},
		{"peer over VCN and services", func(s *Spec) { s.PeerCIDRs = []string{"10.0.0.0/9"} }, Capacity{},
			"2 settings need a change:\n  - peerCidrs: 10.0.0.0/9 overlaps 10.0.0.0/16 of vcnCidr\n  - peerCidrs: 10.0.0.0/9 overlaps 10.96.0.0/16 of servicesCidr"},
		{"unknown choices", func(s *Spec) { s.PodNetwork, s.SecurityBy = "calico", "lists" }, Capacity{},
			`podNetwork: "calico" is not one of flannel, vcn-native`},
		{"unknown egress", func(s *Spec) { s.InternetEgress = "all" }, Capacity{},
			`internetEgress: "all" is not one of none, workers, workers-and-pods`},

		{"public endpoint for nobody", func(s *Spec) { s.APIEndpoint = Public }, Capacity{},
			"apiAllowedCidrs: a public endpoint is reached by nobody: name the networks, or 0.0.0.0/0 for the whole internet"},
		{"private endpoint for everybody", func(s *Spec) { s.APIAllowedCIDRs = []string{Anywhere} }, Capacity{},
			"apiAllowedCidrs: a private endpoint is reached by 10.0.0.0/16 and by peerCidrs behind drgId only, and 0.0.0.0/0 lies in none"},
		{"private endpoint, peer without a route", func(s *Spec) { s.PeerCIDRs, s.APIAllowedCIDRs = []string{"172.16.0.0/16"}, []string{"172.16.0.0/16"} }, Capacity{},
			"apiAllowedCidrs: a private endpoint is reached by 10.0.0.0/16 and by peerCidrs behind drgId only, and 172.16.0.0/16 lies in none"},
		{"public load balancers for nobody", func(s *Spec) { s.LoadBalancerAllowedCIDRs = nil }, Capacity{},
			"loadBalancerAllowedCidrs: the public load balancers are reached by nobody: name the networks, or 0.0.0.0/0 for the whole internet"},
		{"internal load balancers for nobody", func(s *Spec) { s.LoadBalancers, s.LoadBalancerAllowedCIDRs = Internal, nil }, Capacity{},
			"internalLoadBalancerAllowedCidrs: the internal load balancers are reached by nobody: name the networks, such as the VCN's, 10.0.0.0/16"},
		{"internal load balancers for everybody", func(s *Spec) { s.LoadBalancers = Both; s.InternalLoadBalancerAllowedCIDRs = []string{Anywhere} }, Capacity{},
			"internalLoadBalancerAllowedCidrs: an internal load balancer is reached by 10.0.0.0/16 and by peerCidrs behind drgId only, and 0.0.0.0/0 lies in none"},
		{"networks of public load balancers that are not there", func(s *Spec) {
			s.LoadBalancers, s.InternalLoadBalancerAllowedCIDRs = Internal, []string{s.VcnCIDR}
		}, Capacity{}, "loadBalancerAllowedCidrs: there are no public load balancers: set loadBalancers to public or both, or leave the networks out"},
		{"networks of internal load balancers that are not there", func(s *Spec) { s.InternalLoadBalancerAllowedCIDRs = []string{s.VcnCIDR} }, Capacity{},
			"internalLoadBalancerAllowedCidrs: there are no internal load balancers: set loadBalancers to internal or both, or leave the networks out"},
		{"half the internet", func(s *Spec) { s.LoadBalancerAllowedCIDRs = []string{"128.0.0.0/1"} }, Capacity{},
			"loadBalancerAllowedCidrs: 128.0.0.0/1 is most of the internet: say 0.0.0.0/0 if everybody is meant, else /8 at the widest"},
		{"public endpoint for a private network", func(s *Spec) { s.APIEndpoint, s.APIAllowedCIDRs = Public, []string{"192.168.1.5/32"} }, Capacity{},
			"apiAllowedCidrs: 192.168.1.5/32 is a private network, and no route lets it in: name the public address that it goes out by, or name the network in peerCidrs, behind drgId"},
		{"public load balancers for a carrier's network", func(s *Spec) { s.LoadBalancerAllowedCIDRs = []string{"203.0.113.0/24", "100.64.3.0/24"} }, Capacity{},
			"loadBalancerAllowedCidrs: 100.64.3.0/24 is a private network, and no route lets it in: name the public address that it goes out by, or name the network in peerCidrs, behind drgId"},
		{"bastion for nobody", func(s *Spec) { s.Bastion = true }, Capacity{},
			"bastionAllowedCidrs: nobody may open a session of the bastion: name the networks, or 0.0.0.0/0 for the whole internet"},
		{"bastion for too many networks", func(s *Spec) {
			s.Bastion = true
			for i := range 21 {
				s.BastionAllowedCIDRs = append(s.BastionAllowedCIDRs, fmt.Sprintf("203.0.113.%d/32", i))
			}
		}, Capacity{}, "bastionAllowedCidrs: 21 networks, and a bastion takes 20: name fewer, wider ones"},
		{"bastion for a public endpoint", func(s *Spec) {
			s.APIEndpoint, s.APIAllowedCIDRs = Public, []string{"203.0.113.0/24"}
			s.Bastion, s.BastionAllowedCIDRs = true, []string{"203.0.113.0/24"}
		}, Capacity{}, "bastion: is for a private endpoint, and apiEndpoint is public"},

		{"networks of a bastion that is not there", func(s *Spec) { s.BastionAllowedCIDRs = []string{"203.0.113.0/24"} }, Capacity{},
			"bastionAllowedCidrs: there is no bastion to open sessions of: set bastion to true, or leave the networks out"},

		{"more nodes than addresses", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{Workers: {PrefixLength: 28}} }, nodes(20, 10),
			"subnets.workers: 20 nodes need 20 addresses, but 10.0.64.0/28 holds 13: prefixLength 27 would do"},
		{"more nodes than the place holds", func(s *Spec) { s.VcnCIDR = "10.0.0.0/24" }, nodes(100, 10),
			"subnets.workers: 100 nodes need 100 addresses, but 10.0.0.64/26 holds 61: cidr 10.0.0.128/25 would do"},
		{"more nodes than the other subnets leave", func(s *Spec) { s.VcnCIDR, s.PodNetwork = "10.0.0.0/24", VCNNative }, nodes(100, 1),
			"2 settings need a change:\n" +
				"  - subnets.workers: 100 nodes need 100 addresses, but 10.0.0.64/26 holds 61: that takes a /25, and beside the other subnets' places 10.0.0.0/24 has none: enlarge vcnCidr\n" +
				"  - subnets.pods: 100 Pods and the 100 VNICs that carry them need 200 addresses, but 10.0.0.128/25 holds 125: that takes a /24, and beside the other subnets' places 10.0.0.0/24 has none: enlarge vcnCidr"},
		{"more nodes than an explicit subnet", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{Workers: {CIDR: "10.0.1.0/28"}} }, nodes(20, 10),
			"subnets.workers: 20 nodes need 20 addresses, but 10.0.1.0/28 holds 13: cidr 10.0.1.0/27 would do"},
		{"more Pods than addresses", func(s *Spec) { s.PodNetwork = VCNNative; s.Subnets = map[Role]SubnetSpec{Pods: {PrefixLength: 24}} }, nodes(10, 63),
			"subnets.pods: 630 Pods and the 30 VNICs that carry them need 660 addresses, but 10.0.128.0/24 holds 253: prefixLength 22 would do"},
		{"more Pods than the VCN", func(s *Spec) { s.PodNetwork = VCNNative; s.VcnCIDR = "10.0.0.0/24" }, nodes(10, 62),
			"subnets.pods: 620 Pods and the 20 VNICs that carry them need 640 addresses, but 10.0.0.128/25 holds 125: that takes a /22, more than the whole VCN, 10.0.0.0/24: enlarge vcnCidr"},
		{"more Pods than any VCN", func(s *Spec) { s.PodNetwork = VCNNative }, nodes(1000, 110),
			"subnets.pods: 110000 Pods and the 4000 VNICs that carry them need 114000 addresses, but 10.0.128.0/17 holds 32765: that takes a /15, more than the whole VCN, 10.0.0.0/16: take fewer nodes or a lower maxPodsPerNode"},
		{"more Pods than the largest VCN leaves", func(s *Spec) { s.PodNetwork = VCNNative }, nodes(1024, 31),
			"subnets.pods: 31744 Pods and the 1024 VNICs that carry them need 32768 addresses, but 10.0.128.0/17 holds 32765: that takes a /16, and beside the other subnets' places 10.0.0.0/16 has none: take fewer nodes or a lower maxPodsPerNode"},
		{"more nodes than the overlay", func(s *Spec) { s.PodsCIDR = "10.244.0.0/22" }, nodes(20, 31),
			"podsCidr: 20 nodes need a /25 each, but 10.244.0.0/22 holds 8: /20 would do"},
		{"more nodes than the smallest overlay", func(s *Spec) { s.PodsCIDR = "10.244.0.0/25" }, nodes(2, 31),
			"podsCidr: 2 nodes need a /25 each, but 10.244.0.0/25 holds 1: /24 would do"},
		{"more load balancers than addresses", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{PublicLoadBalancers: {PrefixLength: 29}} }, Capacity{PublicLoadBalancers: 4},
			"subnets.publicLoadBalancers: load balancers, 4 of them, need 12 addresses, but 10.0.32.0/29 holds 5: prefixLength 28 would do"},
		{"existing subnet too small", func(s *Spec) {
			s.VcnID, s.SecurityBy, s.Subnets = someVCN, Groups, map[Role]SubnetSpec{Workers: {ID: someSubnet, CIDR: "10.0.9.0/28"}}
		}, nodes(20, 10),
			"subnets.workers: 20 nodes need 20 addresses, but 10.0.9.0/28 holds 13: choose a subnet of /27"},

		{"unknown role", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{"nodes": {PrefixLength: 24}} }, Capacity{},
			`subnets: "nodes" is no role; the roles are [api workers pods publicLoadBalancers internalLoadBalancers bastion]`},
		{"subnets that the stack has not", func(s *Spec) {
			s.Subnets = map[Role]SubnetSpec{Pods: {PrefixLength: 18}, Bastion: {CIDR: "10.0.16.0/29"}}
		}, Capacity{}, "2 settings need a change:\n" +
			"  - subnets.bastion: this stack has no such subnet; it has api, workers, publicLoadBalancers\n" +
			"  - subnets.pods: this stack has no such subnet; it has api, workers, publicLoadBalancers"},
		{"subnet outside the VCN", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{API: {CIDR: "10.1.0.0/29"}} }, Capacity{},
			"subnets.api.cidr: 10.1.0.0/29 is outside the VCN, 10.0.0.0/16"},
		{"subnet wider than the VCN", func(s *Spec) { s.VcnCIDR, s.Subnets = "10.0.0.0/24", map[Role]SubnetSpec{API: {CIDR: "10.0.0.0/23"}} }, Capacity{},
			"subnets.api.cidr: 10.0.0.0/23 is outside the VCN, 10.0.0.0/24"},
		{"subnet with host bits", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{API: {CIDR: "10.0.0.1/29"}} }, Capacity{},
			"subnets.api: 10.0.0.1/29 has host bits set: the network is 10.0.0.0/29"},
		{"subnet too small for the service", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{API: {CIDR: "10.0.0.0/31"}} }, Capacity{},
			"subnets.api.cidr: 10.0.0.0/31: a subnet is /30 at the smallest"},
		{"subnets that overlap", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{API: {CIDR: "10.0.64.0/29"}} }, Capacity{},
			"subnets.workers: 10.0.64.0/20 overlaps subnet api, 10.0.64.0/29"},
		{"size and CIDR", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{API: {CIDR: "10.0.0.0/29", PrefixLength: 29}} }, Capacity{},
			"subnets.api: takes prefixLength or cidr, not both"},
		{"size above its place", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{API: {PrefixLength: 19}} }, Capacity{},
			"subnets.api: prefixLength 19: its place in 10.0.0.0/16 is 10.0.0.0/20, so /20 to /30 can be had; a cidr of its own can be larger"},
		{"size below what a subnet has", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{API: {PrefixLength: 31}} }, Capacity{},
			"subnets.api: prefixLength 31: its place in 10.0.0.0/16 is 10.0.0.0/20, so /20 to /30 can be had; a cidr of its own can be larger"},

		{"OCID of another kind", func(s *Spec) { s.VcnID = someSubnet }, Capacity{},
			`vcnId: "ocid1.subnet.oc1.iad.aaaa" is the OCID of a subnet, not of a vcn`},
		{"no OCID", func(s *Spec) { s.VcnID = "my-vcn" }, Capacity{},
			`vcnId: "my-vcn" is no OCID such as ocid1.vcn.oc1.iad.aaaa`},
		{"OCID without its end", func(s *Spec) { s.VcnID = "ocid1.vcn.oc1.iad" }, Capacity{},
			`vcnId: "ocid1.vcn.oc1.iad" is no OCID such as ocid1.vcn.oc1.iad.aaaa`},
		{"gateways' OCIDs of other kinds", func(s *Spec) {
			s.DrgID, s.PeerCIDRs, s.VcnID = "ocid1.drgattachment.oc1.iad.aaaa", peers(1), someVCN
			s.InternetGatewayID, s.NATGatewayID, s.ServiceGatewayID = "ocid1.natgateway.oc1.iad.aaaa", "ocid1.servicegateway.oc1.iad.aaaa", "ocid1.internetgateway.oc1.iad.aaaa"
		}, Capacity{}, "4 settings need a change:\n" +
			`  - drgId: "ocid1.drgattachment.oc1.iad.aaaa" is the OCID of a drgattachment, not of a drg` + "\n" +
			`  - internetGatewayId: "ocid1.natgateway.oc1.iad.aaaa" is the OCID of a natgateway, not of a internetgateway` + "\n" +
			`  - natGatewayId: "ocid1.servicegateway.oc1.iad.aaaa" is the OCID of a servicegateway, not of a natgateway` + "\n" +
			`  - serviceGatewayId: "ocid1.internetgateway.oc1.iad.aaaa" is the OCID of a internetgateway, not of a servicegateway`},
		{"gateway without VCN", func(s *Spec) { s.NATGatewayID = "ocid1.natgateway.oc1.iad.aaaa" }, Capacity{},
			"natGatewayId: an existing gateway belongs to an existing VCN: set vcnId too"},
		{"NAT gateway that nobody goes through", func(s *Spec) {
			s.VcnID, s.NATGatewayID, s.InternetEgress = someVCN, "ocid1.natgateway.oc1.iad.aaaa", EgressNone
		}, Capacity{}, "natGatewayId: no route that this stack makes leads to the gateway: leave it out"},
		{"gateway of existing subnets only", func(s *Spec) {
			s.VcnID, s.InternetGatewayID, s.SecurityBy = someVCN, "ocid1.internetgateway.oc1.iad.aaaa", Groups
			s.Subnets = map[Role]SubnetSpec{PublicLoadBalancers: {ID: someSubnet, CIDR: "10.0.9.0/24"}}
		}, Capacity{}, "internetGatewayId: no route that this stack makes leads to the gateway: leave it out"},
		{"subnet OCID of another kind", func(s *Spec) {
			s.VcnID, s.SecurityBy, s.Subnets = someVCN, Groups, map[Role]SubnetSpec{API: {ID: someVCN, CIDR: "10.0.0.0/29"}}
		}, Capacity{}, `subnets.api.id: "ocid1.vcn.oc1.iad.aaaa" is the OCID of a vcn, not of a subnet`},
		{"existing subnet outside its VCN", func(s *Spec) {
			s.VcnID, s.SecurityBy, s.Subnets = someVCN, Groups, map[Role]SubnetSpec{API: {ID: someSubnet, CIDR: "10.1.0.0/29"}}
		}, Capacity{}, "subnets.api.cidr: 10.1.0.0/29 is outside the VCN, 10.0.0.0/16"},
		{"existing subnet in a new VCN", func(s *Spec) {
			s.SecurityBy, s.Subnets = Groups, map[Role]SubnetSpec{API: {ID: someSubnet, CIDR: "10.0.0.0/29"}}
		}, Capacity{},
			"subnets.api.id: an existing subnet belongs to an existing VCN: set vcnId too"},
		{"existing subnet without CIDR", func(s *Spec) {
			s.VcnID, s.SecurityBy, s.Subnets = someVCN, Groups, map[Role]SubnetSpec{API: {ID: someSubnet}}
		}, Capacity{},
			"subnets.api.cidr: say the CIDR of the existing subnet: the rules name it"},
		{"existing subnet and security lists", func(s *Spec) {
			s.VcnID, s.Subnets = someVCN, map[Role]SubnetSpec{API: {ID: someSubnet, CIDR: "10.0.0.0/29"}}
		}, Capacity{},
			"subnets.api.id: an existing subnet keeps its security lists, so its rules go into network security groups: set securityBy to groups"},
		{"existing subnet for the bastion", func(s *Spec) {
			s.VcnID, s.SecurityBy, s.Bastion, s.BastionAllowedCIDRs = someVCN, Groups, true, []string{"203.0.113.0/24"}
			s.Subnets = map[Role]SubnetSpec{Bastion: {ID: someSubnet, CIDR: "10.0.9.0/29"}}
		}, Capacity{}, "subnets.bastion.id: the rules of the bastion's subnet are in a security list, which an existing subnet does not get: leave id out"},
		{"more peers than routes", func(s *Spec) { s.DrgID, s.PeerCIDRs = someDRG, peers(199) }, Capacity{},
			"peerCidrs: route table private needs 201 rules, and holds 200: name fewer, wider networks"},
		{"DRG to nowhere", func(s *Spec) { s.DrgID = someDRG }, Capacity{},
			"drgId: leads nowhere: name the networks behind it in peerCidrs"},

		{"flow logs of an unknown subnet", func(s *Spec) { s.FlowLogs = []Role{"nodes"} }, Capacity{},
			`flowLogs: "nodes" is not one of api, workers, publicLoadBalancers`},
		{"flow logs of a subnet that is not there", func(s *Spec) { s.FlowLogs = []Role{Pods} }, Capacity{},
			`flowLogs: this stack has no subnet "pods"; it has api, workers, publicLoadBalancers`},

		{"extra rule with an unknown subnet", func(s *Spec) { s.ExtraRules = []ExtraRule{{From: "nodes", To: "api", Protocol: "tcp", Ports: "1"}} }, Capacity{},
			`extraRules[0]: from: "nodes" is no subnet of this stack (api, workers, publicLoadBalancers), no CIDR and not osn`},
		{"extra rule with a subnet that is not there", func(s *Spec) { s.ExtraRules = []ExtraRule{{From: "pods", To: "workers", Protocol: "tcp"}} }, Capacity{},
			`extraRules[0]: from: this stack has no subnet "pods"; it has api, workers, publicLoadBalancers`},
		{"extra rule from half the internet", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "128.0.0.0/1", To: "publicLoadBalancers", Protocol: "tcp", Ports: "30000"}}
		}, Capacity{}, "extraRules[0]: from: 128.0.0.0/1 is most of the internet: say 0.0.0.0/0 if everybody is meant, else /8 at the widest"},
		{"extra rule between strangers", func(s *Spec) { s.ExtraRules = []ExtraRule{{From: "10.1.0.0/16", To: "10.2.0.0/16", Protocol: "all"}} }, Capacity{},
			"extraRules[0]: one end must be a subnet: api, workers, publicLoadBalancers"},
		{"extra rule to what Pods have no route to", func(s *Spec) {
			s.PodNetwork, s.ExtraRules = VCNNative, []ExtraRule{{From: "pods", To: "198.51.100.7/32", Protocol: "tcp", Ports: "27017"}}
		}, Capacity{}, "extraRules[0]: no route leads from pods to 198.51.100.7/32: set internetEgress to workers-and-pods, or name the network in peerCidrs, behind drgId"},
		{"extra rule to what workers have no route to", func(s *Spec) {
			s.InternetEgress, s.ExtraRules = EgressNone, []ExtraRule{{From: "workers", To: "198.51.100.7/32", Protocol: "tcp", Ports: "27017"}}
		}, Capacity{}, "extraRules[0]: no route leads from workers to 198.51.100.7/32: set internetEgress to workers, or name the network in peerCidrs, behind drgId"},
		{"extra rule to a private network through NAT", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "workers", To: "192.168.3.0/24", Protocol: "tcp", Ports: "27017"}}
		}, Capacity{}, "extraRules[0]: no route leads from workers to 192.168.3.0/24: name the network in peerCidrs, behind drgId"},
		{"extra rule to Oracle's services without a route", func(s *Spec) {
			s.LoadBalancers, s.InternalLoadBalancerAllowedCIDRs = Both, []string{s.VcnCIDR}
			s.ExtraRules = []ExtraRule{{From: "internalLoadBalancers", To: OSN, Protocol: "all"}}
		}, Capacity{}, "extraRules[0]: no route leads from internalLoadBalancers to Oracle's services: leave the rule out"},
		{"extra rule in through NAT", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "203.0.113.0/24", To: "workers", Protocol: "tcp", Ports: "22"}}
		}, Capacity{}, "extraRules[0]: no route lets 203.0.113.0/24 in to workers: name the network in peerCidrs, behind drgId, or open a public subnet"},
		{"extra rule from a private network to a public subnet", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "192.168.3.0/24", To: "publicLoadBalancers", Protocol: "tcp", Ports: "8443"}}
		}, Capacity{}, "extraRules[0]: no route lets 192.168.3.0/24 in to publicLoadBalancers: name the network in peerCidrs, behind drgId"},
		{"extra rule from Oracle's services", func(s *Spec) { s.ExtraRules = []ExtraRule{{From: OSN, To: "workers", Protocol: "all"}} }, Capacity{},
			"extraRules[0]: from: Oracle's services open no connections to the VCN"},
		{"extra rule with a port out of range", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "tcp", Ports: "65536"}}
		}, Capacity{},
			`extraRules[0]: ports: "65536" is no port (1 to 65535) and no range such as 8000-8010`},
		{"extra rule with a range upside down", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "udp", Ports: "90-80"}}
		}, Capacity{},
			`extraRules[0]: ports: "90-80" is no port (1 to 65535) and no range such as 8000-8010`},
		{"extra rule with ports of every protocol", func(s *Spec) { s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "all", Ports: "80"}} }, Capacity{},
			"extraRules[0]: ports: protocol all has none; choose tcp or udp, or leave ports out"},
		{"extra rule of an unknown protocol", func(s *Spec) { s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "sctp"}} }, Capacity{},
			`extraRules[0]: protocol: "sctp" is not one of tcp, udp, icmp, all`},
		{"extra rule of an unknown ICMP type", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "icmp", Ports: "3/x"}}
		}, Capacity{},
			`extraRules[0]: ports: "3/x" is no ICMP type such as 8, and no type and code such as 3/4`},
		{"extra rule of an ICMP code that is none", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "icmp", Ports: "3/256"}, {From: "workers", To: "api", Protocol: "icmp", Ports: "3/-1"}}
		}, Capacity{}, "2 settings need a change:\n" +
			`  - extraRules[0]: ports: "3/256" is no ICMP type such as 8, and no type and code such as 3/4` + "\n" +
			`  - extraRules[1]: ports: "3/-1" is no ICMP type such as 8, and no type and code such as 3/4`},
		{"extra rule with an essay", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "all", Description: strings.Repeat("x", 256)}}
		}, Capacity{}, "extraRules[0]: description: one line of at most 255 characters"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := valid()
			test.change(&s)
			var p problem.List
			s.Validate(&p, test.need)
			err := p.Err()
			if err == nil {
				t.Fatal("accepted")
			}
			if err.Error() != test.want {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

func TestDecodingIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		`{"subnets": {"workers": {"prefix": 20}}}`:                        "a subnet takes prefixLength, or cidr, or id and cidr",
		`{"subnets": {"workers": {"prefixLength": 0}}}`:                   "no subnet has the prefix length 0: leave it out for the planned one",
		`{"extraRules": [{"from": "workers", "to": "osn", "port": "1"}]}`: "an extra rule takes from, to, protocol, ports and description",
		`{"loadBalancerPorts": ["http"]}`:                                 `"http" is no port`,
	} {
		var s Spec
		if err := json.Unmarshal([]byte(text), &s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	var s Spec
	if err := json.Unmarshal([]byte(`{"loadBalancerPorts": [80, "8000-8010"], "extraRules": [{"ports": 443}, {"ports": "8000-8010"}]}`), &s); err != nil {
		t.Fatal(err)
	}
	if got, want := s.LoadBalancerPorts, (PortRange{8000, 8010}); len(got) != 2 || got[1] != want {
		t.Errorf("ports %v", got)
	}
	if got := s.ExtraRules; len(got) != 2 || got[0].Ports != "443" || got[1].Ports != "8000-8010" {
		t.Errorf("extra rules %v", got)
	}
}
