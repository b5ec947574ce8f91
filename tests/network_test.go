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
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem/problemtest"
	"oke-guestbook/plan/rules"
	"oke-guestbook/settings"
)

// What is there already in the tests of an existing network. The others are no good for it, each in its own way.
const (
	existingVCN      = "ocid1.vcn.oc1.iad.existing"
	existingWorkers  = "ocid1.subnet.oc1.iad.workers"
	otherSubnet      = "ocid1.subnet.oc1.iad.other"
	existingInternet = "ocid1.internetgateway.oc1.iad.existing"
	disabledInternet = "ocid1.internetgateway.oc1.iad.disabled"
	existingNAT      = "ocid1.natgateway.oc1.iad.existing"
	blockedNAT       = "ocid1.natgateway.oc1.iad.blocked"
	existingServices = "ocid1.servicegateway.oc1.iad.existing"
	storageServices  = "ocid1.servicegateway.oc1.iad.storage"
	existingDRG      = "ocid1.drg.oc1.iad.existing"
	otherDRG         = "ocid1.drg.oc1.iad.other"
	takenVCN         = "ocid1.vcn.oc1.iad.taken" // by somebody who has all that a stack would make

	networkers = "ocid1.compartment.oc1..networkers" // who own the VCN and its gateways
)

// existingNetwork answers the program's questions about what is there already.
func existingNetwork(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	asked := func(key resource.PropertyKey) string { return text(args.Args[key]) }
	services := func(id, name string) any {
		return map[string]any{"id": id, "vcnId": existingVCN, "services": []any{map[string]any{"serviceName": name}}}
	}
	switch args.Token {
	case "oci:Core/getVcn:getVcn":
		return object(map[string]any{"vcnId": existingVCN, "compartmentId": networkers, "cidrBlocks": []any{"10.20.0.0/16", "10.30.0.0/16"}}), nil
	case "oci:Core/getSubnet:getSubnet":
		if asked("subnetId") == otherSubnet {
			return object(map[string]any{"vcnId": "ocid1.vcn.oc1.iad.other", "cidrBlock": "10.20.8.0/24"}), nil
		}
		return object(map[string]any{"vcnId": existingVCN, "cidrBlock": "10.20.8.0/22", "prohibitPublicIpOnVnic": true}), nil
	case "oci:Core/getNatGateway:getNatGateway":
		return object(map[string]any{"vcnId": existingVCN, "blockTraffic": asked("natGatewayId") == blockedNAT}), nil
	case "oci:Core/getDrgAttachments:getDrgAttachments":
		var all []any
		if drg := map[string]string{existingVCN: existingDRG, takenVCN: otherDRG}[asked("vcnId")]; asked("compartmentId") == networkers {
			all = []any{map[string]any{"drgId": drg, "state": "ATTACHED"}, map[string]any{"drgId": "ocid1.drg.oc1.iad.left", "state": "DETACHED"}}
		}
		return object(map[string]any{"drgAttachments": all}), nil
	}
	if vcn := asked("vcnId"); vcn != "" {
		return partsOf(args.Token, vcn, asked("compartmentId") == networkers)
	}
	if asked("compartmentId") == networkers {
		switch args.Token {
		case "oci:Core/getInternetGateways:getInternetGateways":
			return object(map[string]any{"gateways": []any{
				map[string]any{"id": existingInternet, "vcnId": existingVCN, "enabled": true},
				map[string]any{"id": disabledInternet, "vcnId": existingVCN},
			}}), nil
		case "oci:Core/getServiceGateways:getServiceGateways":
			return object(map[string]any{"serviceGateways": []any{
				services(storageServices, "OCI IAD Object Storage"), services(existingServices, "All IAD Services In Oracle Services Network"),
			}}), nil
		}
	}
	return nil, fmt.Errorf("the program calls the unknown function %s with %v", args.Token, args.Args)
}

// partsOf lists what is in a VCN. In the existing one it is what the stack made in an earlier update, in the stack's compartment.
// In the one that is taken the networkers own the subnet and the internet gateway, and the stack's compartment has the others.
func partsOf(token, vcn string, theirs bool) (resource.PropertyMap, error) {
	lists := map[string]struct {
		key    string
		theirs bool
	}{
		"oci:Core/getSubnets:getSubnets":                   {"subnets", true},
		"oci:Core/getInternetGateways:getInternetGateways": {"gateways", true},
		"oci:Core/getNatGateways:getNatGateways":           {"natGateways", false},
		"oci:Core/getServiceGateways:getServiceGateways":   {"serviceGateways", false},
	}
	list, ok := lists[token]
	if !ok {
		return nil, fmt.Errorf("the program lists the parts of %s with the unknown function %s", vcn, token)
	}
	part := map[string]any{"id": list.key + " there", "vcnId": vcn, "cidrBlock": "10.20.64.0/20", "state": "AVAILABLE"}
	gone := map[string]any{"id": list.key + " gone", "vcnId": vcn, "cidrBlock": "10.20.64.0/20", "state": "TERMINATED"}
	parts := []any{gone}
	if vcn == existingVCN && !theirs {
		part["freeformTags"] = map[string]any{"project": project, "stack": "local"}
		parts = append(parts, part)
	}
	if vcn == takenVCN && theirs == list.theirs {
		parts = append(parts, part)
	}
	return object(map[string]any{list.key: parts}), nil
}

