package layout

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/problem/problemtest"
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
			s.APIEndpoint, s.APIAllowedCIDRs, s.LoadBalancerAllowedCIDRs = Public, []string{
				"172.20.0.0/16",
				"10.0.64.0/20",
			}, []string{"10.0.0.0/8"}
		},
		"private network let in to an existing VCN": func(s *Spec) {
			s.VcnID, s.LoadBalancerAllowedCIDRs = someVCN, []string{"192.168.1.0/24"}
		},
		"largest overlay and Services": func(s *Spec) {
			s.PodsCIDR, s.ServicesCIDR = "11.0.0.0/8", "172.16.0.0/12"
		},
		"smallest overlay and Services": func(s *Spec) {
			s.PodsCIDR, s.ServicesCIDR = "10.244.0.0/24", "10.96.0.0/28"
		},
		"peers that nest": func(s *Spec) {
			s.PeerCIDRs = []string{"172.16.0.0/12", "172.20.0.0/16"}
		},
		"tiny VCN, explicit subnets": func(s *Spec) {
			s.VcnCIDR = "10.9.0.0/27"
			s.Subnets = map[Role]SubnetSpec{
				API: {CIDR: "10.9.0.0/30"}, Workers: {CIDR: "10.9.0.16/28"},
				PublicLoadBalancers: {CIDR: "10.9.0.8/29"},
			}
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

// refusal is a change of valid settings that must have the wanted problems, as in problemtest.Check.
type refusal struct {
	name   string
	change func(*Spec)
	need   Capacity
	want   []string
}

func checkRefusals(t *testing.T, refusals []refusal) {
	t.Helper()
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			s := valid()
			test.change(&s)
			var p problem.List
			s.Validate(&p, test.need)
			problemtest.Check(t, p.Err(), test.want...)
		})
	}
}

// nodes is the capacity of one pool.
func nodes(n, pods int) Capacity { return Capacity{Pools: []Pool{{Nodes: n, PodsPerNode: pods}}} }

func TestRefusedRanges(t *testing.T) {
	checkRefusals(t, []refusal{
		{
			"host bits", func(s *Spec) { s.VcnCIDR = "10.0.0.1/16" },
			Capacity{},
			[]string{"vcnCidr 10.0.0.1/16 10.0.0.0/16"},
		},
		{
			"no CIDR", func(s *Spec) { s.VcnCIDR = "ten" },
			Capacity{},
			[]string{"vcnCidr ten IPv4 10.0.0.0/16"},
		},
		{
			"IPv6", func(s *Spec) { s.VcnCIDR = "fd00::/48" },
			Capacity{},
			[]string{"vcnCidr fd00::/48 IPv4 10.0.0.0/16"},
		},
		{
			"VCN too large", func(s *Spec) { s.VcnCIDR = "10.0.0.0/15" },
			Capacity{},
			[]string{"vcnCidr 10.0.0.0/15 /16 /30"},
		},
		{
			"VCN too small for the service", func(s *Spec) { s.VcnCIDR = "10.0.0.0/31" },
			Capacity{},
			[]string{"vcnCidr 10.0.0.0/31 /16 /30"},
		},
		{
			"VCN too small for the plan", func(s *Spec) { s.VcnCIDR = "10.0.0.0/26" },
			Capacity{},
			[]string{"vcnCidr 10.0.0.0/26 /25"},
		},
		{
			"link-local VCN", func(s *Spec) { s.VcnCIDR = "169.254.0.0/16" },
			Capacity{},
			[]string{"vcnCidr 169.254.0.0/16 0.0.0.0/8 127.0.0.0/8 224.0.0.0/3"},
		},
		{
			"VCN in what used to be class E", func(s *Spec) { s.VcnCIDR = "240.0.0.0/16" },
			Capacity{},
			[]string{"vcnCidr 240.0.0.0/16 0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 224.0.0.0/3"},
		},
		{
			"pods and services too many", func(s *Spec) {
				s.PodsCIDR, s.ServicesCIDR = "12.0.0.0/7", "10.96.0.0/11"
			},
			Capacity{},
			[]string{"podsCidr 12.0.0.0/7 /8 /25", "servicesCidr 10.96.0.0/11 /12 /28"},
		},
		{
			"pods and services too few", func(s *Spec) {
				s.PodsCIDR, s.ServicesCIDR = "10.244.0.0/26", "10.96.0.0/29"
			},
			Capacity{},
			[]string{"podsCidr 10.244.0.0/26 /8 /25", "servicesCidr 10.96.0.0/29 /12 /28"},
		},
		{
			"everybody a peer", func(s *Spec) { s.PeerCIDRs = []string{Anywhere} },
			Capacity{},
			[]string{"peerCidrs 0.0.0.0/0 /1 /32"},
		},
		{
			"half of everybody a peer", func(s *Spec) { s.PeerCIDRs = []string{"128.0.0.0/1"} },
			Capacity{},
			[]string{"peerCidrs 128.0.0.0/1 0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 224.0.0.0/3"},
		},
		{
			"pods in the VCN", func(s *Spec) { s.PodsCIDR = "10.0.128.0/17" },
			Capacity{},
			[]string{"podsCidr 10.0.128.0/17 10.0.0.0/16 vcnCidr"},
		},
		{
			"services over pods", func(s *Spec) { s.ServicesCIDR = "10.244.0.0/20" },
			Capacity{},
			[]string{"servicesCidr 10.244.0.0/20 10.244.0.0/16 podsCidr"},
		},
		{
			"services in the VCN", func(s *Spec) { s.ServicesCIDR = "10.0.240.0/20" },
			Capacity{},
			[]string{"servicesCidr 10.0.240.0/20 10.0.0.0/16 vcnCidr"},
		},
		{
			"peer over VCN and services", func(s *Spec) { s.PeerCIDRs = []string{"10.0.0.0/9"} },
			Capacity{},
			[]string{"peerCidrs 10.0.0.0/9 10.0.0.0/16 vcnCidr", "peerCidrs 10.0.0.0/9 10.96.0.0/16 servicesCidr"},
		},
		{
			"unknown choices", func(s *Spec) { s.PodNetwork, s.SecurityBy = "calico", "lists" },
			Capacity{},
			[]string{"podNetwork calico"},
		},
		{
			"unknown egress", func(s *Spec) { s.InternetEgress = "all" },
			Capacity{},
			[]string{"internetEgress all"},
		},
	})
}

