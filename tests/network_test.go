package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"oke-guestbook/internal/golden"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem/problemtest"
	"oke-guestbook/plan/rules"
	"oke-guestbook/settings"
)

// networks are settings of networks, as differences from stack local.
var networks = []struct {
	what string
	set  map[string]string
	none []string // kinds of resources that are not made; the golden file lists those that are
}{
	{"public endpoint and load balancers", map[string]string{
		"apiEndpoint": "public", "apiAllowedCidrs": `["203.0.113.7/32"]`,
	}, []string{"bastion", "drgattachment", "log", "loggroup", "networksecuritygroup", "rule"}},
	{"private endpoint, internal load balancers, bastion", map[string]string{
		"loadBalancers": "internal", "exposure": "internal",
		"loadBalancerAllowedCidrs": "[]", "internalLoadBalancerAllowedCidrs": `["10.0.0.0/16"]`,
		"bastion": "true", "bastionAllowedCidrs": `["203.0.113.0/24"]`,
	}, []string{"internetgateway", "networksecuritygroup"}},
	{"both kinds of load balancer, native Pods, flow logs", map[string]string{
		"loadBalancers": "both", "internalLoadBalancerAllowedCidrs": `["10.0.0.0/16"]`, "podNetwork": "vcn-native",
		"flowLogs": `["workers","publicLoadBalancers"]`, "extraRules": ping,
	}, nil},
	{"groups", map[string]string{
		"securityBy": "groups", "podNetwork": "vcn-native", "extraRules": ping,
		"bastion": "true", "bastionAllowedCidrs": `["203.0.113.0/24"]`,
	}, nil},
	{"existing VCN, workers' subnet and service gateway", map[string]string{
		"vcnId": mocks.ExistingVCN, "vcnCidr": "10.20.0.0/16", "securityBy": "groups",
		"serviceGatewayId": mocks.ExistingServices,
		"subnets":          `{"workers":{"id":"` + mocks.ExistingWorkers + `","cidr":"10.20.8.0/22"}}`,
	}, []string{"vcn", "natgateway", "servicegateway"}},
	{"existing VCN and gateways", map[string]string{
		"vcnId": mocks.ExistingVCN, "vcnCidr": "10.20.0.0/16", "drgId": mocks.ExistingDRG, "peerCidrs": `["172.16.0.0/16"]`,
		"internetGatewayId": mocks.ExistingInternet, "natGatewayId": mocks.ExistingNAT,
		"serviceGatewayId": mocks.ExistingServices,
	}, []string{"vcn", "internetgateway", "natgateway", "servicegateway", "drgattachment"}},
	{"existing VCN, gateways made", map[string]string{
		"vcnId": mocks.ExistingVCN, "vcnCidr": "10.20.0.0/16",
	}, []string{"vcn"}},
	{"new VCN behind a dynamic routing gateway", map[string]string{
		"drgId": mocks.ExistingDRG, "peerCidrs": `["172.16.0.0/16"]`,
	}, nil},
}

// ping is a rule for an ICMP type with every code, which the tables of rules do not contain.
const ping = `[{"from":"api","to":"workers","protocol":"icmp","ports":"8"}]`

