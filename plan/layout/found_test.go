package layout

import (
	"testing"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/problem/problemtest"
)

// inExisting is a stack in a VCN that exists, with an existing subnet and all gateways, and what the cloud says of
// them.
func inExisting() (Spec, Found) {
	s := valid()
	s.VcnID, s.VcnCIDR, s.SecurityBy = someVCN, "10.20.0.0/16", Groups
	s.InternetGatewayID, s.NATGatewayID, s.ServiceGatewayID = "ocid1.internetgateway.oc1.iad.a",
		"ocid1.natgateway.oc1.iad.a", "ocid1.servicegateway.oc1.iad.a"
	s.Subnets = map[Role]SubnetSpec{API: {ID: someSubnet, CIDR: "10.20.0.0/28"}}
	return s, Found{
		VCNCIDRs: []string{"10.20.0.0/16", "10.30.0.0/16"},
		Subnets:  map[Role]FoundSubnet{API: {someVCN, "10.20.0.0/28", true}},
		Gateways: map[Gateway]FoundGateway{
			InternetGateway: {VcnID: someVCN}, NATGateway: {VcnID: someVCN},
			ServiceGateway: {VcnID: someVCN, Services: []string{"All IAD Services In Oracle Services Network"}},
		},
		Own: map[string]string{"project": "guestbook", "stack": "dev"},
	}
}

// The tags of parts in the VCN: of this stack's own, made when it had one tag more, and of those of another stack of
// the project.
var (
	ownTags    = map[string]string{"project": "guestbook", "stack": "dev", "team": "web"}
	othersTags = map[string]string{"project": "guestbook", "stack": "prod"}
)

func (s *Spec) makeGateways() { s.InternetGatewayID, s.NATGatewayID, s.ServiceGatewayID = "", "", "" }

func oneOfEach(tags map[string]string) map[Gateway][]FoundPart {
	all := map[Gateway][]FoundPart{}
	for _, kind := range []Gateway{InternetGateway, NATGateway, ServiceGateway} {
		all[kind] = []FoundPart{{ID: "some " + string(kind), Tags: tags}}
	}
	return all
}