func TestRefusedOpenings(t *testing.T) {
	checkRefusals(t, []refusal{
		{
			"public endpoint for nobody", func(s *Spec) { s.APIEndpoint = Public },
			Capacity{},
			[]string{"apiAllowedCidrs 0.0.0.0/0"},
		},
		{
			"private endpoint for everybody", func(s *Spec) { s.APIAllowedCIDRs = []string{Anywhere} },
			Capacity{},
			[]string{"apiAllowedCidrs 10.0.0.0/16 peerCidrs drgId 0.0.0.0/0"},
		},
		{
			"private endpoint, peer without a route", func(s *Spec) {
				s.PeerCIDRs, s.APIAllowedCIDRs = []string{"172.16.0.0/16"}, []string{"172.16.0.0/16"}
			},
			Capacity{},
			[]string{"apiAllowedCidrs 10.0.0.0/16 peerCidrs drgId 172.16.0.0/16"},
		},
		{
			"public load balancers for nobody", func(s *Spec) { s.LoadBalancerAllowedCIDRs = nil },
			Capacity{},
			[]string{"loadBalancerAllowedCidrs 0.0.0.0/0"},
		},
		{
			"internal load balancers for nobody", func(s *Spec) {
				s.LoadBalancers, s.LoadBalancerAllowedCIDRs = Internal, nil
			},
			Capacity{},
			[]string{"internalLoadBalancerAllowedCidrs 10.0.0.0/16"},
		},
		{
			"internal load balancers for everybody", func(s *Spec) {
				s.LoadBalancers = Both
				s.InternalLoadBalancerAllowedCIDRs = []string{Anywhere}
			},
			Capacity{},
			[]string{"internalLoadBalancerAllowedCidrs 10.0.0.0/16 peerCidrs drgId 0.0.0.0/0"},
		},
		{"networks of public load balancers that are not there", func(s *Spec) {
			s.LoadBalancers, s.InternalLoadBalancerAllowedCIDRs = Internal, []string{s.VcnCIDR}
		}, Capacity{}, []string{"loadBalancerAllowedCidrs loadBalancers"}},
		{
			"networks of internal load balancers that are not there", func(s *Spec) {
				s.InternalLoadBalancerAllowedCIDRs = []string{s.VcnCIDR}
			},
			Capacity{},
			[]string{"internalLoadBalancerAllowedCidrs loadBalancers"},
		},
		{
			"half the internet", func(s *Spec) { s.LoadBalancerAllowedCIDRs = []string{"128.0.0.0/1"} },
			Capacity{},
			[]string{"loadBalancerAllowedCidrs 128.0.0.0/1 0.0.0.0/0 /8"},
		},
		{
			"public endpoint for a private network", func(s *Spec) {
				s.APIEndpoint, s.APIAllowedCIDRs = Public, []string{"192.168.1.5/32"}
			},
			Capacity{},
			[]string{"apiAllowedCidrs 192.168.1.5/32 peerCidrs drgId"},
		},
		{
			"public load balancers for a carrier's network", func(s *Spec) {
				s.LoadBalancerAllowedCIDRs = []string{"203.0.113.0/24", "100.64.3.0/24"}
			},
			Capacity{},
			[]string{"loadBalancerAllowedCidrs 100.64.3.0/24 peerCidrs drgId"},
		},
		{
			"bastion for nobody", func(s *Spec) { s.Bastion = true },
			Capacity{},
			[]string{"bastionAllowedCidrs 0.0.0.0/0"},
		},
		{"bastion for too many networks", func(s *Spec) {
			s.Bastion = true
			for i := range 21 {
				s.BastionAllowedCIDRs = append(s.BastionAllowedCIDRs, fmt.Sprintf("203.0.113.%d/32", i))
			}
		}, Capacity{}, []string{"bastionAllowedCidrs 21 20"}},
		{"bastion for a public endpoint", func(s *Spec) {
			s.APIEndpoint, s.APIAllowedCIDRs = Public, []string{"203.0.113.0/24"}
			s.Bastion, s.BastionAllowedCIDRs = true, []string{"203.0.113.0/24"}
		}, Capacity{}, []string{"bastion apiEndpoint"}},
		{
			"networks of a bastion that is not there", func(s *Spec) {
				s.BastionAllowedCIDRs = []string{"203.0.113.0/24"}
			},
			Capacity{},
			[]string{"bastionAllowedCidrs"},
		},
	})
}

