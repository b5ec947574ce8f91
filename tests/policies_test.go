package tests

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"oke-guestbook/plan/flows"
)

// ends are who may try to talk around the guestbooks of kinds, on stack local with VCN-native Pods.
var ends = map[string]flows.Endpoint{
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

// TestPolicies reads the network policies that the program would create, and holds every pair of ends, protocol and port
// against what each kind of guestbook needs.
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
		"nodes": append([]string{ // whose ports every host of the VCN may come to
			"public load balancer to frontend on TCP 8080", "internal load balancer to frontend on TCP 8080", "node to frontend on TCP 8080",
			"API endpoint to frontend on TCP 8080", "other pod to frontend on TCP 8080", "dns to frontend on TCP 8080",
		}, own...),
		"elsewhere": { // wherever the database may be; its end decides too
			"internal load balancer to frontend on TCP 8080", "node to frontend on TCP 8080",
			"frontend to dns on TCP 27017", "frontend to other pod on TCP 27017", "frontend to public load balancer on TCP 27017",
			"frontend to internal load balancer on TCP 27017", "frontend to node on TCP 27017", "frontend to API endpoint on TCP 27017",
			"frontend to metadata service on TCP 27017", "frontend to internet on TCP 27017",
		},
	} {
		want := map[string]bool{}
		for _, flow := range needed {
			want[flow] = true
		}
		for _, from := range []string{flows.Frontend, flows.Backend, flows.Setup, flows.Backup} {
			want[from+" to dns on UDP 53"], want[from+" to dns on TCP 53"] = true, true
		}
		policies := readPolicies(t, r, namespace)
		for from, a := range ends {
			for to, b := range ends {
				if a.Component == "" && b.Component == "" {
					continue
				}
				for _, protocol := range []string{"TCP", "UDP"} {
					for _, port := range []int{22, 53, 80, 443, 6443, 8080, 9090, 10250, 12250, 27017} {
						flow := fmt.Sprintf("%s to %s on %s %d", from, to, protocol, port)
						if got := flows.Reaches(policies, a, b, protocol, port); got != want[flow] {
							t.Errorf("%s: %s: %v, want %v", namespace, flow, got, want[flow])
						}
					}
				}
			}
		}
	}
	for _, namespace := range []string{"classroom", "classroom-elsewhere"} {
		if policies := readPolicies(t, r, namespace); len(policies) > 0 {
			t.Errorf("%s has network policies: %v", namespace, policies)
		}
	}
}

// readPolicies reads the recorded NetworkPolicies of a namespace back to the package's own. It knows the fields that the
// program uses and fails at others.
func readPolicies(t *testing.T, r *recorder, namespace string) []flows.Policy {
	t.Helper()
	var list []flows.Policy
	for _, res := range r.resources {
		meta := properties(res.Inputs["metadata"])
		if res.Type != "kubernetes:networking.k8s.io/v1:NetworkPolicy" || text(meta["namespace"]) != namespace {
			continue
		}
		spec := properties(res.Inputs["spec"])
		types := spec["policyTypes"].ArrayValue()
		if len(types) != 2 || text(types[0]) != "Ingress" || text(types[1]) != "Egress" {
			t.Errorf("policy %s is for %v", res.Name, types)
		}
		policy := flows.Policy{Name: res.Name, Component: component(t, spec["podSelector"])}
		for _, rule := range items(spec["ingress"]) {
			for _, f := range readRule(t, rule, "from") {
				policy.Ingress = append(policy.Ingress, flows.Flow{From: f.From, Protocol: f.Protocol, Ports: f.Ports})
			}
		}
		for _, rule := range items(spec["egress"]) {
			for _, f := range readRule(t, rule, "to") {
				policy.Egress = append(policy.Egress, flows.Flow{To: f.From, Protocol: f.Protocol, Ports: f.Ports})
			}
		}
		list = append(list, policy)
	}
	return list
}

// readRule returns a flow for each peer and port of a rule, with the peer in From. A rule without peers or ports would mean all.
func readRule(t *testing.T, rule resource.PropertyValue, peers resource.PropertyKey) []flows.Flow {
	t.Helper()
	var list []flows.Flow
	r := properties(rule)
	if len(items(r[peers])) == 0 || len(items(r["ports"])) == 0 {
		t.Errorf("a rule without %s or ports lets everything through: %v", peers, rule)
	}
	for _, peer := range items(r[peers]) {
		p := properties(peer)
		var end flows.Peer
		switch {
		case p.HasValue("ipBlock"):
			block := properties(p["ipBlock"])
			end.CIDRs = []string{text(block["cidr"])}
			for _, except := range items(block["except"]) {
				end.Except = append(end.Except, text(except))
			}
		case p.HasValue("namespaceSelector"):
			namespace, pods := labelsOf(p["namespaceSelector"]), labelsOf(p["podSelector"])
			end.DNS = text(namespace["kubernetes.io/metadata.name"]) == "kube-system" && text(pods["k8s-app"]) == "kube-dns" && len(pods) == 1
			if !end.DNS {
				t.Errorf("unknown peer %v", peer)
			}
		default:
			end.Component = component(t, p["podSelector"])
		}
		for _, port := range items(r["ports"]) {
			o := properties(port)
			if !o["port"].IsNumber() {
				t.Fatalf("port %v", port)
			}
			list = append(list, flows.Flow{From: end, Protocol: text(o["protocol"]), Ports: []int{int(o["port"].NumberValue())}})
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
	name := text(labels["app.kubernetes.io/component"])
	if _, known := ends[name]; !known || len(labels) != 2 {
		t.Errorf("selector %v", selector)
	}
	return name
}

func labelsOf(selector resource.PropertyValue) resource.PropertyMap {
	return properties(properties(selector)["matchLabels"])
}

// properties returns the properties of an object, or none.
func properties(v resource.PropertyValue) resource.PropertyMap {
	if v.IsObject() {
		return v.ObjectValue()
	}
	return nil
}

func items(v resource.PropertyValue) []resource.PropertyValue {
	if v.IsArray() {
		return v.ArrayValue()
	}
	return nil
}

func text(v resource.PropertyValue) string {
	if v.IsString() {
		return v.StringValue()
	}
	return ""
}
