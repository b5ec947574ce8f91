package servicelb

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// visitors returns a Service with the ports 80 and 443, of which 443 has TLS.
func visitors(annotations map[string]string) *corev1.Service {
	a := map[string]string{annotationSSLPorts: "443", annotationProtocol: "HTTP"}
	for k, v := range annotations {
		a[k] = v
	}
	return testService(a, corev1.ServicePort{Port: 80, NodePort: 30080}, corev1.ServicePort{Port: 443, NodePort: 30443})
}

func mustSpec(t *testing.T, svc *corev1.Service) *spec {
	t.Helper()
	s, err := newSpec(svc, nil, testCluster, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answered returns the load balancer that the service shows after its creation from a spec: with its defaults.
func answered(t *testing.T, s *spec) *loadBalancer {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	lb := &loadBalancer{ID: "lb"}
	if err := json.Unmarshal(raw, lb); err != nil {
		t.Fatal(err)
	}
	for name, l := range lb.Listeners {
		if ssl := l.SSLConfiguration; ssl != nil && ssl.CipherSuiteName == "" {
			ssl.tlsSettings = tlsSettings{"oci-default-ssl-cipher-suite-v1", []string{"TLSv1.2"}}
		}
		if l.RuleSetNames == nil {
			l.RuleSetNames = []string{}
		}
		lb.Listeners[name] = l
	}
	return lb
}

func requests(lb *loadBalancer, s *spec) []string {
	var out []string
	for _, r := range changes(lb, s) {
		out = append(out, r.method+" "+strings.TrimPrefix(r.path, loadBalancerPath+"/lb/"))
	}
	return out
}

// TestListenerTLS changes versions and ciphers: the listener of HTTPS alone follows, and only while the annotation
// names a suite. Without one OKE leaves it as it is, also when the annotation is removed.
func TestListenerTLS(t *testing.T) {
	with := func(policy string) *corev1.Service {
		return visitors(map[string]string{annotationTLSSecret: "web", annotationListenerTLS: policy})
	}
	both := with(`{"CipherSuiteName":"suite","Protocols":["TLSv1.2","TLSv1.3"]}`)
	s := mustSpec(t, both)
	if ssl := s.Listeners["HTTP-443"].SSLConfiguration; ssl.CipherSuiteName != "suite" || len(ssl.Protocols) != 2 {
		t.Errorf("TLS %+v", ssl)
	}
	if ssl := s.Listeners["HTTP-80"].SSLConfiguration; ssl != nil {
		t.Errorf("TLS of port 80: %+v", ssl)
	}
	changed := []string{"PUT listeners/HTTP-443"}
	for name, test := range map[string]struct {
		svc  *corev1.Service
		want []string
	}{
		"the same":                  {both, nil},
		"other versions":            {with(`{"CipherSuiteName":"suite","Protocols":["TLSv1.3"]}`), changed},
		"another order of versions": {with(`{"CipherSuiteName":"suite","Protocols":["TLSv1.3","TLSv1.2"]}`), changed},
		"another suite":             {with(`{"cipherSuiteName":"b","protocols":["TLSv1.2","TLSv1.3"]}`), changed},
		"other versions, no suite":  {with(`{"Protocols":["TLSv1.3"]}`), nil},
		"the annotation is removed": {with(""), nil},
	} {
		t.Run(name, func(t *testing.T) {
			lb := answered(t, s)
			want := mustSpec(t, test.svc)
			if got := requests(lb, want); !slices.Equal(got, test.want) {
				t.Errorf("requests %q, want %q", got, test.want)
			}
		})
	}
}

// TestRuleSets shows why a redirect to HTTPS cannot be a rule set of a Service: it is on the listener of HTTPS too.
func TestRuleSets(t *testing.T) {
	const redirect = `{"https":{"items":[{"action":"REDIRECT","responseCode":308,"redirectUri":{"protocol":"HTTPS"}}]}}`
	plain := mustSpec(t, visitors(nil))
	redirected := mustSpec(t, visitors(map[string]string{annotationRuleSets: redirect}))
	for name, l := range redirected.Listeners {
		if !slices.Equal(l.RuleSetNames, []string{"https"}) {
			t.Errorf("listener %s has the rule sets %q", name, l.RuleSetNames)
		}
	}
	for name, test := range map[string]struct {
		have, want *spec
		requests   []string
	}{
		"one comes":     {plain, redirected, []string{"POST ruleSets", "PUT listeners/HTTP-443", "PUT listeners/HTTP-80"}},
		"it stays":      {redirected, redirected, nil},
		"no annotation": {redirected, plain, nil},
		"none any more": {
			redirected, mustSpec(t, visitors(map[string]string{annotationRuleSets: ""})),
			[]string{"PUT listeners/HTTP-443", "PUT listeners/HTTP-80", "DELETE ruleSets/https"},
		},
		"none, and none": {plain, mustSpec(t, visitors(map[string]string{annotationRuleSets: "{}"})), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := requests(answered(t, test.have), test.want); !slices.Equal(got, test.requests) {
				t.Errorf("requests %q, want %q", got, test.requests)
			}
		})
	}
}

// A listener that comes later has no rule sets until the next synchronization: OKE's request to create it names none.
func TestRuleSetsOfALaterListener(t *testing.T) {
	s := mustSpec(t, visitors(map[string]string{annotationRuleSets: `{"a":{"items":[]}}`}))
	lb := answered(t, s)
	delete(lb.Listeners, "HTTP-443")
	var created []listener
	for _, r := range changes(lb, s) {
		if l, ok := r.body.(listener); ok && r.method == http.MethodPost {
			created = append(created, l)
		}
	}
	if len(created) != 1 || created[0].RuleSetNames != nil {
		t.Errorf("created %+v, want one without rule sets", created)
	}
}

// TestSecretReference takes a third part for none: OKE reads the second one, of the namespace in the first.
func TestSecretReference(t *testing.T) {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "web"},
		Data:       map[string][]byte{corev1.TLSCertKey: []byte("cert"), corev1.TLSPrivateKeyKey: []byte("key")},
	}
	for reference, want := range map[string]string{"other/web": "web", "other/web/more": "web", "other/": ""} {
		svc := visitors(map[string]string{annotationTLSSecret: reference})
		s := mustSpec(t, svc)
		b := &balancers{Config: Config{API: fake.NewClientset(secret)}}
		if err := b.readSecret(t.Context(), svc, s); err != nil {
			t.Errorf("%s: %v", reference, err)
		}
		name := ""
		if ssl := s.Listeners["HTTP-443"].SSLConfiguration; ssl != nil {
			name = ssl.CertificateName
		}
		if _, ok := s.Certificates[want]; name != want || ok != (want != "") {
			t.Errorf("%s: certificates %v, listener's %q; want %q", reference, s.Certificates, name, want)
		}
	}
}