func TestRefusedRoom(t *testing.T) {
	checkRefusals(t, []refusal{
		{
			"more nodes than addresses", func(s *Spec) {
				s.Subnets = map[Role]SubnetSpec{Workers: {PrefixLength: 28}}
			}, nodes(20, 10),
			[]string{"subnets.workers 20 10.0.64.0/28 13 prefixLength 27"},
		},
		{
			"more nodes than the place holds", func(s *Spec) { s.VcnCIDR = "10.0.0.0/24" }, nodes(100, 10),
			[]string{"subnets.workers 100 10.0.0.64/26 61 10.0.0.128/25"},
		},
		{
			"more nodes than the other subnets leave", func(s *Spec) {
				s.VcnCIDR, s.PodNetwork = "10.0.0.0/24", VCNNative
			}, nodes(100, 1),
			[]string{
				"subnets.workers 100 10.0.0.64/26 61 /25 10.0.0.0/24 vcnCidr",
				"subnets.pods 100 200 10.0.0.128/25 125 /24 10.0.0.0/24 vcnCidr",
			},
		},
		{
			"more nodes than an explicit subnet", func(s *Spec) {
				s.Subnets = map[Role]SubnetSpec{Workers: {CIDR: "10.0.1.0/28"}}
			}, nodes(20, 10),
			[]string{"subnets.workers 20 10.0.1.0/28 13 10.0.1.0/27"},
		},
		{
			"more Pods than addresses", func(s *Spec) {
				s.PodNetwork = VCNNative
				s.Subnets = map[Role]SubnetSpec{Pods: {PrefixLength: 24}}
			}, nodes(10, 63),
			[]string{"subnets.pods 630 30 660 10.0.128.0/24 253 prefixLength 22"},
		},
		{
			"more Pods than the VCN", func(s *Spec) { s.PodNetwork = VCNNative; s.VcnCIDR = "10.0.0.0/24" }, nodes(10, 62),
			[]string{"subnets.pods 620 20 640 10.0.0.128/25 125 /22 10.0.0.0/24 vcnCidr"},
		},
		{
			"more Pods than any VCN", func(s *Spec) { s.PodNetwork = VCNNative }, nodes(1000, 110),
			[]string{"subnets.pods 110000 4000 114000 10.0.128.0/17 32765 /15 10.0.0.0/16 maxPodsPerNode"},
		},
		{
			"more Pods than the largest VCN leaves", func(s *Spec) { s.PodNetwork = VCNNative }, nodes(1024, 31),
			[]string{"subnets.pods 31744 1024 32768 10.0.128.0/17 32765 /16 10.0.0.0/16 maxPodsPerNode"},
		},
		{
			"more nodes than the overlay", func(s *Spec) { s.PodsCIDR = "10.244.0.0/22" }, nodes(20, 31),
			[]string{"podsCidr 20 /25 10.244.0.0/22 8 /20"},
		},
		{
			"more nodes than the smallest overlay", func(s *Spec) { s.PodsCIDR = "10.244.0.0/25" }, nodes(2, 31),
			[]string{"podsCidr 2 /25 10.244.0.0/25 1 /24"},
		},
		{
			"more load balancers than addresses", func(s *Spec) {
				s.Subnets = map[Role]SubnetSpec{PublicLoadBalancers: {PrefixLength: 29}}
			},
			Capacity{PublicLoadBalancers: 4},
			[]string{"subnets.publicLoadBalancers 4 12 10.0.32.0/29 5 prefixLength 28"},
		},
		{
			"existing subnet too small", func(s *Spec) {
				s.VcnID, s.SecurityBy, s.Subnets = someVCN, Groups, map[Role]SubnetSpec{Workers: {
					ID:   someSubnet,
					CIDR: "10.0.9.0/28",
				}}
			}, nodes(20, 10),
			[]string{"subnets.workers 20 10.0.9.0/28 13 /27"},
		},
	})
}

