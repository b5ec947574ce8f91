package servicelb

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"oke-guestbook/local/oci/schema"
)

// networkService is a Service of a network load balancer as the guestbook declares it, with other annotations.
func networkService(annotations map[string]string) *corev1.Service {
	a := map[string]string{
		annotationType: "nlb", networkPrefix + "subnet": "other", annotationPreserveSource: "false",
		annotationPPv2: "true", annotationExternalOnly: "true",
	}
	maps.Copy(a, annotations)
	maps.DeleteFunc(a, func(_, v string) bool { return v == "-" })
	svc := testService(a, corev1.ServicePort{Port: 80, NodePort: 30080, Protocol: corev1.ProtocolTCP})
	svc.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
	svc.Spec.HealthCheckNodePort = 31000
	return svc
}

func TestNetworkLoadBalancerIsCreated(t *testing.T) {
	f := &fakeOCI{documents: map[string]any{networkPath: object{"items": []object{}}}}
	node := testNode("a", "10.0.16.2", nil)
	_, _ = newBalancers(t, f, node).EnsureLoadBalancer(t.Context(), "", networkService(nil), []*corev1.Node{node})
	if !slices.Equal(f.requests, []string{"POST " + networkPath}) {
		t.Fatalf("requests %q", f.requests)
	}
	var got, want any
	_ = json.Unmarshal([]byte(f.bodies[0]), &got)
	_ = json.Unmarshal([]byte(`{
		"compartmentId": "compartment", "displayName": "default/web/1234", "subnetId": "other", "isPrivate": false,
		"listeners": {"TCP-80": {
			"name": "TCP-80", "defaultBackendSetName": "TCP-80", "port": 80, "protocol": "TCP", "isPpv2Enabled": true
		}},
		"backendSets": {"TCP-80": {
			"policy": "FIVE_TUPLE", "isPreserveSource": false,
			"backends": [{"ipAddress": "10.0.16.2", "targetId": "`+node.Spec.ProviderID+`", "port": 30080, "weight": 1}],
			"healthChecker": {
				"protocol": "HTTP", "port": 31000, "urlPath": "/healthz", "returnCode": 200, "retries": 3,
				"timeoutInMillis": 3000, "intervalInMillis": 10000
			}
		}}
	}`), &want)
	if err := schema.Check("networkloadbalancer.CreateNetworkLoadBalancerDetails", got); err != nil {
		t.Error(err)
	}
	if a, b := indented(got), indented(want); a != b {
		t.Errorf("body\n%s\nwant\n%s", a, b)
	}
}

func indented(v any) string {
	text, _ := json.MarshalIndent(v, "", " ")
	return string(text)
}

// network returns the answer that describes the network load balancer of networkService.
func network(state string, preserve bool) object {
	lb := balancer(state)
	set := lb["backendSets"].(object)["TCP-80"].(object)
	set["policy"], set["isPreserveSource"] = "FIVE_TUPLE", preserve
	set["healthChecker"].(object)["port"] = 31000
	lb["listeners"].(object)["TCP-80"].(object)["isPpv2Enabled"] = true
	lb["subnetId"], lb["displayName"] = "other", "default/web/1234"
	delete(lb, "shapeName")
	lb["ipAddresses"] = []object{
		{"ipAddress": "10.0.32.2", "isPublic": false}, {"ipAddress": "192.0.2.1", "isPublic": true},
	}
	return object{"items": []object{lb}}
}

func TestNetworkLoadBalancerIsChanged(t *testing.T) {
	for name, test := range map[string]struct {
		have        object
		annotations map[string]string
		requests    []string
		addresses   []string
	}{
		"no change": {network("ACTIVE", false), nil, nil, []string{"192.0.2.1"}},
		"it shows its private address": {
			network("ACTIVE", false), map[string]string{annotationExternalOnly: "-"}, nil, []string{"10.0.32.2", "192.0.2.1"},
		},
		"a failed one": {
			network("FAILED", true), nil, []string{"PUT " + networkPath + "/lb/backendSets/TCP-80"}, []string{"192.0.2.1"},
		},
		"source preserved by default": {
			network("ACTIVE", false),
			map[string]string{annotationPreserveSource: "-"},
			[]string{"PUT " + networkPath + "/lb/backendSets/TCP-80"},
			[]string{"192.0.2.1"},
		},
		"no PROXY protocol": {
			network("ACTIVE", false),
			map[string]string{annotationPPv2: "false"},
			[]string{"PUT " + networkPath + "/lb/listeners/TCP-80"},
			[]string{"192.0.2.1"},
		},
		"an annotation that is gone: the listener is updated each time": {
			network("ACTIVE", false),
			map[string]string{annotationPPv2: "-"},
			[]string{"PUT " + networkPath + "/lb/listeners/TCP-80"},
			[]string{"192.0.2.1"},
		},
		"nothing is preserved with the type in capitals": {
			network("ACTIVE", true),
			map[string]string{annotationType: "NLB", annotationPreserveSource: "maybe"},
			[]string{"PUT " + networkPath + "/lb/backendSets/TCP-80"},
			[]string{"192.0.2.1"},
		},
		"an internal one shows its private address": {
			network("ACTIVE", false),
			map[string]string{networkNames.internal: "true", annotationExternalOnly: "maybe"},
			nil,
			[]string{"10.0.32.2", "192.0.2.1"},
		},
		"TLS to the backends: the backend sets are updated each time": {
			network("ACTIVE", false),
			map[string]string{annotationBackendSecret: ""},
			[]string{"PUT " + networkPath + "/lb/backendSets/TCP-80"},
			[]string{"192.0.2.1"},
		},
		"groups": {
			network("ACTIVE", false),
			map[string]string{networkNames.groups: "a, b"},
			[]string{"PUT " + networkPath + "/lb/networkSecurityGroups"},
			[]string{"192.0.2.1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeOCI{documents: map[string]any{networkPath: test.have}}
			status, err := newBalancers(t, f).EnsureLoadBalancer(t.Context(), "", networkService(test.annotations), nil)
			if err != nil {
				t.Fatal(err)
			}
			var addresses []string
			for _, ingress := range status.Ingress {
				addresses = append(addresses, ingress.IP)
			}
			if !slices.Equal(f.requests, test.requests) || !slices.Equal(addresses, test.addresses) {
				t.Errorf("requests %q, addresses %q; want %q, %q", f.requests, addresses, test.requests, test.addresses)
			}
		})
	}
}

