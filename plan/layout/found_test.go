package layout

import (
	"testing"

	"oke-guestbook/plan/problem"
)

// inExisting is a stack in a VCN that exists, with an existing subnet and all gateways, and what the cloud says of them.
func inExisting() (Spec, Found) {
	s := valid()
	s.VcnID, s.VcnCIDR, s.SecurityBy = someVCN, "10.20.0.0/16", Groups
	s.InternetGatewayID, s.NATGatewayID, s.ServiceGatewayID = "ocid1.internetgateway.oc1.iad.a", "ocid1.natgateway.oc1.iad.a", "ocid1.servicegateway.oc1.iad.a"
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

// The tags of parts in the VCN: of this stack's own, made when it had one tag more, and of those of another stack of the project.
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
		want   string // the whole error; empty: none
	}{
		{"as the settings say", func(*Spec, *Found) {}, ""},
		{"another CIDR", func(_ *Spec, f *Found) { f.VCNCIDRs = []string{"10.21.0.0/16", "10.30.0.0/16"} },
			"vcnCidr: 10.20.0.0/16 is none of the CIDRs of the existing VCN, which are 10.21.0.0/16, 10.30.0.0/16"},
		{"Pods in the VCN's second CIDR", func(s *Spec, _ *Found) { s.PodsCIDR = "10.30.0.0/20" },
			"podsCidr: 10.30.0.0/20 overlaps 10.30.0.0/16, which the existing VCN has too"},
		{"podsCidr with VCN-native Pods", func(s *Spec, _ *Found) { s.PodNetwork, s.PodsCIDR = VCNNative, "10.30.0.0/20" }, ""},
		{"Services and a peer in the VCN's second CIDR", func(s *Spec, _ *Found) { s.ServicesCIDR, s.PeerCIDRs = "10.30.0.0/20", []string{"10.30.128.0/24"} },
			"2 settings need a change:\n  - servicesCidr: 10.30.0.0/20 overlaps 10.30.0.0/16, which the existing VCN has too\n" +
				"  - peerCidrs: 10.30.128.0/24 overlaps 10.30.0.0/16, which the existing VCN has too"},
		{"subnet of another VCN", func(_ *Spec, f *Found) { f.Subnets[API] = FoundSubnet{another, "10.20.0.0/28", true} },
			"subnets.api.id: the subnet lies in another VCN, " + another},
		{"subnet with another CIDR", func(_ *Spec, f *Found) { f.Subnets[API] = FoundSubnet{someVCN, "10.20.0.0/29", true} },
			"subnets.api.cidr: the existing subnet has 10.20.0.0/29, not 10.20.0.0/28"},
		{"public subnet in a private one's place", func(_ *Spec, f *Found) { f.Subnets[API] = FoundSubnet{someVCN, "10.20.0.0/28", false} },
			"subnets.api.id: the existing subnet is public, and a private one is needed"},
		{"private subnet in a public one's place", func(s *Spec, _ *Found) { s.APIEndpoint, s.APIAllowedCIDRs = Public, []string{"203.0.113.7/32"} },
			"subnets.api.id: the existing subnet is private, and a public one is needed"},
		{"gateway that is not there", func(_ *Spec, f *Found) { delete(f.Gateways, InternetGateway) },
			"internetGatewayId: the compartment of the existing VCN holds no such gateway"},
		{"gateway of another VCN", func(_ *Spec, f *Found) { f.Gateways[NATGateway] = FoundGateway{VcnID: another} },
			"natGatewayId: the gateway belongs to another VCN, " + another},
		{"gateways that are closed", func(_ *Spec, f *Found) {
			for _, kind := range []Gateway{InternetGateway, NATGateway, ServiceGateway} {
				f.Gateways[kind] = FoundGateway{VcnID: someVCN, Closed: true}
			}
		}, "3 settings need a change:\n  - internetGatewayId: the gateway is disabled: enable it\n" +
			"  - natGatewayId: the gateway blocks traffic: let it through\n  - serviceGatewayId: the gateway blocks traffic: let it through"},
		{"service gateway for one service", func(_ *Spec, f *Found) {
			f.Gateways[ServiceGateway] = FoundGateway{VcnID: someVCN, Services: []string{"OCI IAD Object Storage"}}
		}, "serviceGatewayId: the gateway is enabled for OCI IAD Object Storage only: enable it for all of the region's services"},
		{"subnet in the place of one that is made", func(_ *Spec, f *Found) { f.AllSubnets = []FoundPart{{ID: "other", CIDRs: []string{"10.20.64.0/24"}}} },
			"subnets.workers: 10.20.64.0/20 overlaps the existing subnet other, 10.20.64.0/24: " +
				"set subnets.workers.cidr to a free range, or id and cidr to that subnet's to use it"},
		{"subnet beside a named one whose CIDR is not as said", func(s *Spec, f *Found) {
			s.Subnets[API] = SubnetSpec{ID: someSubnet, CIDR: "10.20.0.0/24"}
			f.AllSubnets = []FoundPart{{ID: "other", CIDRs: []string{"10.20.0.128/25"}}}
		}, "subnets.api.cidr: the existing subnet has 10.20.0.0/28, not 10.20.0.0/24"},
		{"subnet around two that are made", func(s *Spec, f *Found) {
			s.Subnets[PublicLoadBalancers] = SubnetSpec{CIDR: "10.20.80.0/24"}
			f.AllSubnets = []FoundPart{{ID: "other", CIDRs: []string{"10.20.64.0/18"}}}
		}, "2 settings need a change:\n  - subnets.workers: 10.20.64.0/20 overlaps the existing subnet other, 10.20.64.0/18: " +
			"set subnets.workers.cidr to a free range, or id and cidr to that subnet's to use it\n" +
			"  - subnets.publicLoadBalancers: 10.20.80.0/24 overlaps the existing subnet other, 10.20.64.0/18: " +
			"set subnets.publicLoadBalancers.cidr to a free range, or id and cidr to that subnet's to use it"},
		{"subnets that are named, the stack's own or elsewhere", func(_ *Spec, f *Found) {
			f.AllSubnets = []FoundPart{
				{ID: someSubnet, CIDRs: []string{"10.20.0.0/28"}}, {ID: "own", CIDRs: []string{"10.20.64.0/20"}, Tags: ownTags},
				{ID: "elsewhere", CIDRs: []string{"10.20.48.0/20"}, Tags: othersTags},
			}
		}, ""},
		{"another stack's subnet", func(_ *Spec, f *Found) { f.AllSubnets = []FoundPart{{"other", []string{"10.20.64.0/20"}, othersTags}} },
			"subnets.workers: 10.20.64.0/20 overlaps the existing subnet other, 10.20.64.0/20: " +
				"set subnets.workers.cidr to a free range, or id and cidr to that subnet's to use it"},
		{"untagged subnet, and a stack without tags", func(_ *Spec, f *Found) {
			f.Own, f.AllSubnets = nil, []FoundPart{{ID: "other", CIDRs: []string{"10.20.64.0/20"}}}
		},
			"subnets.workers: 10.20.64.0/20 overlaps the existing subnet other, 10.20.64.0/20: " +
				"set subnets.workers.cidr to a free range, or id and cidr to that subnet's to use it"},
		{"gateways that are named", func(s *Spec, f *Found) { f.AllGateways = oneOfEach(nil) }, ""},
		{"gateways that are the stack's own", func(s *Spec, f *Found) { s.makeGateways(); f.AllGateways = oneOfEach(ownTags) }, ""},
		{"gateways beside which no second one can be", func(s *Spec, f *Found) { s.makeGateways(); f.AllGateways = oneOfEach(othersTags) },
			"3 settings need a change:\n  - internetGatewayId: the VCN has some internet already, and can have one only: set internetGatewayId to it\n" +
				"  - natGatewayId: the VCN has some nat already, and can have one only: set natGatewayId to it\n" +
				"  - serviceGatewayId: the VCN has some service already, and can have one only: set serviceGatewayId to it"},
		{"gateway that is not needed", func(s *Spec, f *Found) {
			s.makeGateways()
			s.InternetEgress, f.AllGateways = EgressNone, map[Gateway][]FoundPart{NATGateway: {{ID: "other"}}}
		}, ""},
		{"attached to the DRG", func(s *Spec, f *Found) { s.DrgID, s.PeerCIDRs, f.DrgID = someDRG, []string{"172.16.0.0/12"}, someDRG }, ""},
		{"attached to a DRG that is not named", func(_ *Spec, f *Found) { f.DrgID = someDRG }, ""},
		{"attached to no DRG", func(s *Spec, _ *Found) { s.DrgID, s.PeerCIDRs = someDRG, []string{"172.16.0.0/12"} },
			"drgId: the compartment of the existing VCN holds no attachment of it to the gateway: attach it first"},
		{"attached to another DRG", func(s *Spec, f *Found) {
			s.DrgID, s.PeerCIDRs, f.DrgID = someDRG, []string{"172.16.0.0/12"}, "ocid1.drg.oc1.iad.another"
		}, "drgId: the existing VCN is attached to ocid1.drg.oc1.iad.another, and can be to one gateway only: set drgId to it, or attach the VCN to the other"},
		{"service gateway for nothing", func(_ *Spec, f *Found) { f.Gateways[ServiceGateway] = FoundGateway{VcnID: someVCN} },
			"serviceGatewayId: the gateway is enabled for no service: enable it for all of the region's services"},
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
			got := ""
			if err := p.Err(); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
