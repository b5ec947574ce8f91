package tests

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// What is there already in the tests of an existing network, as the recorder's answers know it.
const (
	existingVCN      = "ocid1.vcn.oc1.iad.existing"
	existingWorkers  = "ocid1.subnet.oc1.iad.workers"
	existingNAT      = "ocid1.natgateway.oc1.iad.existing"
	existingServices = "ocid1.servicegateway.oc1.iad.existing"
	existingDRG      = "ocid1.drg.oc1.iad.existing"
)

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
		"flowLogs": `["workers","publicLoadBalancers"]`,
	}, nil},
	{"groups", map[string]string{"securityBy": "groups", "podNetwork": "vcn-native", "bastion": "true", "bastionAllowedCidrs": `["203.0.113.0/24"]`}, nil},
	{"existing VCN, workers' subnet, NAT and service gateway", map[string]string{
		"vcnId": existingVCN, "vcnCidr": "10.20.0.0/16", "natGatewayId": existingNAT, "serviceGatewayId": existingServices, "securityBy": "groups",
		"subnets": `{"workers":{"id":"` + existingWorkers + `","cidr":"10.20.8.0/22"}}`,
	}, []string{"vcn", "natgateway", "servicegateway"}},
	{"existing VCN, gateways made", map[string]string{"vcnId": existingVCN, "vcnCidr": "10.20.0.0/16"}, []string{"vcn"}},
	{"new VCN behind a dynamic routing gateway", map[string]string{"drgId": existingDRG, "peerCidrs": `["172.16.0.0/16"]`}, nil},
}

// testNetworks compares what each network is made of, and how its parts hang together, with a golden file.
func (p program) testNetworks(t *testing.T) {
	var out strings.Builder
	for _, n := range networks {
		r, err := p.run(t, "local", n.set)
		if err != nil {
			t.Errorf("%s: %v", n.what, err)
			continue
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
			if strings.HasPrefix(path, "metadata.annotations.") && strings.Contains(path, "security") {
				words = append(words, strings.TrimPrefix(path, "metadata.annotations.")+"="+value)
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
	flatten("", resource.NewProperty(inputs), values)
	for path, value := range values {
		values[path] = strings.TrimSuffix(strings.TrimPrefix(value, "{"), "}")
	}
	return values
}