func TestRefusedSubnets(t *testing.T) {
	checkRefusals(t, []refusal{
		{
			"unknown role", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{"nodes": {PrefixLength: 24}} },
			Capacity{},
			[]string{"subnets nodes api workers pods publicLoadBalancers internalLoadBalancers bastion"},
		},
		{"subnets that the stack has not", func(s *Spec) {
			s.Subnets = map[Role]SubnetSpec{Pods: {PrefixLength: 18}, Bastion: {CIDR: "10.0.16.0/29"}}
		}, Capacity{}, []string{"subnets.bastion publicLoadBalancers", "subnets.pods publicLoadBalancers"}},
		{
			"subnet outside the VCN", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{API: {CIDR: "10.1.0.0/29"}} },
			Capacity{},
			[]string{"subnets.api.cidr 10.1.0.0/29 10.0.0.0/16"},
		},
		{
			"subnet wider than the VCN", func(s *Spec) {
				s.VcnCIDR, s.Subnets = "10.0.0.0/24", map[Role]SubnetSpec{API: {CIDR: "10.0.0.0/23"}}
			},
			Capacity{},
			[]string{"subnets.api.cidr 10.0.0.0/23 10.0.0.0/24"},
		},
		{
			"subnet with host bits", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{API: {CIDR: "10.0.0.1/29"}} },
			Capacity{},
			[]string{"subnets.api.cidr 10.0.0.1/29 10.0.0.0/29"},
		},
		{
			"subnet too small for the service", func(s *Spec) {
				s.Subnets = map[Role]SubnetSpec{API: {CIDR: "10.0.0.0/31"}}
			},
			Capacity{},
			[]string{"subnets.api.cidr 10.0.0.0/31 /30"},
		},
		{
			"subnets that overlap", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{API: {CIDR: "10.0.64.0/29"}} },
			Capacity{},
			[]string{"subnets.api 10.0.64.0/29 workers 10.0.64.0/20"},
		},
		{
			"size and CIDR", func(s *Spec) {
				s.Subnets = map[Role]SubnetSpec{API: {CIDR: "10.0.0.0/29", PrefixLength: 29}}
			},
			Capacity{},
			[]string{"subnets.api prefixLength"},
		},
		{
			"size above its place", func(s *Spec) { s.Subnets = map[Role]SubnetSpec{API: {PrefixLength: 19}} },
			Capacity{},
			[]string{"subnets.api prefixLength 19 10.0.0.0/16 10.0.0.0/20 /20 /30"},
		},
		{
			"size below what a subnet has", func(s *Spec) {
				s.Subnets = map[Role]SubnetSpec{API: {PrefixLength: 31}}
			},
			Capacity{},
			[]string{"subnets.api prefixLength 31 10.0.0.0/16 10.0.0.0/20 /20 /30"},
		},
	})
}

