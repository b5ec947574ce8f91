package servicelb

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"oke-guestbook/local/cloud"
)

var testCluster = cloud.Cluster{ID: "cluster", CompartmentID: "compartment", ServiceLBSubnetIDs: []string{"lbs"}}

func testService(annotations map[string]string, ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "default", UID: "1234", Annotations: annotations},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Ports: ports, SessionAffinity: corev1.ServiceAffinityNone,
		},
	}
}

func testNode(name, ip string, labels map[string]string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       corev1.NodeSpec{ProviderID: "ocid1.instance." + name},
		Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: ip}}},
	}
}

func TestNewSpec(t *testing.T) {
	http := corev1.ServicePort{Port: 80, NodePort: 30080, Protocol: corev1.ProtocolTCP}
	nodes := []*corev1.Node{testNode("b", "10.0.16.3", map[string]string{"pool": "b"}), testNode("a", "10.0.16.2", nil)}
	for name, test := range map[string]struct {
		annotations map[string]string
		port        corev1.ServicePort
		cluster     []string
		check       func(*spec) bool
		err         string
	}{
		"the default is a public load balancer of 100 Mbps with managed security lists": {
			port: http, cluster: []string{"lbs", "other"},
			check: func(s *spec) bool {
				return s.ShapeName == "100Mbps" && s.ShapeDetails == nil && !s.IsPrivate && s.mode == modeAll &&
					reflect.DeepEqual(s.SubnetIDs, []string{"lbs", "other"}) && s.DisplayName == "1234" &&
					reflect.DeepEqual(s.sources, []string{"0.0.0.0/0"})
			},
		},
		"backends are all nodes, in order, on the node port": {
			port: http, cluster: []string{"lbs"},
			check: func(s *spec) bool {
				return reflect.DeepEqual(s.BackendSets["TCP-80"].Backends, []backend{
					{IPAddress: "10.0.16.2", Port: 30080, Weight: 1}, {IPAddress: "10.0.16.3", Port: 30080, Weight: 1},
				}) && s.BackendSets["TCP-80"].HealthChecker.Port == 10256
			},
		},
		"a label selector excludes nodes": {
			annotations: map[string]string{annotationNodes: "pool=b"}, port: http, cluster: []string{"lbs"},
			check: func(s *spec) bool { return len(s.BackendSets["TCP-80"].Backends) == 1 },
		},
		"the bandwidth of a flexible shape is clamped": {
			annotations: map[string]string{
				annotationShape: "Flexible", annotationFlexMin: "5", annotationFlexMax: "99999Mbps",
			},
			port: http, cluster: []string{"lbs"},
			check: func(s *spec) bool { return s.ShapeName == "flexible" && *s.ShapeDetails == shapeDetails{10, 8192} },
		},
		"an annotated subnet takes precedence over the cluster's": {
			annotations: map[string]string{annotationSubnet1: "mine", annotationInternal: "true"},
			port:        http, cluster: []string{"lbs"},
			check: func(s *spec) bool { return s.IsPrivate && reflect.DeepEqual(s.SubnetIDs, []string{"mine"}) },
		},
		"an unknown management mode is All": {
			annotations: map[string]string{annotationSecurityLists: "none"}, port: http, cluster: []string{"lbs"},
			check: func(s *spec) bool { return s.mode == modeAll },
		},
		"network security groups without repetition": {
			annotations: map[string]string{annotationNSGs: "a, b,a"}, port: http, cluster: []string{"lbs"},
			check: func(s *spec) bool { return reflect.DeepEqual(s.NSGs, []string{"a", "b"}) },
		},
		"TLS on its ports only": {
			annotations: map[string]string{annotationSSLPorts: "443", annotationTLSSecret: "web-tls"},
			port:        http, cluster: []string{"lbs"},
			check: func(s *spec) bool { return s.Listeners["TCP-80"].SSLConfiguration == nil },
		},
		"no subnet": {port: http, err: "a subnet must be specified"},
		"flexible without limits": {
			annotations: map[string]string{annotationShape: "flexible"}, port: http, cluster: []string{"lbs"},
			err: annotationFlexMin,
		},
		"UDP": {
			port: corev1.ServicePort{Port: 53, Protocol: corev1.ProtocolUDP}, cluster: []string{"lbs"},
			err: "do not support UDP",
		},
		"six groups": {
			annotations: map[string]string{annotationNSGs: "a,b,c,d,e,f"}, port: http, cluster: []string{"lbs"},
			err: "at most 5",
		},
		"a bad number": {
			annotations: map[string]string{annotationHealthRetries: "many"}, port: http, cluster: []string{"lbs"},
			err: "whole number",
		},
	} {
		t.Run(name, func(t *testing.T) {
			svc := testService(test.annotations, test.port)
			backends, err := filterNodes(svc, nodes)
			if err != nil {
				t.Fatal(err)
			}
			cluster := cloud.Cluster{CompartmentID: "compartment", ServiceLBSubnetIDs: test.cluster}
			s, err := newSpec(svc, backends, cluster, nil)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want one with %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !test.check(s) {
				t.Errorf("spec %+v", s)
			}
		})
	}
}