// networks are ways to ask for a network, as differences from stack local.
var networks = []struct {
	what string
	set  map[string]string
	none []string // kinds of resource that it makes none of, beside what the golden file says
}{
	{"public endpoint and load balancers", map[string]string{"apiEndpoint": "public", "apiAllowedCidrs": `["203.0.113.7/32"]`},
		[]string{"bastion", "drgattachment", "log", "loggroup", "networksecuritygroup", "rule"}},
	{"private endpoint, internal load balancers, bastion", map[string]string{
		"loadBalancers": "internal", "exposure": "internal", "loadBalancerAllowedCidrs": "[]", "internalLoadBalancerAllowedCidrs": `["10.0.0.0/16"]`,
		"bastion": "true", "bastionAllowedCidrs": `["203.0.113.0/24"]`,
	}, []string{"internetgateway", "networksecuritygroup"}},
	{"both kinds of load balancer, native Pods, flow logs", map[string]string{
		"loadBalancers": "both", "internalLoadBalancerAllowedCidrs": `["10.0.0.0/16"]`, "podNetwork": "vcn-native",
		"flowLogs": `["workers","publicLoadBalancers"]`, "extraRules": ping,
	}, nil},
	{"groups", map[string]string{
		"securityBy": "groups", "podNetwork": "vcn-native", "bastion": "true", "bastionAllowedCidrs": `["203.0.113.0/24"]`, "extraRules": ping,
	}, nil},
	{"existing VCN, workers' subnet and service gateway", map[string]string{
		"vcnId": existingVCN, "vcnCidr": "10.20.0.0/16", "serviceGatewayId": existingServices, "securityBy": "groups",
		"subnets": `{"workers":{"id":"` + existingWorkers + `","cidr":"10.20.8.0/22"}}`,
	}, []string{"vcn", "natgateway", "servicegateway"}},
	{"existing VCN and gateways", map[string]string{
		"vcnId": existingVCN, "vcnCidr": "10.20.0.0/16", "drgId": existingDRG, "peerCidrs": `["172.16.0.0/16"]`,
		"internetGatewayId": existingInternet, "natGatewayId": existingNAT, "serviceGatewayId": existingServices,
	}, []string{"vcn", "internetgateway", "natgateway", "servicegateway", "drgattachment"}},
	{"existing VCN, gateways made", map[string]string{"vcnId": existingVCN, "vcnCidr": "10.20.0.0/16"}, []string{"vcn"}},
	{"new VCN behind a dynamic routing gateway", map[string]string{"drgId": existingDRG, "peerCidrs": `["172.16.0.0/16"]`}, nil},
}

// ping is an ICMP type with every code, which the tables of rules have none of.
const ping = `[{"from":"api","to":"workers","protocol":"icmp","ports":"8"}]`

// TestNetworks compares what each network is made of, and how its parts hang together, with a golden file; and its rules and
// routes with those that package reach judges.
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
		if d := difference(judged(t, loaded.Network), made(t, r)); d != "" {
			t.Errorf("%s: the rules and routes that are made are not those that package reach judges\n%s", n.what, d)
		}
		fmt.Fprintf(&out, "%s\n", n.what)
		var lines []string
		for _, res := range r.resources {
			if slices.Contains(n.none, ocidKinds[res.Type]) {
				t.Errorf("%s: %s %q is made", n.what, res.Type, res.Name)
			}
			if line, ok := networkLine(res); ok {
				lines = append(lines, "  "+line+"\n")
			}
			if ocidKinds[res.Type] == "cluster" {
				_, overlay := flat(res.Inputs)["options.kubernetesNetworkConfig.podsCidr"]
				if native := n.set["podNetwork"] == "vcn-native"; overlay == native {
					t.Errorf("%s: the cluster has a range for an overlay: %t", n.what, overlay)
				}
			}
			if strings.HasSuffix(res.Type, ":DefaultSecurityList") && n.set["vcnId"] != "" {
				t.Errorf("%s: the default security list of a VCN that is not this stack's is taken over", n.what)
			}
			for _, path := range everybody(flat(res.Inputs)) {
				if !strings.Contains(res.Name, "publicLoadBalancers") {
					t.Errorf("%s: %s of %q lets everybody in", n.what, path, res.Name)
				}
			}
		}
		slices.Sort(lines)
		out.WriteString(strings.Join(lines, ""))
	}
	golden(t, "networks", out.String())
}

