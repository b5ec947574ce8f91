package tests

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"oke-guestbook/internal/golden"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/flows/flowstest"
)

// endpoints are around the guestbooks of kinds, on stack local with VCN-native Pods.
var endpoints = map[string]flowstest.Endpoint{
	flows.Frontend:           {Component: flows.Frontend, Address: netip.MustParseAddr("10.0.128.2")},
	flows.Backend:            {Component: flows.Backend, Address: netip.MustParseAddr("10.0.128.3")},
	flows.Setup:              {Component: flows.Setup, Address: netip.MustParseAddr("10.0.128.4")},
	flows.Backup:             {Component: flows.Backup, Address: netip.MustParseAddr("10.0.128.5")},
	"dns":                    {DNS: true, Address: netip.MustParseAddr("10.0.128.6")},
	"other pod":              {Address: netip.MustParseAddr("10.0.128.7")},
	"public load balancer":   {Address: netip.MustParseAddr("10.0.32.9")},
	"internal load balancer": {Address: netip.MustParseAddr("10.0.48.9")},
	"node":                   {Address: netip.MustParseAddr("10.0.64.9")},
	"API endpoint":           {Address: netip.MustParseAddr("10.0.0.2")},
	"metadata service":       {Address: netip.MustParseAddr("169.254.169.254")},
	"internet":               {Address: netip.MustParseAddr("192.0.2.1")},
}

// TestPolicies reads the network policies that the program makes, and compares every pair of endpoints, protocol and
// port with what each kind of guestbook needs.
func TestPolicies(t *testing.T) {
	r, err := run(t, "local", kinds(t))
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"frontend to backend on TCP 27017", "setup to backend on TCP 27017"}
	for namespace, needed := range map[string][]string{
		"full": append([]string{
			"public load balancer to frontend on TCP 8080", "node to frontend on TCP 8080", "backend to backend on TCP 27017",
			"backup to backend on TCP 27017", "backup to internet on TCP 443", "backup to API endpoint on TCP 12250",
		}, own...),
		"nodes": append([]string{ // every host of the VCN may connect to the nodes' port
			"public load balancer to frontend on TCP 8080", "internal load balancer to frontend on TCP 8080",
			"node to frontend on TCP 8080", "API endpoint to frontend on TCP 8080", "other pod to frontend on TCP 8080",
			"dns to frontend on TCP 8080",
		}, own...),
		"elsewhere": { // the database may be anywhere, and its end decides too
			"internal load balancer to frontend on TCP 8080", "node to frontend on TCP 8080",
			"frontend to dns on TCP 27017", "frontend to other pod on TCP 27017", "frontend to node on TCP 27017",
			"frontend to public load balancer on TCP 27017", "frontend to internal load balancer on TCP 27017",
			"frontend to API endpoint on TCP 27017", "frontend to metadata service on TCP 27017",
			"frontend to internet on TCP 27017",
		},
	} {
		want := map[string]bool{}
		for _, connection := range needed {
			want[connection] = true
		}
		for _, from := range []string{flows.Frontend, flows.Backend, flows.Setup, flows.Backup} {
			want[from+" to dns on UDP 53"], want[from+" to dns on TCP 53"] = true, true
		}
		policies := readPolicies(t, r, namespace)
		got := flowstest.Matrix(policies, endpoints, []int{22, 53, 80, 443, 6443, 8080, 9090, 10250, 12250, 27017})
		if !maps.Equal(got, want) {
			t.Errorf("%s: the policies allow\n%s", namespace, golden.Difference(sortedLines(want), sortedLines(got)))
		}
	}
	for _, namespace := range []string{"classroom", "classroom-elsewhere"} {
		if policies := readPolicies(t, r, namespace); len(policies) > 0 {
			t.Errorf("%s has network policies: %v", namespace, policies)
		}
	}
}

// sortedLines writes the keys of a set, one a line.
func sortedLines(set map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(set)), "\n") + "\n"
}