// TestNetworks compares the resources of each network and their references with a golden file, and its rules and routes
// with those that package reach evaluates.
func TestNetworks(t *testing.T) {
	var out strings.Builder
	for _, n := range networks {
		loaded, err := settings.Load(project, "local", configuration(t, "local", n.set), func(string) bool { return true })
		if err != nil {
			t.Errorf("%s: %v", n.what, err)
			continue
		}
		r, err := run(t, "local", n.set)
		if err != nil {
			t.Errorf("%s: %v", n.what, err)
			continue
		}
		if d := golden.Difference(evaluated(t, loaded.Network), made(t, r)); d != "" {
			t.Errorf("%s: the rules and routes differ from those that package reach evaluates\n%s", n.what, d)
		}
		fmt.Fprintf(&out, "%s\n", n.what)
		var lines []string
		for _, res := range r.Resources {
			if slices.Contains(n.none, mocks.Kind(res.Type)) {
				t.Errorf("%s: %s %q is made", n.what, res.Type, res.Name)
			}
			if line, ok := networkLine(res); ok {
				lines = append(lines, "  "+line+"\n")
			}
			if strings.HasSuffix(res.Type, ":DefaultSecurityList") && n.set["vcnId"] != "" {
				t.Errorf("%s: the default security list of a VCN of another owner is changed", n.what)
			}
			for _, path := range open(flat(res.Inputs)) {
				if !strings.Contains(res.Name, "publicLoadBalancers") {
					t.Errorf("%s: %s of %q is open to the internet", n.what, path, res.Name)
				}
			}
		}
		slices.Sort(lines)
		out.WriteString(strings.Join(lines, ""))
	}
	golden.Check(t, "networks", out.String())
}

// evaluated writes the rules and routes that package reach evaluates, one a line, each after the OCID of its list,
// group or table.
func evaluated(t *testing.T, spec layout.Spec) string {
	t.Helper()
	plan, err := layout.Plan(spec)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	id := func(kind, name string) string { return "ocid1." + kind + ".oc1.iad." + project + "-local-" + name }
	for role, all := range rules.Expand(rules.Table(spec), plan) {
		kind := "securitylist"
		if spec.SecurityBy == layout.Groups && role != layout.Bastion {
			kind = "networksecuritygroup"
		}
		for _, rule := range all {
			out.WriteString(ruleLine(id(kind, string(role)), rule))
		}
	}
	for _, table := range plan.RouteTables {
		for _, route := range table.Routes {
			if !table.Existing {
				out.WriteString(routeLine(id("routetable", table.Name), route))
			}
		}
	}
	return out.String()
}

// made writes the rules and routes that the program made, as evaluated does.
func made(t *testing.T, r *mocks.Recorder) string {
	t.Helper()
	var out strings.Builder
	for _, res := range r.Resources {
		id := "ocid1." + mocks.Kind(res.Type) + ".oc1.iad." + res.Name
		switch mocks.Kind(res.Type) {
		case "rule":
			var in ruleInputs
			readAll(t, resource.NewProperty(res.Inputs), &in)
			out.WriteString(ruleLine(in.NetworkSecurityGroupID, in.rule(t)))
		case "securitylist":
			var ingress, egress []ruleInputs
			readAll(t, res.Inputs["ingressSecurityRules"], &ingress)
			readAll(t, res.Inputs["egressSecurityRules"], &egress)
			for i, in := range slices.Concat(ingress, egress) {
				in.Direction = rules.Ingress
				if i >= len(ingress) {
					in.Direction = rules.Egress
				}
				out.WriteString(ruleLine(id, in.rule(t)))
			}
		case "routetable":
			var routes []routeInputs
			readAll(t, res.Inputs["routeRules"], &routes)
			for _, in := range routes {
				out.WriteString(routeLine(id, in.route()))
			}
		}
	}
	return out.String()
}

func ruleLine(holder string, rule rules.Rule) string {
	return fmt.Sprintf("%s %s, stateless %t: %s\n", holder, rule.Key(), rule.Stateless, rule.Description)
}

func routeLine(table string, route layout.Route) string {
	return fmt.Sprintf("%s to %s by %s: %s\n", table, route.Destination, route.Gateway, route.Description)
}

// ruleInputs are the inputs of a rule: a resource of a group, or an element of a list.
type ruleInputs struct {
	NetworkSecurityGroupID                           string
	Direction                                        rules.Direction
	Protocol                                         string
	Source, SourceType, Destination, DestinationType string
	TCPOptions, UDPOptions                           *portInputs
	ICMPOptions                                      *struct {
		Type int
		Code *int
	}
	Stateless   bool
	Description string
}