// judged writes the rules and routes that package reach judges, one a line, each after the OCID of what holds it.
func judged(t *testing.T, spec layout.Spec) string {
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

// made writes the rules and routes that the program made, as judged does.
func made(t *testing.T, r *recorder) string {
	t.Helper()
	var out strings.Builder
	for _, res := range r.resources {
		id := "ocid1." + ocidKinds[res.Type] + ".oc1.iad." + res.Name
		switch ocidKinds[res.Type] {
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

// portInputs are the ports of a list's rule; a group's has them one level deeper.
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

// farEnd is the other end of a rule or route in the words of package layout.
func farEnd(value, kind string) string {
	switch {
	case kind == "CIDR_BLOCK":
		return value
	case kind == "SERVICE_CIDR_BLOCK" && value == "all-iad-services-in-oracle-services-network":
		return layout.OSN
	}
	return value + " as " + kind
}

// readAll reads inputs and refuses those that it does not know.
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

// TestUnfitNetwork names existing networks that are not what the settings say: all of it is reported before anything is made.
func TestUnfitNetwork(t *testing.T) {
	refuses(t, map[string]string{
		"vcnId": existingVCN, "vcnCidr": "10.20.0.0/16", "podsCidr": "10.30.0.0/17", "securityBy": "groups",
		"internetGatewayId": disabledInternet, "natGatewayId": blockedNAT, "serviceGatewayId": storageServices,
		"subnets": `{"api":{"id":"` + otherSubnet + `","cidr":"10.20.8.0/22"}}`,
	},
		"podsCidr 10.30.0.0/17 10.30.0.0/16", "subnets.api.id another VCN", "subnets.api.cidr 10.20.8.0/24", "subnets.api.id public private",
		"internetGatewayId disabled", "natGatewayId blocks", "serviceGatewayId OCI IAD Object Storage",
	)
	refuses(t, map[string]string{"vcnId": takenVCN, "vcnCidr": "10.20.0.0/16", "drgId": existingDRG, "peerCidrs": `["172.16.0.0/16"]`},
		"drgId "+otherDRG, "subnets.workers 10.20.64.0/20 subnets there", "internetGatewayId gateways there",
		"natGatewayId natGateways there", "serviceGatewayId serviceGateways there",
	)
}

// refuses deploys settings that must have the wanted problems, as in problemtest.Check, and expects nothing of OCI to be made.
func refuses(t *testing.T, set map[string]string, wanted ...string) {
	t.Helper()
	r, err := run(t, "local", set)
	problemtest.Check(t, err, wanted...)
	for _, res := range r.resources {
		if ocidKinds[res.Type] != "" {
			t.Errorf("%s %q is made", res.Type, res.Name)
		}
	}
}

// everybody returns the paths of the rules that let the internet in with more than ICMP, whose type 3 code 4 path MTU discovery needs.
func everybody(inputs map[string]string) (paths []string) {
	for path, value := range inputs {
		rule, ok := strings.CutSuffix(path, "source")
		if ok && value == "0.0.0.0/0" && (inputs[rule+"protocol"] != "1" || inputs[rule+"icmpOptions.type"] != "3" || inputs[rule+"icmpOptions.code"] != "4") {
			paths = append(paths, path)
		}
	}
	return paths
}

// told are the inputs that a line of the golden file tells, by kind: what ties a resource to the others, and who may reach it.
var told = map[string][]string{
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
	"nodepool":             {"nodeConfigDetails.nsgIds", "nodeConfigDetails.nodePoolPodNetworkOptionDetails", "nodeConfigDetails.placementConfigs[0].subnetId"},
}

// networkLine writes a resource of the network, or one that hangs on it. The rules of a list are told by their number.
func networkLine(res registration) (string, bool) {
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
	kind := ocidKinds[res.Type]
	prefixes, ok := told[kind]
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
		if rules := res.Inputs[key]; rules.IsArray() {
			words = append(words, fmt.Sprintf("%d %s", len(rules.ArrayValue()), key))
		}
	}
	return strings.Join(words, " "), true
}

func flat(inputs resource.PropertyMap) map[string]string {
	values := map[string]string{}
	flatten(nil, resource.NewProperty(inputs), values)
	for path, value := range values {
		values[path] = strings.TrimSuffix(strings.TrimPrefix(value, "{"), "}")
	}
	return values
}