// readPolicies reads the recorded NetworkPolicies of a namespace back to the package's own. It knows the fields that
// the program uses and fails at others.
func readPolicies(t *testing.T, r *mocks.Recorder, namespace string) []flows.Policy {
	t.Helper()
	var list []flows.Policy
	for _, res := range r.Resources {
		meta := mocks.Properties(res.Inputs["metadata"])
		if res.Type != "kubernetes:networking.k8s.io/v1:NetworkPolicy" || mocks.Text(meta["namespace"]) != namespace {
			continue
		}
		spec := mocks.Properties(res.Inputs["spec"])
		types := spec["policyTypes"].ArrayValue()
		if len(types) != 2 || mocks.Text(types[0]) != "Ingress" || mocks.Text(types[1]) != "Egress" {
			t.Errorf("policy %s is for %v", res.Name, types)
		}
		policy := flows.Policy{Name: res.Name, Component: component(t, spec["podSelector"])}
		for _, rule := range mocks.Items(spec["ingress"]) {
			for _, f := range readRule(t, rule, "from") {
				policy.Ingress = append(policy.Ingress, flows.Flow{From: f.From, Protocol: f.Protocol, Ports: f.Ports})
			}
		}
		for _, rule := range mocks.Items(spec["egress"]) {
			for _, f := range readRule(t, rule, "to") {
				policy.Egress = append(policy.Egress, flows.Flow{To: f.From, Protocol: f.Protocol, Ports: f.Ports})
			}
		}
		list = append(list, policy)
	}
	return list
}

// readRule returns a flow for each peer and port of a rule, with the peer in From. A rule without peers or ports would
// mean all.
func readRule(t *testing.T, rule resource.PropertyValue, peers resource.PropertyKey) []flows.Flow {
	t.Helper()
	var list []flows.Flow
	r := mocks.Properties(rule)
	if len(mocks.Items(r[peers])) == 0 || len(mocks.Items(r["ports"])) == 0 {
		t.Errorf("a rule without %s or ports lets everything through: %v", peers, rule)
	}
	for _, peer := range mocks.Items(r[peers]) {
		p := mocks.Properties(peer)
		var end flows.Peer
		switch {
		case p.HasValue("ipBlock"):
			block := mocks.Properties(p["ipBlock"])
			end.CIDRs = []string{mocks.Text(block["cidr"])}
			for _, except := range mocks.Items(block["except"]) {
				end.Except = append(end.Except, mocks.Text(except))
			}
		case p.HasValue("namespaceSelector"):
			namespace, pods := labelsOf(p["namespaceSelector"]), labelsOf(p["podSelector"])
			end.DNS = mocks.Text(namespace["kubernetes.io/metadata.name"]) == "kube-system" &&
				mocks.Text(pods["k8s-app"]) == "kube-dns" && len(pods) == 1
			if !end.DNS {
				t.Errorf("unknown peer %v", peer)
			}
		default:
			end.Component = component(t, p["podSelector"])
		}
		for _, port := range mocks.Items(r["ports"]) {
			o := mocks.Properties(port)
			if !o["port"].IsNumber() {
				t.Fatalf("port %v", port)
			}
			list = append(list, flows.Flow{
				From: end, Protocol: mocks.Text(o["protocol"]), Ports: []int{int(o["port"].NumberValue())},
			})
		}
	}
	return list
}

// component returns the component whose Pods a selector selects, or nothing for all of them.
func component(t *testing.T, selector resource.PropertyValue) string {
	t.Helper()
	labels := labelsOf(selector)
	if len(labels) == 0 {
		return ""
	}
	name := mocks.Text(labels["app.kubernetes.io/component"])
	if _, known := endpoints[name]; !known || len(labels) != 2 {
		t.Errorf("selector %v", selector)
	}
	return name
}

func labelsOf(selector resource.PropertyValue) resource.PropertyMap {
	return mocks.Properties(mocks.Properties(selector)["matchLabels"])
}