func TestLocalTrafficPolicyChecksTheServicesOwnPort(t *testing.T) {
	svc := testService(nil, corev1.ServicePort{Port: 80, NodePort: 30080})
	svc.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
	svc.Spec.HealthCheckNodePort = 31234
	h, err := newHealthChecker(svc)
	if err != nil || h.Port != 31234 {
		t.Errorf("health check on port %d, %v; want 31234", h.Port, err)
	}
}

// entry returns a security list's rule for a range of TCP ports, as the API answers it.
func entry(cidr string, low, high int) object {
	return object{
		"source": cidr, "sourceType": "CIDR_BLOCK", "protocol": "6", "isStateless": false,
		"tcpOptions": object{"destinationPortRange": object{"min": float64(low), "max": float64(high)}},
	}
}

func TestOpeningEdit(t *testing.T) {
	icmp := object{"source": "0.0.0.0/0", "protocol": "1", "icmpOptions": object{"type": 3.0, "code": 4.0}}
	for name, test := range map[string]struct {
		have    []any
		opening opening
		inUse   int
		want    []any
		changed bool
	}{
		"missing rules are added, other rules stay": {
			have:    []any{icmp, entry("10.0.0.0/8", 22, 22), entry("10.0.0.0/8", 30000, 32767)},
			opening: opening{want: []rule{{"0.0.0.0/0", 80}}},
			want: []any{
				icmp, entry("10.0.0.0/8", 22, 22), entry("10.0.0.0/8", 30000, 32767), addedEntry("0.0.0.0/0", 80),
			},
			changed: true,
		},
		"nothing to do": {
			have: []any{entry("0.0.0.0/0", 80, 80)}, opening: opening{want: []rule{{"0.0.0.0/0", 80}}},
			want: []any{entry("0.0.0.0/0", 80, 80)},
		},
		"another source range replaces the old one": {
			have: []any{entry("0.0.0.0/0", 80, 80)}, opening: opening{want: []rule{{"192.0.2.0/24", 80}}},
			want: []any{addedEntry("192.0.2.0/24", 80)}, changed: true,
		},
		"stale ports are closed": {
			have: []any{entry("0.0.0.0/0", 80, 80), entry("0.0.0.0/0", 443, 443)}, opening: opening{stale: []int{80}},
			want: []any{entry("0.0.0.0/0", 443, 443)}, changed: true,
		},
		"a port of another Service stays open": {
			have: []any{entry("0.0.0.0/0", 80, 80)}, opening: opening{stale: []int{80}}, inUse: 80,
			want: []any{entry("0.0.0.0/0", 80, 80)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, changed := test.opening.edit(test.have, "source", func(port int) bool { return port == test.inUse })
			if changed != test.changed || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v (changed %t), want %v (%t)", got, changed, test.want, test.changed)
			}
		})
	}
}

// addedEntry returns the rule as the controller sends it.
func addedEntry(cidr string, port int) object {
	e := entry(cidr, port, port)
	e["tcpOptions"] = object{"destinationPortRange": object{"min": port, "max": port}}
	return e
}

func TestManagementModes(t *testing.T) {
	svc := testService(nil, corev1.ServicePort{Port: 80, NodePort: 30080})
	s, err := newSpec(svc, []*corev1.Node{testNode("a", "10.0.16.2", nil)}, testCluster, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Rules of the ingress and egress of the load balancers' subnet and of the ingress of the workers' subnet.
	// As on OKE, mode Frontend takes away rules of the load balancers' egress to exactly one port of the nodes.
	for mode, want := range map[string][3]int{modeNone: {0, 0, 0}, modeFrontend: {1, 0, 0}, modeAll: {1, 2, 2}} {
		o := desiredOpenings(s, mode, nil, nil, []string{"10.0.32.0/24"}, []string{"10.0.16.0/20"})
		if got := [3]int{len(o.frontIn.want), len(o.frontOut.want), len(o.nodeIn.want)}; got != want {
			t.Errorf("mode %s adds %v rules, want %v", mode, got, want)
		}
		if got := slices.Contains(o.frontOut.stale, 30080); got != (mode == modeFrontend) {
			t.Errorf("mode %s takes egress to 30080 away: %t", mode, got)
		}
	}
}