func TestRefusedExisting(t *testing.T) {
	checkRefusals(t, []refusal{
		{
			"OCID of another kind", func(s *Spec) { s.VcnID = someSubnet },
			Capacity{},
			[]string{"vcnId ocid1.subnet.oc1.iad.aaaa"},
		},
		{
			"no OCID", func(s *Spec) { s.VcnID = "my-vcn" },
			Capacity{},
			[]string{"vcnId my-vcn ocid1.vcn.oc1.iad.aaaa"},
		},
		{
			"OCID without its end", func(s *Spec) { s.VcnID = "ocid1.vcn.oc1.iad" },
			Capacity{},
			[]string{"vcnId ocid1.vcn.oc1.iad ocid1.vcn.oc1.iad.aaaa"},
		},
		{"gateways' OCIDs of other kinds", func(s *Spec) {
			s.DrgID, s.PeerCIDRs, s.VcnID = "ocid1.drgattachment.oc1.iad.aaaa", peers(1), someVCN
			s.InternetGatewayID, s.NATGatewayID, s.ServiceGatewayID = "ocid1.natgateway.oc1.iad.aaaa",
				"ocid1.servicegateway.oc1.iad.aaaa", "ocid1.internetgateway.oc1.iad.aaaa"
		}, Capacity{}, []string{
			"internetGatewayId ocid1.natgateway.oc1.iad.aaaa", "natGatewayId ocid1.servicegateway.oc1.iad.aaaa",
			"serviceGatewayId ocid1.internetgateway.oc1.iad.aaaa", "drgId ocid1.drgattachment.oc1.iad.aaaa",
		}},
		{
			"gateway without VCN", func(s *Spec) { s.NATGatewayID = "ocid1.natgateway.oc1.iad.aaaa" },
			Capacity{},
			[]string{"natGatewayId vcnId"},
		},
		{"NAT gateway that nobody goes through", func(s *Spec) {
			s.VcnID, s.NATGatewayID, s.InternetEgress = someVCN, "ocid1.natgateway.oc1.iad.aaaa", EgressNone
		}, Capacity{}, []string{"natGatewayId"}},
		{"gateway of existing subnets only", func(s *Spec) {
			s.VcnID, s.InternetGatewayID, s.SecurityBy = someVCN, "ocid1.internetgateway.oc1.iad.aaaa", Groups
			s.Subnets = map[Role]SubnetSpec{PublicLoadBalancers: {ID: someSubnet, CIDR: "10.0.9.0/24"}}
		}, Capacity{}, []string{"internetGatewayId"}},
		{"subnet OCID of another kind", func(s *Spec) {
			s.VcnID, s.SecurityBy, s.Subnets = someVCN, Groups, map[Role]SubnetSpec{API: {ID: someVCN, CIDR: "10.0.0.0/29"}}
		}, Capacity{}, []string{"subnets.api.id ocid1.vcn.oc1.iad.aaaa"}},
		{"one existing subnet for two roles", func(s *Spec) {
			s.VcnID, s.SecurityBy = "ocid1.vcn.oc1.iad.a", Groups
			s.Subnets = map[Role]SubnetSpec{
				API:     {ID: "ocid1.subnet.oc1.iad.a", CIDR: "10.0.0.0/28"},
				Workers: {ID: "ocid1.subnet.oc1.iad.a", CIDR: "10.0.64.0/24"},
			}
		}, Capacity{}, []string{"subnets.workers.id api"}},
		{"existing subnet outside its VCN", func(s *Spec) {
			s.VcnID, s.SecurityBy, s.Subnets = someVCN, Groups, map[Role]SubnetSpec{API: {ID: someSubnet, CIDR: "10.1.0.0/29"}}
		}, Capacity{}, []string{"subnets.api.cidr 10.1.0.0/29 10.0.0.0/16"}},
		{
			"existing subnet in a new VCN", func(s *Spec) {
				s.SecurityBy, s.Subnets = Groups, map[Role]SubnetSpec{API: {ID: someSubnet, CIDR: "10.0.0.0/29"}}
			},
			Capacity{},
			[]string{"subnets.api.id vcnId"},
		},
		{
			"existing subnet without CIDR", func(s *Spec) {
				s.VcnID, s.SecurityBy, s.Subnets = someVCN, Groups, map[Role]SubnetSpec{API: {ID: someSubnet}}
			},
			Capacity{},
			[]string{"subnets.api.cidr"},
		},
		{
			"existing subnet and security lists", func(s *Spec) {
				s.VcnID, s.Subnets = someVCN, map[Role]SubnetSpec{API: {ID: someSubnet, CIDR: "10.0.0.0/29"}}
			},
			Capacity{},
			[]string{"subnets.api.id securityBy"},
		},
		{"existing subnet for the bastion", func(s *Spec) {
			s.VcnID, s.SecurityBy, s.Bastion, s.BastionAllowedCIDRs = someVCN, Groups, true, []string{"203.0.113.0/24"}
			s.Subnets = map[Role]SubnetSpec{Bastion: {ID: someSubnet, CIDR: "10.0.9.0/29"}}
		}, Capacity{}, []string{"subnets.bastion.id"}},
		{
			"more peers than routes", func(s *Spec) { s.DrgID, s.PeerCIDRs = someDRG, peers(199) },
			Capacity{},
			[]string{"peerCidrs 201 200"},
		},
		{
			"DRG to nowhere", func(s *Spec) { s.DrgID = someDRG },
			Capacity{},
			[]string{"drgId peerCidrs"},
		},
	})
}