// portInputs are the ports of a list's rule; a group's rule has them one level deeper.
type portInputs struct {
	Min, Max             int
	DestinationPortRange *portInputs
}

func (in ruleInputs) rule(t *testing.T) rules.Rule {
	t.Helper()
	rule := rules.Rule{Direction: in.Direction, Stateless: in.Stateless, Description: in.Description}
	for _, protocol := range []rules.Protocol{rules.All, rules.TCP, rules.UDP, rules.ICMP} {
		if in.Protocol == protocol.Number() {
			rule.Protocol = protocol
		}
	}
	if in.Direction == rules.Egress {
		rule.Peer = farEnd(in.Destination, in.DestinationType)
	} else {
		rule.Peer = farEnd(in.Source, in.SourceType)
	}
	for protocol, ports := range map[rules.Protocol]*portInputs{rules.TCP: in.TCPOptions, rules.UDP: in.UDPOptions} {
		switch {
		case ports == nil:
			continue
		case protocol != rule.Protocol:
			t.Errorf("rule %q is of protocol %s and has options of %s", in.Description, in.Protocol, protocol)
		case ports.DestinationPortRange != nil:
			ports = ports.DestinationPortRange
		}
		rule.Ports = layout.PortRange{Min: ports.Min, Max: ports.Max}
	}
	if in.ICMPOptions != nil {
		rule.ICMP = &rules.ICMPKind{Type: in.ICMPOptions.Type, Code: -1}
		if in.ICMPOptions.Code != nil {
			rule.ICMP.Code = *in.ICMPOptions.Code
		}
	}
	return rule
}

// routeInputs are the inputs of a rule of a route table.
type routeInputs struct{ Destination, DestinationType, NetworkEntityID, Description string }

func (in routeInputs) route() layout.Route {
	kind := strings.Split(in.NetworkEntityID, ".")[1]
	return layout.Route{
		Destination: farEnd(in.Destination, in.DestinationType),
		Gateway:     layout.Gateway(strings.TrimSuffix(kind, "gateway")),
		Description: in.Description,
	}
}

// farEnd returns the far end of a rule or route in the terms of package layout.
func farEnd(value, kind string) string {
	switch {
	case kind == "CIDR_BLOCK":
		return value
	case kind == "SERVICE_CIDR_BLOCK" && value == "all-iad-services-in-oracle-services-network":
		return layout.OSN
	}
	return value + " as " + kind
}

// readAll decodes inputs and refuses unknown ones.
func readAll(t *testing.T, inputs resource.PropertyValue, into any) {
	t.Helper()
	raw, err := json.Marshal(inputs.Mappable())
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
}

// TestUnfitNetwork names existing resources that do not suit the settings. It expects every problem to be reported
// before anything is registered.
func TestUnfitNetwork(t *testing.T) {
	refuses(t, map[string]string{
		"vcnId": mocks.ExistingVCN, "vcnCidr": "10.20.0.0/16", "podsCidr": "10.30.0.0/17", "securityBy": "groups",
		"internetGatewayId": mocks.DisabledInternet, "natGatewayId": mocks.BlockedNAT,
		"serviceGatewayId": mocks.StorageServices,
		"subnets":          `{"api":{"id":"` + mocks.OtherSubnet + `","cidr":"10.20.8.0/22"}}`,
	}, []string{
		"podsCidr 10.30.0.0/16",
		"subnets.api.id " + mocks.OtherVCN,
		"subnets.api.cidr 10.20.8.0/24",
		"subnets.api.id public",
		"internetGatewayId disabled",
		"natGatewayId blocks traffic",
		"serviceGatewayId OCI IAD Object Storage",
	})
	refuses(t, map[string]string{
		"vcnId": mocks.TakenVCN, "vcnCidr": "10.20.0.0/16", "drgId": mocks.ExistingDRG, "peerCidrs": `["172.16.0.0/16"]`,
	}, []string{
		"drgId " + mocks.OtherDRG,
		"subnets.workers subnets there",
		"internetGatewayId gateways there",
		"natGatewayId natGateways there",
		"serviceGatewayId serviceGateways there",
	})
}

