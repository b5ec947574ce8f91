package layout

import (
	"testing"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/problem/problemtest"
)

// madeFrom returns what an update with these settings makes.
func madeFrom(t *testing.T, s Spec) Made {
	t.Helper()
	plan, err := Plan(s)
	if err != nil {
		t.Fatal(err)
	}
	made := Made{Subnets: map[Role]FoundSubnet{}}
	if s.VcnID == "" {
		made.VCNCIDRs = []string{s.VcnCIDR}
	}
	for _, subnet := range plan.Subnets {
		if subnet.ExistingID == "" {
			made.Subnets[subnet.Role] = FoundSubnet{CIDR: subnet.CIDR.String(), Private: !subnet.Public}
		}
	}
	return made
}

// put says where the subnet of a role lies.
func (s *Spec) put(role Role, in SubnetSpec) {
	if s.Subnets == nil {
		s.Subnets = map[Role]SubnetSpec{}
	}
	s.Subnets[role] = in
}

func TestChangesOfAddresses(t *testing.T) {
	const nowhere = "api 10.0.0.0/29 workers 10.0.64.0/20 publicLoadBalancers 10.0.32.0/24"
	for _, test := range []struct {
		name   string
		before func(*Spec)
		change func(*Spec)
		want   []string // for problemtest.Check
	}{
		{"nothing", nil, func(*Spec) {}, nil},
		{
			"another VCN", nil, func(s *Spec) { s.VcnCIDR = "10.1.0.0/16" },
			[]string{"vcnCidr 10.0.0.0/16 10.1.0.0/16 " + nowhere},
		},
		{
			"a smaller VCN", nil, func(s *Spec) { s.VcnCIDR = "10.0.0.0/18" },
			[]string{"vcnCidr 10.0.0.0/16 10.0.0.0/18 workers 10.0.64.0/20 publicLoadBalancers stack;"},
		},
		{
			"a smaller VCN around its subnets", func(s *Spec) {
				s.put(Workers, SubnetSpec{CIDR: "10.0.16.0/20"})
				s.put(PublicLoadBalancers, SubnetSpec{CIDR: "10.0.32.0/24"})
			},
			func(s *Spec) { s.VcnCIDR = "10.0.0.0/18" }, nil,
		},
		{
			"a wider VCN, whose places are others", func(s *Spec) { s.VcnCIDR = "10.0.0.0/20" },
			func(s *Spec) { s.VcnCIDR = "10.0.0.0/16" },
			[]string{"vcnCidr subnets.workers.cidr 10.0.4.0/22, subnets.publicLoadBalancers.cidr 10.0.2.0/24"},
		},
		{
			"a wider VCN, and subnets that are kept as the error says", func(s *Spec) { s.VcnCIDR = "10.0.0.0/20" },
			func(s *Spec) {
				s.VcnCIDR = "10.0.0.0/16"
				s.put(Workers, SubnetSpec{CIDR: "10.0.4.0/22"})
				s.put(PublicLoadBalancers, SubnetSpec{CIDR: "10.0.2.0/24"})
			}, nil,
		},
		{"a smaller subnet", nil, func(s *Spec) { s.put(Workers, SubnetSpec{PrefixLength: 22}) }, nil},
		{"a larger subnet", nil, func(s *Spec) { s.put(Workers, SubnetSpec{CIDR: "10.0.64.0/19"}) }, nil},
		{
			"a subnet elsewhere", nil, func(s *Spec) { s.put(Workers, SubnetSpec{CIDR: "10.0.96.0/20"}) },
			[]string{"subnets.workers.cidr 10.0.64.0/20 10.0.96.0/20"},
		},
		{
			"a larger subnet that begins before", nil,
			func(s *Spec) { s.put(PublicLoadBalancers, SubnetSpec{CIDR: "10.0.24.0/21"}) },
			[]string{"subnets.publicLoadBalancers.cidr 10.0.32.0/24 10.0.24.0/21"},
		},
		{
			"a subnet back at its place", func(s *Spec) { s.put(Workers, SubnetSpec{CIDR: "10.0.96.0/20"}) },
			func(s *Spec) { s.Subnets = nil },
			[]string{"subnets.workers 10.0.96.0/20 10.0.64.0/20"},
		},
		{
			"an endpoint that becomes public, elsewhere", nil, func(s *Spec) {
				s.APIEndpoint = Public
				s.put(API, SubnetSpec{CIDR: "10.0.0.16/28"})
			}, nil,
		},
		{
			"an endpoint that becomes public, in another VCN", nil,
			func(s *Spec) { s.APIEndpoint, s.VcnCIDR = Public, "10.1.0.0/16" },
			[]string{"vcnCidr " + nowhere},
		},
		{
			"more subnets", nil, func(s *Spec) {
				s.PodNetwork, s.Bastion, s.LoadBalancers = VCNNative, true, Both
			}, nil,
		},
		{
			"a subnet in the place of one that goes", nil, func(s *Spec) {
				s.LoadBalancers = Internal
				s.put(InternalLoadBalancers, SubnetSpec{CIDR: "10.0.32.0/25"})
			},
			[]string{"subnets.internalLoadBalancers.cidr 10.0.32.0/25 10.0.32.0/24 publicLoadBalancers"},
		},
		{
			"a subnet that goes, out of a smaller VCN", func(s *Spec) {
				s.Bastion = true
				s.put(Bastion, SubnetSpec{CIDR: "10.0.255.0/29"})
				s.put(Workers, SubnetSpec{CIDR: "10.0.16.0/20"})
				s.put(PublicLoadBalancers, SubnetSpec{CIDR: "10.0.32.0/24"})
			},
			func(s *Spec) { s.Bastion, s.VcnCIDR = false, "10.0.0.0/18" },
			[]string{"vcnCidr bastion 10.0.255.0/29"},
		},
		{
			"a subnet elsewhere in an existing VCN", func(s *Spec) { s.VcnID = someVCN },
			func(s *Spec) { s.VcnCIDR = "10.1.0.0/16" },
			[]string{
				"subnets.api 10.0.0.0/29 10.1.0.0/29", "subnets.workers 10.0.64.0/20 10.1.64.0/20",
				"subnets.publicLoadBalancers 10.0.32.0/24 10.1.32.0/24",
			},
		},
		{
			"an existing subnet instead", func(s *Spec) { s.VcnID = someVCN },
			func(s *Spec) { s.put(Workers, SubnetSpec{ID: someSubnet, CIDR: "10.0.96.0/20"}) }, nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := valid()
			if test.before != nil {
				test.before(&s)
			}
			made := madeFrom(t, s)
			test.change(&s)
			var list problem.List
			s.ValidateMade(&list, made)
			problemtest.Check(t, list.Err(), test.want...)
			list = problem.List{}
			if s.ValidateMade(&list, Made{}); list.Err() != nil {
				t.Errorf("a new stack is refused: %v", list.Err())
			}
		})
	}
}

func TestMadeBy(t *testing.T) {
	for name, want := range map[string]Role{
		"oke-dev-workers": Workers, "oke-dev-": "", "oke-dev-other": "", "workers": "", "oke-dev-2-workers": "",
	} {
		if role, ok := MadeBy("oke-dev", name); ok != (want != "") || ok && role != want {
			t.Errorf("%s: %s, %v; want %q", name, role, ok, want)
		}
	}
}