func TestRefusedExtraRules(t *testing.T) {
	checkRefusals(t, []refusal{
		{
			"flow logs of an unknown subnet", func(s *Spec) { s.FlowLogs = []Role{"nodes"} },
			Capacity{},
			[]string{"flowLogs nodes publicLoadBalancers"},
		},
		{
			"flow logs of a subnet that is not there", func(s *Spec) { s.FlowLogs = []Role{Pods} },
			Capacity{},
			[]string{"flowLogs pods publicLoadBalancers"},
		},
		{
			"extra rule with an unknown subnet", func(s *Spec) {
				s.ExtraRules = []ExtraRule{{From: "nodes", To: "api", Protocol: "tcp", Ports: "1"}}
			},
			Capacity{},
			[]string{"extraRules[0].from nodes publicLoadBalancers"},
		},
		{
			"extra rule with a subnet that is not there", func(s *Spec) {
				s.ExtraRules = []ExtraRule{{From: "pods", To: "workers", Protocol: "tcp"}}
			},
			Capacity{},
			[]string{"extraRules[0].from pods publicLoadBalancers"},
		},
		{"extra rule from half the internet", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "128.0.0.0/1", To: "publicLoadBalancers", Protocol: "tcp", Ports: "30000"}}
		}, Capacity{}, []string{"extraRules[0].from 128.0.0.0/1 0.0.0.0/0 /8"}},
		{
			"extra rule between strangers", func(s *Spec) {
				s.ExtraRules = []ExtraRule{{From: "10.1.0.0/16", To: "10.2.0.0/16", Protocol: "all"}}
			},
			Capacity{},
			[]string{"extraRules[0] publicLoadBalancers"},
		},
		{"extra rule to what Pods have no route to", func(s *Spec) {
			s.PodNetwork, s.ExtraRules = VCNNative, []ExtraRule{{
				From: "pods", To: "198.51.100.7/32", Protocol: "tcp",
				Ports: "27017",
			}}
		}, Capacity{}, []string{"extraRules[0] 198.51.100.7/32 internetEgress peerCidrs drgId"}},
		{"extra rule to what workers have no route to", func(s *Spec) {
			s.InternetEgress, s.ExtraRules = EgressNone, []ExtraRule{{
				From: "workers", To: "198.51.100.7/32", Protocol: "tcp",
				Ports: "27017",
			}}
		}, Capacity{}, []string{"extraRules[0] 198.51.100.7/32 internetEgress peerCidrs drgId"}},
		{"extra rule to a private network through NAT", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "workers", To: "192.168.3.0/24", Protocol: "tcp", Ports: "27017"}}
		}, Capacity{}, []string{"extraRules[0] 192.168.3.0/24 peerCidrs drgId"}},
		{"extra rule to Oracle's services without a route", func(s *Spec) {
			s.LoadBalancers, s.InternalLoadBalancerAllowedCIDRs = Both, []string{s.VcnCIDR}
			s.ExtraRules = []ExtraRule{{From: "internalLoadBalancers", To: OSN, Protocol: "all"}}
		}, Capacity{}, []string{"extraRules[0] internalLoadBalancers"}},
		{"extra rule in through NAT", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "203.0.113.0/24", To: "workers", Protocol: "tcp", Ports: "22"}}
		}, Capacity{}, []string{"extraRules[0] 203.0.113.0/24 peerCidrs drgId"}},
		{"extra rule from a private network to a public subnet", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "192.168.3.0/24", To: "publicLoadBalancers", Protocol: "tcp", Ports: "8443"}}
		}, Capacity{}, []string{"extraRules[0] 192.168.3.0/24 publicLoadBalancers peerCidrs drgId"}},
		{
			"extra rule from Oracle's services", func(s *Spec) {
				s.ExtraRules = []ExtraRule{{From: OSN, To: "workers", Protocol: "all"}}
			},
			Capacity{},
			[]string{"extraRules[0].from"},
		},
		{
			"extra rule with a port out of range", func(s *Spec) {
				s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "tcp", Ports: "65536"}}
			},
			Capacity{},
			[]string{"extraRules[0].ports 65536 1 65535 8000-8010"},
		},
		{
			"extra rule with a range upside down", func(s *Spec) {
				s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "udp", Ports: "90-80"}}
			},
			Capacity{},
			[]string{"extraRules[0].ports 90-80 1 65535 8000-8010"},
		},
		{
			"extra rule with ports of every protocol", func(s *Spec) {
				s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "all", Ports: "80"}}
			},
			Capacity{},
			[]string{"extraRules[0].ports"},
		},
		{
			"extra rule of an unknown protocol", func(s *Spec) {
				s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "sctp"}}
			},
			Capacity{},
			[]string{"extraRules[0].protocol sctp"},
		},
		{
			"extra rule of an unknown ICMP type", func(s *Spec) {
				s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "icmp", Ports: "3/x"}}
			},
			Capacity{},
			[]string{"extraRules[0].ports 3/x 8 3/4"},
		},
		{"extra rule of an ICMP code that is none", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "icmp", Ports: "3/256"}, {
				From: "workers",
				To:   "api", Protocol: "icmp", Ports: "3/-1",
			}}
		}, Capacity{}, []string{"extraRules[0].ports 3/256 8 3/4", "extraRules[1].ports 3/-1 8 3/4"}},
		{"extra rule with an essay", func(s *Spec) {
			s.ExtraRules = []ExtraRule{{From: "workers", To: "api", Protocol: "all", Description: strings.Repeat("x", 256)}}
		}, Capacity{}, []string{"extraRules[0].description 255"}},
	})
}