// refuses runs the program with settings that have the wanted problems, as in problemtest.Check, and expects nothing to
// be registered.
func refuses(t *testing.T, set map[string]string, wanted []string) {
	t.Helper()
	r, err := run(t, "local", set)
	problemtest.Check(t, err, wanted...)
	for _, res := range r.Resources {
		t.Errorf("%s %q is registered", res.Type, res.Name)
	}
}

// open returns the paths of the rules that are open to the internet for more than ICMP type 3 code 4, which path MTU
// discovery needs.
func open(inputs map[string]string) (paths []string) {
	for path, value := range inputs {
		rule, ok := strings.CutSuffix(path, "source")
		icmp := inputs[rule+"protocol"] + " " + inputs[rule+"icmpOptions.type"] + " " + inputs[rule+"icmpOptions.code"]
		if ok && value == "0.0.0.0/0" && icmp != "1 3 4" {
			paths = append(paths, path)
		}
	}
	return paths
}

// shown are the inputs that a line of the golden file shows, by kind: references to other resources, and who may
// connect.
var shown = map[string][]string{
	"subnet":               {"vcnId", "cidrBlock", "prohibitPublicIpOnVnic", "routeTableId", "securityListIds"},
	"routetable":           {"vcnId", "routeRules"},
	"securitylist":         {"vcnId"},
	"networksecuritygroup": {"vcnId"},
	"internetgateway":      {"vcnId"},
	"natgateway":           {"vcnId"},
	"servicegateway":       {"vcnId"},
	"drgattachment":        {"drgId", "networkDetails"},
	"vcn":                  {"cidrBlocks"},
	"bastion":              {"targetSubnetId", "clientCidrBlockAllowLists"},
	"loggroup":             {},
	"log":                  {"configuration.source.resource"},
	"cluster":              {"endpointConfig", "options.serviceLbSubnetIds"},
	"nodepool": {
		"nodeConfigDetails.nsgIds", "nodeConfigDetails.nodePoolPodNetworkOptionDetails",
		"nodeConfigDetails.placementConfigs[0].subnetId",
	},
}

// networkLine writes a resource of the network, or one that refers to it. Of a list's rules it writes the number.
func networkLine(res mocks.Resource) (string, bool) {
	if res.Type == "kubernetes:core/v1:Service" {
		var words []string
		for path, value := range flat(res.Inputs) {
			if key, ok := strings.CutPrefix(path, `metadata.annotations["`); ok && strings.Contains(key, "security") {
				words = append(words, strings.TrimSuffix(key, `"]`)+"="+value)
			}
		}
		slices.Sort(words)
		return strings.Join(append([]string{"service", res.Name}, words...), " "), len(words) > 0
	}
	kind := mocks.Kind(res.Type)
	prefixes, ok := shown[kind]
	if !ok {
		return "", false
	}
	words := []string{kind, res.Name}
	inputs := flat(res.Inputs)
	for _, path := range slices.Sorted(maps.Keys(inputs)) {
		if strings.HasSuffix(path, "description") {
			continue
		}
		if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
			words = append(words, path+"="+strings.ReplaceAll(inputs[path], "ocid1.", ""))
		}
	}
	for _, key := range []resource.PropertyKey{"ingressSecurityRules", "egressSecurityRules"} {
		if list := res.Inputs[key]; list.IsArray() {
			words = append(words, fmt.Sprintf("%d %s", len(list.ArrayValue()), key))
		}
	}
	return strings.Join(words, " "), true
}

func flat(inputs resource.PropertyMap) map[string]string {
	return mocks.Flatten(resource.NewProperty(inputs))
}
