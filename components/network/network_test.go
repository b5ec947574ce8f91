package network

import (
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

const compartment = "ocid1.compartment.oc1..aaaaexample"

// workersOnly returns the arguments of a network with the workers' subnet only.
func workersOnly() *Args {
	return &Args{
		CompartmentID: compartment, Tags: map[string]string{"project": "project", "stack": "stack", "team": "web"},
		Plan:       layout.Layout{Subnets: []layout.Subnet{{Role: layout.Workers, RouteTable: layout.PrivateRoutes}}},
		SecurityBy: layout.Lists,
	}
}

// look runs Look. It expects no resource to be registered.
func look(t *testing.T, args *Args, existing ...string) (found layout.Found) {
	t.Helper()
	r := mocks.New("project", "stack")
	r.ExistingGateways = existing
	err := r.Run(func(ctx *pulumi.Context) (err error) {
		found, err = Look(ctx, args)
		return err
	})
	if err != nil || len(r.Resources) > 0 {
		t.Fatalf("%v; %d resources were registered", err, len(r.Resources))
	}
	return found
}

// TestLook expects the named subnet and gateways as they are, and everything in the VCN but what is terminated.
func TestLook(t *testing.T) {
	args := workersOnly()
	args.Plan.ExistingVCN = mocks.ExistingVCN
	args.Plan.Subnets[0].ExistingID = mocks.ExistingWorkers
	args.Gateways = map[layout.Gateway]string{
		layout.InternetGateway: mocks.DisabledInternet, layout.NATGateway: mocks.BlockedNAT,
		layout.ServiceGateway: mocks.StorageServices, layout.DRG: mocks.ExistingDRG,
	}
	own := map[string]string{"project": "project", "stack": "stack"}
	storage := []string{"OCI IAD Object Storage"}
	want := layout.Found{
		CompartmentID: mocks.Networkers,
		VCNCIDRs:      []string{"10.20.0.0/16", "10.30.0.0/16"},
		Subnets: map[layout.Role]layout.FoundSubnet{
			layout.Workers: {VcnID: mocks.ExistingVCN, CIDR: "10.20.8.0/22", Private: true},
		},
		Gateways: map[layout.Gateway]layout.FoundGateway{
			layout.InternetGateway: {VcnID: mocks.ExistingVCN, Closed: true},
			layout.NATGateway:      {VcnID: mocks.ExistingVCN, Closed: true},
			layout.ServiceGateway:  {VcnID: mocks.ExistingVCN, Services: storage},
		},
		DrgID:      mocks.ExistingDRG,
		AllSubnets: []layout.FoundPart{{ID: "subnets there", CIDRs: []string{"10.20.64.0/20"}, Tags: own}},
		AllGateways: map[layout.Gateway][]layout.FoundPart{
			layout.InternetGateway: {{ID: mocks.DisabledInternet}, {ID: "gateways there", Tags: own}},
			layout.NATGateway:      {{ID: mocks.BlockedNAT}, {ID: "natGateways there", Tags: own}},
			layout.ServiceGateway:  {{ID: mocks.StorageServices}, {ID: "serviceGateways there", Tags: own}},
		},
		Own: own,
	}
	got := look(t, args, mocks.DisabledInternet, mocks.BlockedNAT, mocks.StorageServices)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestLookElsewhere expects a named gateway of another VCN to be found with that VCN, and not among those of this one.
func TestLookElsewhere(t *testing.T) {
	args := workersOnly()
	args.Plan.ExistingVCN = mocks.TakenVCN
	args.Gateways = map[layout.Gateway]string{layout.InternetGateway: mocks.ExistingInternet}
	got := look(t, args, mocks.ExistingInternet)
	if is := got.Gateways[layout.InternetGateway]; is.VcnID != mocks.ExistingVCN {
		t.Errorf("the gateway's VCN is %q, want %s", is.VcnID, mocks.ExistingVCN)
	}
	if all := got.AllGateways[layout.InternetGateway]; len(all) != 1 || all[0].ID != "gateways there" {
		t.Errorf("the VCN's internet gateways are %v", all)
	}
	if found := look(t, workersOnly()); !reflect.DeepEqual(found, layout.Found{}) {
		t.Errorf("a new VCN is looked up: %+v", found)
	}
}

// TestLookMade expects the subnets that the stack has made in the VCN that the settings mean, and only those.
func TestLookMade(t *testing.T) {
	args := workersOnly()
	args.Plan.VCN = netip.MustParsePrefix("10.0.0.0/16")
	args.Plan.Subnets[0].CIDR = netip.MustParsePrefix("10.0.64.0/20")
	existing := workersOnly()
	existing.Plan.VCN, existing.Plan.ExistingVCN = netip.MustParsePrefix("10.20.0.0/16"), mocks.ExistingVCN
	existing.Plan.Subnets[0].CIDR = netip.MustParsePrefix("10.20.64.0/20")
	others := workersOnly()
	others.Tags = map[string]string{"project": "project", "stack": "another"}
	const own = "ocid1.vcn.oc1.iad.net"
	for _, tc := range []struct {
		what          string
		before, now   *Args // before: nil for a new stack
		name          string
		vcn           []string
		subnet, inVCN string
	}{
		{"new stack", nil, args, "net", nil, "", ""},
		{"own VCN", args, args, "net", []string{"10.0.0.0/16"}, "10.0.64.0/20", own},
		{"another name", args, args, "other", nil, "", ""},
		{"another stack's", args, others, "net", nil, "", ""},
		{"existing VCN", existing, existing, "net", nil, "10.20.64.0/20", mocks.ExistingVCN},
		{"own VCN, to be an existing one", args, existing, "net", nil, "", ""},
		{"existing VCN, to be an own one", existing, args, "net", nil, "", ""},
	} {
		r := mocks.New("project", "stack")
		if tc.before != nil {
			err := r.Run(func(ctx *pulumi.Context) error {
				_, err := New(ctx, "net", tc.before)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			r = r.Next()
		}
		var got layout.Made
		err := r.Run(func(ctx *pulumi.Context) (err error) {
			got, err = LookMade(ctx, tc.name, tc.now)
			return err
		})
		want := layout.Made{VCNCIDRs: tc.vcn, Subnets: map[layout.Role]layout.FoundSubnet{}}
		if tc.subnet != "" {
			want.Subnets[layout.Workers] = layout.FoundSubnet{VcnID: tc.inVCN, CIDR: tc.subnet, Private: true}
		}
		if err != nil || len(r.Resources) > 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %d resources\ngot  %+v\nwant %+v", tc.what, err, len(r.Resources), got, want)
		}
	}
}

// TestSecurity expects each kind of rule in the API's terms, in security lists and in network security groups.
func TestSecurity(t *testing.T) {
	for _, tc := range []struct {
		name    string
		rule    rules.Rule
		options map[string]string // besides protocol, peer, description and statefulness
	}{
		{
			"TCP",
			rules.Rule{Protocol: rules.TCP, Peer: "10.0.0.0/16", Ports: layout.PortRange{Min: 80, Max: 81}},
			map[string]string{"tcpOptions.min": "80", "tcpOptions.max": "81"},
		},
		{
			"UDP",
			rules.Rule{Protocol: rules.UDP, Peer: "10.0.0.0/16", Ports: layout.PortRange{Min: 53, Max: 53}},
			map[string]string{"udpOptions.min": "53", "udpOptions.max": "53"},
		},
		{"every TCP port", rules.Rule{Protocol: rules.TCP, Peer: layout.OSN, Stateless: true}, nil},
		{"every protocol", rules.Rule{Protocol: rules.All, Peer: layout.Anywhere}, nil},
		{
			"ICMP type and code",
			rules.Rule{Protocol: rules.ICMP, Peer: layout.Anywhere, ICMP: &rules.ICMPKind{Type: 3, Code: 4}},
			map[string]string{"icmpOptions.type": "3", "icmpOptions.code": "4"},
		},
		{
			"ICMP type",
			rules.Rule{Protocol: rules.ICMP, Peer: layout.Anywhere, ICMP: &rules.ICMPKind{Type: 8, Code: -1}},
			map[string]string{"icmpOptions.type": "8"},
		},
	} {
		for _, direction := range []rules.Direction{rules.Ingress, rules.Egress} {
			for _, by := range []layout.SecurityBy{layout.Lists, layout.Groups} {
				tc.rule.Direction, tc.rule.Description = direction, tc.name
				got := madeRule(t, tc.rule, by)
				end := map[rules.Direction]string{rules.Ingress: "source", rules.Egress: "destination"}[direction]
				want := map[string]string{
					"protocol": tc.rule.Protocol.Number(), "description": tc.name, "stateless": strconv.FormatBool(tc.rule.Stateless),
					end: tc.rule.Peer, end + "Type": "CIDR_BLOCK",
				}
				if tc.rule.Peer == layout.OSN {
					want[end], want[end+"Type"] = mocks.AllServicesLabel, "SERVICE_CIDR_BLOCK"
				}
				for path, value := range tc.options {
					if kind, bound, _ := strings.Cut(path, "."); by == layout.Groups && kind != "icmpOptions" {
						path = kind + ".destinationPortRange." + bound
					}
					want[path] = value
				}
				if by == layout.Groups {
					want["direction"] = string(direction)
					want["networkSecurityGroupId"] = "ocid1.networksecuritygroup.oc1.iad.net-workers"
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s, %s in %s: got %v, want %v", tc.name, direction, by, got, want)
				}
			}
		}
	}
}

// madeRule makes a network with one rule and returns the rule's inputs.
func madeRule(t *testing.T, rule rules.Rule, securityBy layout.SecurityBy) map[string]string {
	t.Helper()
	made := madeRules(t, []rules.Rule{rule}, securityBy)
	if len(made) != 1 {
		t.Fatalf("%d rules are made, want 1: %v", len(made), made)
	}
	return made[0]
}

// madeRules makes a network whose workers have the rules, and returns the rules' inputs.
func madeRules(t *testing.T, all []rules.Rule, securityBy layout.SecurityBy) []map[string]string {
	t.Helper()
	args := workersOnly()
	args.SecurityBy, args.Rules = securityBy, rules.Set{layout.Workers: all}
	r := mocks.New("project", "stack")
	err := r.Run(func(ctx *pulumi.Context) error {
		_, err := New(ctx, "net", args)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var made []map[string]string
	for _, res := range r.Resources {
		switch res.Type {
		case "oci:Core/securityList:SecurityList":
			for _, list := range []resource.PropertyKey{"ingressSecurityRules", "egressSecurityRules"} {
				for _, rule := range mocks.Items(res.Inputs[list]) {
					made = append(made, mocks.Flatten(rule))
				}
			}
		case "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule":
			made = append(made, mocks.Flatten(resource.NewProperty(res.Inputs)))
		}
	}
	return made
}

// TestOrderOfRules expects the order in which the official provider reads the rules of a security list.
func TestOrderOfRules(t *testing.T) {
	var all []rules.Rule
	for _, description := range []string{"to Oracle", "by workers", "to Oracle's", "to Oracle again", "By all"} {
		all = append(all, rules.Rule{
			Direction: rules.Egress, Peer: layout.Anywhere, Protocol: rules.All, Description: description,
		})
	}
	var got []string
	for _, rule := range madeRules(t, all, layout.Lists) {
		got = append(got, rule["description"])
	}
	want := []string{"By all", "by workers", "to Oracle again", "to Oracle", "to Oracle's"} // a quote follows "to Oracle"
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