func TestDecoding(t *testing.T) {
	decode := func(text string) (s Spec, err error) {
		var values map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &values); err != nil {
			t.Fatal(err)
		}
		var p problem.List
		s.Settings().Decode(&p, values)
		return s, p.Err()
	}
	for text, want := range map[string]string{
		`{"subnets": {"workers": {"prefix": 20}}}`:                        "subnets.workers.prefix prefixLength",
		`{"subnets": {"workers": {"prefixLength": 0}}}`:                   "subnets.workers.prefixLength 0",
		`{"subnets": {"workers": 20}}`:                                    "subnets.workers",
		`{"extraRules": [{"from": "workers", "to": "osn", "port": "1"}]}`: "extraRules[0].port ports",
		`{"loadBalancerPorts": ["80", "http"]}`:                           "loadBalancerPorts[1] http",
		`{"loadBalancerPorts": [true]}`:                                   "loadBalancerPorts[0]",
	} {
		_, err := decode(text)
		problemtest.Check(t, err, want)
	}
	s, err := decode(`{"loadBalancerPorts": [80, "8000-8010"], "extraRules": [{"ports": 443}, {"ports": "8000-8010"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.LoadBalancerPorts, (PortRange{8000, 8010}); len(got) != 2 || got[1] != want {
		t.Errorf("ports %v", got)
	}
	if got := s.ExtraRules; len(got) != 2 || got[0].Ports != "443" || got[1].Ports != "8000-8010" {
		t.Errorf("extra rules %v", got)
	}
}