// OKE reads external-ip-only when it writes the Service's status, and when it looks whether there is something to
// delete.
func TestUnreadableExternalIPOnly(t *testing.T) {
	f := &fakeOCI{documents: map[string]any{networkPath: network("ACTIVE", true)}}
	b := newBalancers(t, f)
	svc := networkService(map[string]string{annotationExternalOnly: "maybe"})
	_, err := b.EnsureLoadBalancer(t.Context(), "", svc, nil)
	if err == nil || !strings.Contains(err.Error(), annotationExternalOnly) || len(f.requests) != 1 {
		t.Errorf("error %v after the requests %q, want one after the change", err, f.requests)
	}
	if _, _, err := b.GetLoadBalancer(t.Context(), "", svc); err == nil {
		t.Error("no error when the Service is deleted")
	}
}

// TestAnotherTypeLater changes the type of a Service's load balancer. Each type is looked for in its own service, so
// that another one is created, and the first one stays, also when the Service is deleted.
func TestAnotherTypeLater(t *testing.T) {
	node := testNode("a", "10.0.16.2", nil)
	none, one := []object{}, []object{balancer("ACTIVE")}
	for name, test := range map[string]struct {
		svc           *corev1.Service // with the later type
		before, after map[string]any  // what the two services have before and after the creation
		want          []string
	}{
		"a network load balancer later": {
			svc:    networkService(nil),
			before: map[string]any{loadBalancerPath: one, networkPath: object{"items": none}},
			after:  map[string]any{loadBalancerPath: one, networkPath: network("ACTIVE", false)},
			want:   []string{"POST " + networkPath, "DELETE " + networkPath + "/lb"},
		},
		"a load balancer later": {
			svc:    webService(map[string]string{annotationType: "lb"}),
			before: map[string]any{loadBalancerPath: none, networkPath: network("ACTIVE", false)},
			after:  map[string]any{loadBalancerPath: one, networkPath: network("ACTIVE", false)},
			want:   []string{"POST ", "DELETE /lb"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeOCI{documents: test.before}
			b := newBalancers(t, f, node)
			_, _ = b.EnsureLoadBalancer(t.Context(), "", test.svc, []*corev1.Node{node}) // the fake has none afterwards
			f.documents = test.after
			if err := b.EnsureLoadBalancerDeleted(t.Context(), "", test.svc); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(f.requests, test.want) {
				t.Errorf("requests %q, want %q", f.requests, test.want)
			}
		})
	}
}

func TestRefusedNetworkLoadBalancers(t *testing.T) {
	for name, test := range map[string]struct {
		annotations map[string]string
		edit        func(*corev1.Service)
		want        string // part of the error
	}{
		"policy of a load balancer": {map[string]string{networkNames.policy: "ROUND_ROBIN"}, nil, "FIVE_TUPLE"},
		"mode":                      {map[string]string{networkNames.lists: "all"}, nil, networkNames.lists},
		"list mode beside a rule mode": {
			map[string]string{networkNames.lists: "all", annotationRulesManagement: "None"}, nil, networkNames.lists,
		},
		"interval":              {map[string]string{networkNames.interval: "9999"}, nil, "10000"},
		"preserved: no boolean": {map[string]string{annotationPreserveSource: "maybe"}, nil, annotationPreserveSource},
		"preserved with Cluster": {
			nil, func(s *corev1.Service) { s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyCluster }, "Local",
		},
		"UDP":         {nil, func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolUDP }, "UDP"},
		"rule sets":   {map[string]string{annotationRuleSets: "{}"}, nil, "rule sets"},
		"own address": {map[string]string{networkPrefix + "assigned-ipv6": "::1"}, nil, "assigned-ipv6"},
		"annotations of load balancers do not matter": {
			map[string]string{annotationPolicy: "none", annotationInternal: "maybe", annotationProtocol: "UDP"}, nil, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			svc := networkService(test.annotations)
			if test.edit != nil {
				test.edit(svc)
			}
			_, err := newSpec(svc, nil, testCluster, nil)
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// Nodes must accept the clients' addresses only if these are preserved.
func TestOpeningsOfNetworkLoadBalancers(t *testing.T) {
	for preserve, want := range map[string]int{"false": 2, "true": 3} {
		svc := networkService(map[string]string{annotationPreserveSource: preserve, networkNames.lists: modeAll})
		s, err := newSpec(svc, []*corev1.Node{testNode("a", "10.0.16.2", nil)}, testCluster, nil)
		if err != nil {
			t.Fatal(err)
		}
		o := desiredOpenings(s, s.mode, nil, nil, []string{"10.0.32.0/24"}, []string{"10.0.16.0/20"})
		if got := len(o.nodeIn.want); got != want {
			t.Errorf("source preserved: %s: %d rules for the nodes, want %d: %v", preserve, got, want, o.nodeIn.want)
		}
	}
	if s, err := newSpec(networkService(nil), nil, testCluster, nil); err != nil || s.mode != modeNone {
		t.Errorf("mode %v, %v; want None by default", s, err)
	}
}
