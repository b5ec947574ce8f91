package servicelb

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestChanges(t *testing.T) {
	backends := []backend{{IPAddress: "10.0.16.2", Port: 30080}, {IPAddress: "10.0.16.3", Port: 30080}}
	set := backendSet{Policy: "ROUND_ROBIN", Backends: backends}
	web := listener{DefaultBackendSetName: "TCP-80", Port: 80, Protocol: "TCP"}
	want := &spec{
		ShapeName: "100Mbps", NSGs: []string{"a", "b"},
		BackendSets: map[string]backendSet{"TCP-80": set}, Listeners: map[string]listener{"TCP-80": web},
	}
	lb := func() *loadBalancer {
		answer, l := set, web
		answer.Name, answer.Backends = "TCP-80", []backend{backends[1], backends[0]}
		l.Name, l.ConnectionConfiguration = "TCP-80", &connectionConfiguration{IdleTimeout: 300}
		return &loadBalancer{
			ID: "lb", ShapeName: "100Mbps", NSGs: []string{"b", "a"},
			BackendSets: map[string]backendSet{"TCP-80": answer}, Listeners: map[string]listener{"TCP-80": l},
		}
	}
	for name, test := range map[string]struct {
		edit func(*loadBalancer)
		want []string
	}{
		"order, names and the default idle timeout do not matter": {func(*loadBalancer) {}, nil},
		"shape and groups": {
			func(lb *loadBalancer) { lb.ShapeName, lb.NSGs = "400Mbps", nil },
			[]string{"PUT lb/networkSecurityGroups", "PUT lb/updateShape"},
		},
		"other backends": {
			func(lb *loadBalancer) { lb.BackendSets["TCP-80"] = backendSet{Policy: "ROUND_ROBIN"} },
			[]string{"PUT lb/backendSets/TCP-80"},
		},
		"another port": {
			func(lb *loadBalancer) {
				lb.BackendSets = map[string]backendSet{"TCP-8080": set}
				lb.Listeners = map[string]listener{"TCP-8080": {DefaultBackendSetName: "TCP-8080", Port: 8080, Protocol: "TCP"}}
			},
			[]string{
				"DELETE lb/listeners/TCP-8080", "DELETE lb/backendSets/TCP-8080", "POST lb/backendSets", "POST lb/listeners",
			},
		},
		"HTTP instead of TCP: the listener keeps its name": {
			func(lb *loadBalancer) {
				l := lb.Listeners["TCP-80"]
				l.Protocol = "HTTP"
				lb.Listeners = map[string]listener{"HTTP-80": l}
			},
			[]string{"PUT lb/listeners/HTTP-80"},
		},
		"a name with a third part: the listener keeps it": {
			func(lb *loadBalancer) {
				l := lb.Listeners["TCP-80"]
				l.Protocol = "HTTP"
				lb.Listeners = map[string]listener{"TCP-80-web": l}
			},
			[]string{"PUT lb/listeners/TCP-80-web"},
		},
		"of two listeners of a name without the third part, both are kept": {
			func(lb *loadBalancer) {
				l := lb.Listeners["TCP-80"]
				l.Port = 81
				lb.Listeners["TCP-80-web"] = l
			},
			[]string{"PUT lb/listeners/TCP-80-web"},
		},
		"a weight and a drained backend stay": {
			func(lb *loadBalancer) {
				b := lb.BackendSets["TCP-80"].Backends
				b[0].Weight, b[1].Drain = 3, true
			},
			nil,
		},
		"a flexible shape stays": {
			func(lb *loadBalancer) { lb.ShapeName, lb.ShapeDetails = "flexible", &shapeDetails{10, 10} }, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			have := lb()
			test.edit(have)
			var got []string
			for _, r := range changes(have, want) {
				got = append(got, r.method+" "+r.path[len(loadBalancerPath+"/"):])
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("requests %q, want %q", got, test.want)
			}
		})
	}
}

// OKE uploads a certificate under the name of its Secret, once: what a Secret of the same name contains later never
// reaches the load balancer.
func TestOnlyAnotherSecretNameRenewsTheCertificate(t *testing.T) {
	svc := testService(map[string]string{annotationSSLPorts: "443"}, corev1.ServicePort{Port: 443})
	specWith := func(name, content string) *spec {
		svc.Annotations[annotationTLSSecret] = name
		s, err := newSpec(svc, nil, testCluster, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Certificates = map[string]certificate{name: {CertificateName: name, PublicCertificate: content}}
		return s
	}
	first := specWith("web-1", "old")
	lb := &loadBalancer{
		ID: "lb", ShapeName: first.ShapeName, BackendSets: first.BackendSets, Listeners: first.Listeners,
		Certificates: first.Certificates,
	}
	if got := slices.Concat(uploads(lb, specWith("web-1", "new")), changes(lb, specWith("web-1", "new"))); len(got) != 0 {
		t.Errorf("requests %v for a new certificate of the same name, want none", got)
	}
	for _, name := range []string{"web-2", "web-3"} {
		renewed := specWith(name, "new")
		var got []string
		for _, r := range slices.Concat(uploads(lb, renewed), changes(lb, renewed)) {
			got = append(got, r.method+" "+strings.TrimPrefix(r.path, loadBalancerPath))
		}
		if !slices.Equal(got, []string{"POST /lb/certificates", "PUT /lb/listeners/TCP-443"}) {
			t.Fatalf("requests %q for the Secret %s, want the certificate and its listener", got, name)
		}
		lb.Listeners = renewed.Listeners
		lb.Certificates[name] = renewed.Certificates[name]
	}
}

func TestImpossible(t *testing.T) {
	lb := &loadBalancer{ShapeName: "flexible"}
	if err := impossible(lb, &spec{ShapeName: "100Mbps"}); err == nil || !strings.Contains(err.Error(), "fixed shape") {
		t.Errorf("error %v for a fixed shape", err)
	}
	if err := json.Unmarshal([]byte(`{"ipAddresses": [
		{"ipAddress": "10.0.32.2"}, {"ipAddress": "192.0.2.1", "isPublic": true, "reservedIp": {"id": "ip"}}
	]}`), lb); err != nil {
		t.Fatal(err)
	}
	for address, refused := range map[string]bool{"192.0.2.1": false, "192.0.2.2": true, "": true} {
		if err := impossible(lb, &spec{ShapeName: "flexible", address: address}); (err != nil) != refused {
			t.Errorf("address %q: error %v, want one: %t", address, err, refused)
		}
	}
}