// TestCertificateMap gives a listener a certificate of the Certificates service by a ConfigMap.
func TestCertificateMap(t *testing.T) {
	certificates := func(data map[string]string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "map", Namespace: "default"}, Data: data}
	}
	byMap := map[string]string{annotationCertificates: "map"}
	for name, test := range map[string]struct {
		annotations map[string]string
		data        map[string]string
		err         string
	}{
		"a certificate":   {byMap, map[string]string{"443": `["ocid"]`}, ""},
		"another port":    {byMap, map[string]string{"80": `["ocid"]`}, "port 443"},
		"no list":         {byMap, map[string]string{"443": "ocid"}, "443"},
		"no such map":     {map[string]string{annotationCertificates: "other"}, nil, "not found"},
		"a Secret, too":   {map[string]string{annotationCertificates: "map", annotationTLSSecret: "web"}, nil, "violation"},
		"another listing": {byMap, map[string]string{"443": `[]`}, "port 443"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &balancers{Config: Config{API: fake.NewClientset(certificates(test.data))}}
			svc := visitors(test.annotations)
			s := mustSpec(t, svc)
			err := b.readCertificateMap(t.Context(), svc, s)
			if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("error %v, want %q", err, test.err)
			}
			if err != nil {
				return
			}
			ssl := s.Listeners["HTTP-443"].SSLConfiguration
			if ssl == nil || !slices.Equal(ssl.CertificateIDs, []string{"ocid"}) || ssl.CertificateName != "" {
				t.Errorf("TLS %+v", ssl)
			}
			if s.Listeners["HTTP-80"].SSLConfiguration != nil {
				t.Error("port 80 has TLS")
			}
		})
	}
}
