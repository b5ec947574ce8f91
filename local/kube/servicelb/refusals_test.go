package servicelb

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestRefusedAnnotations checks values that OKE refuses before it calls OCI, and similar ones that it accepts.
func TestRefusedAnnotations(t *testing.T) {
	for key, values := range map[string]struct{ refused, accepted []string }{
		annotationInternal:           {[]string{"", "yes", "TRue"}, []string{"true", "False", "0"}},
		annotationPolicy:             {[]string{"", "ip_hash", "FIVE_TUPLE"}, []string{"IP_HASH", "LEAST_CONNECTIONS"}},
		annotationProtocol:           {[]string{"HTTPS", "UDP", "GRPC", "tcp "}, []string{"", "http", "TCP"}},
		annotationSSLPorts:           {[]string{"443,", ",", "https"}, []string{"", "443", " 443 , 8443", "4294967296"}},
		annotationNSGs:               {[]string{"a,,b", "a,", " "}, []string{"", "a, b", "a,b,c,d,e,a"}},
		annotationRulesManagement:    {[]string{"", "none", "All"}, []string{"None", "sl-all", "SL-Frontend"}},
		annotationHealthRetries:      {[]string{"", "three", "1.5"}, []string{"1"}},
		annotationHealthInterval:     {[]string{"", "999", "1800001", "10s"}, []string{"1000", "1800000"}},
		annotationHealthTimeout:      {[]string{"", "3s"}, []string{"3000"}},
		annotationIdleTimeout:        {[]string{"5m"}, []string{"", "1200"}},
		annotationProxyProtocol:      {[]string{"v1"}, []string{"", "2"}},
		annotationIPMode:             {[]string{"", "dsr"}, []string{"VIP", "proxy"}},
		annotationFreeformTags:       {[]string{"a=b", `{"a":1}`}, []string{"", `{"a":"b"}`}},
		annotationDefinedTags:        {[]string{`{"a":"b"}`}, []string{"", `{"ns":{"a":"b"}}`}},
		annotationType:               {nil, []string{"", "LB", "alb", "nlb", "NLB"}},
		annotationShape:              {[]string{"flexible", "Flexible"}, []string{"400Mbps"}},
		annotationFlexMin:            {nil, []string{"many"}}, // not read without the flexible shape
		annotationRuleSets:           {[]string{"{", `{"a":[]}`}, []string{"", "{}", `{"a":{"items":[]}}`}},
		annotationListenerTLS:        {nil, []string{"{"}}, // not read without a TLS listener
		balancerNames.unsupported[0]: {[]string{"ca", ""}, nil},
	} {
		check := func(value string, refused bool) {
			svc := testService(map[string]string{key: value}, corev1.ServicePort{Port: 80, NodePort: 30080})
			_, err := newSpec(svc, nil, testCluster, nil)
			if (err != nil) != refused || err != nil && !strings.Contains(err.Error(), key) {
				t.Errorf("%s %q: error %v, want one that names the annotation: %t", key, value, err, refused)
			}
		}
		for _, v := range values.refused {
			check(v, true)
		}
		for _, v := range values.accepted {
			check(v, false)
		}
	}
}

func TestRefusedServices(t *testing.T) {
	for name, test := range map[string]struct {
		annotations map[string]string
		edit        func(*corev1.ServiceSpec)
		want        string // part of the error
	}{
		"GRPC without a secret": {
			map[string]string{annotationProtocol: "GRPC", annotationSSLPorts: "80"}, nil, "GRPC needs TLS",
		},
		"GRPC": {
			map[string]string{annotationProtocol: "GRPC", annotationSSLPorts: "80", annotationTLSSecret: "a"}, nil, "",
		},
		"versions and ciphers of no form": {
			map[string]string{annotationSSLPorts: "80", annotationTLSSecret: "a", annotationListenerTLS: "TLSv1.2"},
			nil,
			annotationListenerTLS,
		},
		"bandwidth with another unit": {flexible("10", "10MBPS"), nil, annotationFlexMax},
		"bandwidth":                   {flexible("-5", "20 Mbps"), nil, ""},
		"an empty bandwidth":          {flexible("", "20"), nil, "requires"},
		"groups managed by OKE":       {map[string]string{annotationRulesManagement: "nsg"}, nil, "not support NSG"},
		"session affinity": {
			nil, func(s *corev1.ServiceSpec) { s.SessionAffinity = corev1.ServiceAffinityClientIP }, "SessionAffinity",
		},
		"a bad address":      {nil, func(s *corev1.ServiceSpec) { s.LoadBalancerIP = "192.0.2" }, "not an IP address"},
		"a private address":  {map[string]string{annotationInternal: "true"}, reserved, "private load balancer"},
		"a reserved address": {nil, reserved, ""},
	} {
		t.Run(name, func(t *testing.T) {
			svc := testService(test.annotations, corev1.ServicePort{Port: 80, NodePort: 30080})
			if test.edit != nil {
				test.edit(&svc.Spec)
			}
			_, err := newSpec(svc, nil, testCluster, nil)
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func flexible(low, high string) map[string]string {
	return map[string]string{annotationShape: "flexible", annotationFlexMin: low, annotationFlexMax: high}
}

func reserved(s *corev1.ServiceSpec) { s.LoadBalancerIP = "192.0.2.1" }

// An annotation of the shape decides; without one, a flexible load balancer stays as it is.
func TestShapeOfAnExistingLoadBalancer(t *testing.T) {
	have := &loadBalancer{ShapeName: "flexible", ShapeDetails: &shapeDetails{20, 40}}
	for name, test := range map[string]struct {
		annotations map[string]string
		want        string
		details     shapeDetails
	}{
		"no annotation":      {nil, "flexible", shapeDetails{20, 40}},
		"one bandwidth":      {map[string]string{annotationFlexMax: "100"}, "flexible", shapeDetails{20, 100}},
		"both":               {flexible("10", "30"), "flexible", shapeDetails{10, 30}},
		"minimum above max.": {flexible("50", "30"), "flexible", shapeDetails{50, 50}},
		"a fixed shape":      {map[string]string{annotationShape: "400Mbps"}, "400Mbps", shapeDetails{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, details, err := shape(test.annotations, have)
			if err != nil || got != test.want || details != nil && *details != test.details {
				t.Errorf("shape %s %v, %v; want %s %v", got, details, err, test.want, test.details)
			}
		})
	}
}

func TestConnectionConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		protocol    string
		annotations map[string]string
		want        *connectionConfiguration
	}{
		"the service's default":  {"HTTP", nil, nil},
		"empty is no annotation": {"TCP", map[string]string{annotationIdleTimeout: ""}, nil},
		"idle timeout":           {"TCP", map[string]string{annotationIdleTimeout: "90"}, &connectionConfiguration{90, 0}},
		"proxy protocol, TCP":    {"TCP", map[string]string{annotationProxyProtocol: "2"}, &connectionConfiguration{300, 2}},
		"proxy protocol, HTTP":   {"HTTP", map[string]string{annotationProxyProtocol: "1"}, &connectionConfiguration{60, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := newConnectionConfiguration(test.annotations, test.protocol)
			if err != nil || (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}