func TestWhatExistsIsCompared(t *testing.T) {
	const another = "ocid1.vcn.oc1.iad.another"
	for _, test := range []struct {
		name   string
		change func(*Spec, *Found)
		want   []string // for problemtest.Check
	}{
		{"as the settings say", func(*Spec, *Found) {}, nil},
		{
			"another CIDR", func(_ *Spec, f *Found) { f.VCNCIDRs = []string{"10.21.0.0/16", "10.30.0.0/16"} },
			[]string{"vcnCidr 10.20.0.0/16 10.21.0.0/16 10.30.0.0/16"},
		},
		{
			"Pods in the VCN's second CIDR", func(s *Spec, _ *Found) { s.PodsCIDR = "10.30.0.0/20" },
			[]string{"podsCidr 10.30.0.0/20 10.30.0.0/16"},
		},
		{"podsCidr with VCN-native Pods", func(s *Spec, _ *Found) {
			s.PodNetwork, s.PodsCIDR = VCNNative, "10.30.0.0/20"
		}, nil},
		{
			"Services and a peer in the VCN's second CIDR", func(s *Spec, _ *Found) {
				s.ServicesCIDR, s.PeerCIDRs = "10.30.0.0/20", []string{"10.30.128.0/24"}
			},
			[]string{"servicesCidr 10.30.0.0/20 10.30.0.0/16", "peerCidrs 10.30.128.0/24 10.30.0.0/16"},
		},
		{
			"subnet of another VCN", func(_ *Spec, f *Found) { f.Subnets[API] = FoundSubnet{another, "10.20.0.0/28", true} },
			[]string{"subnets.api.id ocid1.vcn.oc1.iad.another"},
		},
		{
			"subnet with another CIDR", func(_ *Spec, f *Found) { f.Subnets[API] = FoundSubnet{someVCN, "10.20.0.0/29", true} },
			[]string{"subnets.api.cidr 10.20.0.0/29 10.20.0.0/28"},
		},
		{
			"public subnet in a private one's place", func(_ *Spec, f *Found) {
				f.Subnets[API] = FoundSubnet{someVCN, "10.20.0.0/28", false}
			},
			[]string{"subnets.api.id"},
		},
		{
			"private subnet in a public one's place", func(s *Spec, _ *Found) {
				s.APIEndpoint, s.APIAllowedCIDRs = Public, []string{"203.0.113.7/32"}
			},
			[]string{"subnets.api.id"},
		},
		{
			"gateway that is not there", func(_ *Spec, f *Found) { delete(f.Gateways, InternetGateway) },
			[]string{"internetGatewayId"},
		},
		{
			"gateway of another VCN", func(_ *Spec, f *Found) { f.Gateways[NATGateway] = FoundGateway{VcnID: another} },
			[]string{"natGatewayId ocid1.vcn.oc1.iad.another"},
		},
		{"gateways that are closed", func(_ *Spec, f *Found) {
			for _, kind := range []Gateway{InternetGateway, NATGateway, ServiceGateway} {
				f.Gateways[kind] = FoundGateway{VcnID: someVCN, Closed: true}
			}
		}, []string{"internetGatewayId", "natGatewayId", "serviceGatewayId"}},
		{"service gateway for one service", func(_ *Spec, f *Found) {
			f.Gateways[ServiceGateway] = FoundGateway{VcnID: someVCN, Services: []string{"OCI IAD Object Storage"}}
		}, []string{"serviceGatewayId OCI IAD Object Storage"}},
		{
			"subnet in the place of one that is made", func(_ *Spec, f *Found) {
				f.AllSubnets = []FoundPart{{ID: "other", CIDRs: []string{"10.20.64.0/24"}}}
			},
			[]string{"subnets.workers 10.20.64.0/20 10.20.64.0/24"},
		},
		{"subnet next to a named one that has another CIDR than in the settings", func(s *Spec, f *Found) {
			s.Subnets[API] = SubnetSpec{ID: someSubnet, CIDR: "10.20.0.0/24"}
			f.AllSubnets = []FoundPart{{ID: "other", CIDRs: []string{"10.20.0.128/25"}}}
		}, []string{"subnets.api.cidr 10.20.0.0/28 10.20.0.0/24"}},
		{"subnet around two that are made", func(s *Spec, f *Found) {
			s.Subnets[PublicLoadBalancers] = SubnetSpec{CIDR: "10.20.80.0/24"}
			f.AllSubnets = []FoundPart{{ID: "other", CIDRs: []string{"10.20.64.0/18"}}}
		}, []string{
			"subnets.workers 10.20.64.0/20 10.20.64.0/18",
			"subnets.publicLoadBalancers 10.20.80.0/24 10.20.64.0/18",
		}},
		{"subnets that are named, the stack's own or elsewhere", func(_ *Spec, f *Found) {
			f.AllSubnets = []FoundPart{
				{ID: someSubnet, CIDRs: []string{"10.20.0.0/28"}},
				{ID: "own", CIDRs: []string{"10.20.64.0/20"}, Tags: ownTags},
				{ID: "elsewhere", CIDRs: []string{"10.20.48.0/20"}, Tags: othersTags},
			}
		}, nil},
		{
			"another stack's subnet", func(_ *Spec, f *Found) {
				f.AllSubnets = []FoundPart{{"other", []string{"10.20.64.0/20"}, othersTags}}
			},
			[]string{"subnets.workers 10.20.64.0/20"},
		},
		{
			"untagged subnet, and a stack without tags", func(_ *Spec, f *Found) {
				f.Own, f.AllSubnets = nil, []FoundPart{{ID: "other", CIDRs: []string{"10.20.64.0/20"}}}
			},
			[]string{"subnets.workers 10.20.64.0/20"},
		},
		{"gateways that are named", func(_ *Spec, f *Found) { f.AllGateways = oneOfEach(nil) }, nil},
		{"gateways that are the stack's own", func(s *Spec, f *Found) {
			s.makeGateways()
			f.AllGateways = oneOfEach(ownTags)
		}, nil},
		{
			"gateways that a VCN has only one of", func(s *Spec, f *Found) {
				s.makeGateways()
				f.AllGateways = oneOfEach(othersTags)
			},
			[]string{"internetGatewayId some internet", "natGatewayId some nat", "serviceGatewayId some service"},
		},
		{"gateway that is not needed", func(s *Spec, f *Found) {
			s.makeGateways()
			s.InternetEgress, f.AllGateways = EgressNone, map[Gateway][]FoundPart{NATGateway: {{ID: "other"}}}
		}, nil},
		{"attached to the DRG", func(s *Spec, f *Found) {
			s.DrgID, s.PeerCIDRs, f.DrgID = someDRG, []string{"172.16.0.0/12"}, someDRG
		}, nil},
		{"attached to a DRG that is not named", func(_ *Spec, f *Found) { f.DrgID = someDRG }, nil},
		{
			"attached to no DRG", func(s *Spec, _ *Found) { s.DrgID, s.PeerCIDRs = someDRG, []string{"172.16.0.0/12"} },
			[]string{"drgId"},
		},
		{"attached to another DRG", func(s *Spec, f *Found) {
			s.DrgID, s.PeerCIDRs, f.DrgID = someDRG, []string{"172.16.0.0/12"}, "ocid1.drg.oc1.iad.another"
		}, []string{"drgId ocid1.drg.oc1.iad.another"}},
		{
			"service gateway for nothing", func(_ *Spec, f *Found) { f.Gateways[ServiceGateway] = FoundGateway{VcnID: someVCN} },
			[]string{"serviceGatewayId"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, found := inExisting()
			test.change(&s, &found)
			var p problem.List
			s.Validate(&p, Capacity{})
			if err := p.Err(); err != nil {
				t.Fatalf("the settings alone are refused: %v", err)
			}
			s.ValidateFound(&p, found)
			problemtest.Check(t, p.Err(), test.want...)
		})
	}
}
