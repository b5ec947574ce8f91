package servicelb

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"oke-guestbook/local/ociclient"
)

// fakeOCI answers GET requests from its documents by path, and every other request with a work request that has
// succeeded.
type fakeOCI struct {
	documents map[string]any
	created   any      // with a value, what a collection of load balancers is once one is created
	requests  []string // all but GET: method and path below the load balancers' collection
	bodies    []string
}

func (f *fakeOCI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var answer any = object{"lifecycleState": "SUCCEEDED"}
	switch {
	case strings.HasPrefix(r.URL.Path, networkWorkPath):
		answer = object{"status": "SUCCEEDED"}
	case !strings.HasPrefix(r.URL.Path, workRequestPath):
		answer = f.documents[r.URL.Path]
		if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "getByIpAddress") {
			body, _ := io.ReadAll(r.Body)
			f.requests = append(f.requests, r.Method+" "+strings.TrimPrefix(r.URL.Path, loadBalancerPath))
			f.bodies = append(f.bodies, string(body))
			if path := r.URL.Path; f.created != nil && (path == loadBalancerPath || path == networkPath) {
				f.documents[path] = f.created
			}
		}
	}
	w.Header().Set("opc-work-request-id", "work")
	_ = json.NewEncoder(w).Encode(answer)
}

// apiKey returns a private key, always the same one.
var apiKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return string(pem.EncodeToMemory(block))
})

// newBalancers returns a controller of a cluster with the given nodes.
func newBalancers(t *testing.T, f *fakeOCI, nodes ...*corev1.Node) *balancers {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	client, err := ociclient.New(server.URL, ociclient.Credentials{
		Tenancy: "tenancy", User: "user", Fingerprint: "aa", Region: "us-ashburn-1",
		PrivateKeyPEM: apiKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	indexer := func() cache.Indexer { return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{}) }
	all := indexer()
	for _, n := range nodes {
		if err := all.Add(n); err != nil {
			t.Fatal(err)
		}
	}
	return &balancers{
		Config:   Config{OCI: client, Cluster: testCluster, Poll: time.Millisecond},
		services: corelisters.NewServiceLister(indexer()), nodes: corelisters.NewNodeLister(all),
	}
}

func webService(annotations map[string]string) *corev1.Service {
	a := map[string]string{annotationSecurityLists: modeNone}
	for k, v := range annotations {
		a[k] = v
	}
	return testService(a, corev1.ServicePort{Port: 80, NodePort: 30080})
}

// balancer returns the answer that describes the load balancer of webService.
func balancer(state string, backends ...string) object {
	set := []object{}
	for _, ip := range backends {
		set = append(set, object{"ipAddress": ip, "port": 30080, "weight": 1})
	}
	return object{
		"id": "lb", "displayName": "1234", "lifecycleState": state, "shapeName": "100Mbps",
		"ipAddresses": []object{{"ipAddress": "192.0.2.1", "isPublic": true}},
		"listeners":   object{"TCP-80": object{"defaultBackendSetName": "TCP-80", "port": 80, "protocol": "TCP"}},
		"backendSets": object{"TCP-80": object{
			"policy": "ROUND_ROBIN", "backends": set, "healthChecker": object{
				"protocol": "HTTP", "port": 10256, "urlPath": "/healthz", "returnCode": 200, "retries": 3,
				"timeoutInMillis": 3000, "intervalInMillis": 10000,
			},
		}},
	}
}

func cloudWith(balancers ...object) *fakeOCI {
	return &fakeOCI{documents: map[string]any{loadBalancerPath: balancers}}
}

func readyNode(name, ip string, ready corev1.ConditionStatus) *corev1.Node {
	n := testNode(name, ip, nil)
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}
	return n
}

func TestAFailedLoadBalancerStays(t *testing.T) {
	f := cloudWith(balancer("FAILED"))
	b := newBalancers(t, f)
	_, err := b.EnsureLoadBalancer(t.Context(), "", webService(nil), nil)
	if err == nil || !strings.Contains(err.Error(), "FAILED") {
		t.Errorf("creation: error %v, want one with the state", err)
	}
	if err := b.UpdateLoadBalancer(t.Context(), "", webService(nil), nil); err == nil {
		t.Error("update of the nodes: no error")
	}
	if len(f.requests) != 0 {
		t.Errorf("requests %q, want none", f.requests)
	}
	if err := b.EnsureLoadBalancerDeleted(t.Context(), "", webService(nil)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(f.requests, []string{"DELETE /lb"}) {
		t.Errorf("requests %q, want its deletion", f.requests)
	}
}

func TestChangedNodesChangeOnlyBackends(t *testing.T) {
	a, b := testNode("a", "10.0.16.2", nil), testNode("b", "10.0.16.3", nil)
	other := map[string]string{annotationShape: "400Mbps"}
	for name, test := range map[string]struct {
		have []object
		want []string
	}{
		"another node":     {[]object{balancer("ACTIVE", "10.0.16.2")}, []string{"PUT /lb/backendSets/TCP-80"}},
		"the same nodes":   {[]object{balancer("ACTIVE", "10.0.16.2", "10.0.16.3")}, nil},
		"no load balancer": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := cloudWith(test.have...)
			controller, nodes := newBalancers(t, f, a, b), []*corev1.Node{a, b}
			if err := controller.UpdateLoadBalancer(t.Context(), "", webService(other), nodes); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(f.requests, test.want) {
				t.Errorf("requests %q, want %q", f.requests, test.want)
			}
		})
	}
}

func TestBackendsStayWhileNoNodeIsReady(t *testing.T) {
	down, up := readyNode("a", "10.0.16.2", corev1.ConditionUnknown), readyNode("b", "10.0.16.3", corev1.ConditionTrue)
	excluded := readyNode("c", "10.0.16.4", corev1.ConditionTrue)
	excluded.Labels = map[string]string{corev1.LabelNodeExcludeBalancers: ""}
	emptied := []string{"PUT /lb/backendSets/TCP-80"}
	for name, test := range map[string]struct {
		nodes       []*corev1.Node // of the cluster; none of them can be a backend
		wantUpdate  string         // of the error
		wantRequest []string
	}{
		"no node is ready":                      {[]*corev1.Node{down, excluded}, "", nil},
		"a node is ready":                       {[]*corev1.Node{down, up}, "stay", nil},
		"the cluster has no nodes: none remain": {nil, "", emptied},
	} {
		t.Run(name, func(t *testing.T) {
			f := cloudWith(balancer("ACTIVE", "10.0.16.2"))
			err := newBalancers(t, f, test.nodes...).UpdateLoadBalancer(t.Context(), "", webService(nil), nil)
			if (err != nil) != (test.wantUpdate != "") || err != nil && !strings.Contains(err.Error(), test.wantUpdate) {
				t.Errorf("error %v, want %q", err, test.wantUpdate)
			}
			if !slices.Equal(f.requests, test.wantRequest) {
				t.Errorf("requests %q, want %q", f.requests, test.wantRequest)
			}
		})
	}
}

// OKE uploads a certificate before it looks whether nodes are ready.
func TestCertificatesAreUploadedWhileNoNodeIsReady(t *testing.T) {
	f := cloudWith(balancer("ACTIVE", "10.0.16.2"))
	b := newBalancers(t, f, readyNode("a", "10.0.16.2", corev1.ConditionUnknown))
	b.API = fake.NewClientset(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Data:       map[string][]byte{corev1.TLSCertKey: []byte("cert"), corev1.TLSPrivateKeyKey: []byte("key")},
	})
	svc := webService(map[string]string{annotationSSLPorts: "80", annotationTLSSecret: "web"})
	if _, err := b.EnsureLoadBalancer(t.Context(), "", svc, nil); err != nil {
		t.Fatal(err)
	}
	if want := []string{"POST /lb/certificates"}; !slices.Equal(f.requests, want) {
		t.Errorf("requests %q, want %q", f.requests, want)
	}
}

// Unless OKE manages no rules, it reads annotations again before a deletion, and keeps the load balancer if it cannot.
func TestUnreadableAnnotationsBlockTheDeletion(t *testing.T) {
	for mode, want := range map[string][]string{modeNone: {"DELETE /lb"}, modeAll: nil} {
		f := cloudWith(balancer("ACTIVE"))
		svc := webService(map[string]string{annotationSecurityLists: mode, annotationHealthRetries: "three"})
		err := newBalancers(t, f).EnsureLoadBalancerDeleted(t.Context(), "", svc)
		if (err == nil) != (want != nil) || !slices.Equal(f.requests, want) {
			t.Errorf("mode %s: error %v, requests %q, want %q", mode, err, f.requests, want)
		}
	}
}

// OKE takes away what was set by hand on a backend set: TLS to the backends, and health checks without it.
func TestBackendSetsChangedByHand(t *testing.T) {
	for name, edit := range map[string]func(set object){
		"TLS":        func(set object) { set["sslConfiguration"] = object{"certificateName": "ca"} },
		"plain text": func(set object) { set["healthChecker"].(object)["isForcePlainText"] = true },
	} {
		lb := balancer("ACTIVE")
		edit(lb["backendSets"].(object)["TCP-80"].(object))
		f := cloudWith(lb)
		_, err := newBalancers(t, f).EnsureLoadBalancer(t.Context(), "", webService(nil), nil)
		if want := []string{"PUT /lb/backendSets/TCP-80"}; err != nil || !slices.Equal(f.requests, want) {
			t.Errorf("%s: requests %q, %v; want %q", name, f.requests, err, want)
		}
	}
}

// That the reserved address cannot change is found out last, after the change of the security lists.
func TestAnotherReservedAddressComesLast(t *testing.T) {
	lb := balancer("ACTIVE")
	lb["subnetIds"] = []string{"lbs"}
	f := cloudWith(lb)
	f.documents[corePath+"/subnets"] = []object{{"id": "lbs", "securityListIds": []string{"list"}}}
	f.documents[corePath+"/securityLists/list"] = object{"id": "list"}
	svc := webService(map[string]string{annotationSecurityLists: modeFrontend})
	svc.Spec.LoadBalancerIP = "192.0.2.9"
	_, err := newBalancers(t, f).EnsureLoadBalancer(t.Context(), "", svc, nil)
	if want := []string{"PUT " + corePath + "/securityLists/list"}; err == nil || !slices.Equal(f.requests, want) {
		t.Errorf("requests %q, %v; want %q and an error", f.requests, err, want)
	}
}

// The security lists are opened for a new load balancer once its status is known, and only if that has an address.
func TestListsOpenAfterTheStatus(t *testing.T) {
	opened := []string{"POST " + networkPath, "PUT " + corePath + "/securityLists/list"}
	failed := network("FAILED", false)
	failed["items"].([]object)[0]["ipAddresses"] = []object{}
	for name, test := range map[string]struct {
		created  object
		external string
		requests []string
		fails    bool
	}{
		"with an address":             {network("ACTIVE", false), "true", opened, false},
		"without":                     {failed, "true", opened[:1], false},
		"external-ip-only unreadable": {network("ACTIVE", false), "maybe", opened[:1], true},
	} {
		t.Run(name, func(t *testing.T) {
			node := testNode("a", "10.0.16.2", nil)
			f := &fakeOCI{documents: map[string]any{
				networkPath:                      object{"items": []object{}},
				corePath + "/subnets":            []object{{"id": "other", "securityListIds": []string{"list"}}},
				corePath + "/securityLists/list": object{"id": "list"},
			}, created: test.created}
			svc := networkService(map[string]string{networkNames.lists: modeFrontend, annotationExternalOnly: test.external})
			_, err := newBalancers(t, f, node).EnsureLoadBalancer(t.Context(), "", svc, []*corev1.Node{node})
			if (err != nil) != test.fails || !slices.Equal(f.requests, test.requests) {
				t.Errorf("requests %q, %v; want %q", f.requests, err, test.requests)
			}
		})
	}
}

func TestReservedAddressMustBeAvailable(t *testing.T) {
	for state, want := range map[string]int{"AVAILABLE": 1, "ASSIGNED": 0, "ASSIGNING": 0} {
		f := cloudWith()
		f.documents[corePath+"/publicIps/actions/getByIpAddress"] = object{"id": "ip", "lifecycleState": state}
		svc := webService(nil)
		svc.Spec.LoadBalancerIP = "192.0.2.1"
		_, err := newBalancers(t, f).EnsureLoadBalancer(t.Context(), "", svc, nil)
		if len(f.requests) != want || want == 0 && !strings.Contains(err.Error(), state) {
			t.Errorf("address %s: requests %q, error %v", state, f.requests, err)
		}
	}
}

func TestSubnets(t *testing.T) {
	for name, test := range map[string]struct {
		first, second, internal, want string
	}{
		"only the second one":        {"", "regional", "false", `["regional"]`},
		"the first one is regional":  {"regional", "ad2", "false", `["regional"]`},
		"the second one is regional": {"ad1", "regional", "false", `["regional"]`},
		"two availability domains":   {"ad1", "ad2", "false", `["ad1","ad2"]`},
		"a private load balancer":    {"ad1", "ad2", "true", `["ad1"]`},
	} {
		t.Run(name, func(t *testing.T) {
			f := cloudWith()
			f.documents[corePath+"/subnets/regional"] = object{"id": "regional"}
			for _, id := range []string{"ad1", "ad2"} {
				f.documents[corePath+"/subnets/"+id] = object{"id": id, "availabilityDomain": id}
			}
			svc := webService(map[string]string{
				annotationSubnet1: test.first, annotationSubnet2: test.second, annotationInternal: test.internal,
			})
			b := newBalancers(t, f)
			b.Cluster.ServiceLBSubnetIDs = nil
			_, _ = b.EnsureLoadBalancer(t.Context(), "", svc, nil) // the fake has none afterwards
			if len(f.bodies) != 1 || !strings.Contains(f.bodies[0], `"subnetIds":`+test.want) {
				t.Errorf("requests %q, want the subnets %s", f.bodies, test.want)
			}
		})
	}
}

func TestTagsOfTheClusterAreTheDefault(t *testing.T) {
	for annotation, want := range map[string]string{
		"":            `"freeformTags":{"of":"cluster"}`,
		"{}":          `"freeformTags":{"of":"cluster"}`,
		`{"a":"b"}`:   `"freeformTags":{"a":"b"}`,
		`{"of":"me"}`: `"freeformTags":{"of":"me"}`,
	} {
		f := cloudWith()
		tags := object{"freeformTags": object{"of": "cluster"}}
		f.documents["/20180222/clusters/cluster"] = object{"options": object{"serviceLbConfig": tags}}
		svc := webService(map[string]string{annotationFreeformTags: annotation})
		_, _ = newBalancers(t, f).EnsureLoadBalancer(t.Context(), "", svc, nil) // the fake has none afterwards
		if len(f.bodies) != 1 || !strings.Contains(f.bodies[0], want) {
			t.Errorf("annotation %q: requests %q, want %s", annotation, f.bodies, want)
		}
	}
}

func TestAnInvalidModeBlocksTheDeletion(t *testing.T) {
	f := cloudWith(balancer("ACTIVE"))
	svc := webService(map[string]string{annotationRulesManagement: "all"})
	if err := newBalancers(t, f).EnsureLoadBalancerDeleted(t.Context(), "", svc); err == nil || len(f.requests) != 0 {
		t.Errorf("error %v, requests %q", err, f.requests)
	}
}

func TestPortsOfTheServiceItselfAreInUse(t *testing.T) {
	b := newBalancers(t, cloudWith())
	services := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	b.services = corelisters.NewServiceLister(services)
	svc := testService(map[string]string{annotationHealthRetries: "three"}, corev1.ServicePort{Port: 80, NodePort: 30080})
	if err := services.Add(svc); err != nil {
		t.Fatal(err)
	}
	narrowed := opening{want: []rule{{"192.0.2.0/24", 80}}}
	have := []any{entry("0.0.0.0/0", 80, 80)}
	if got, _ := narrowed.edit(have, "source", b.portsInUse()); len(got) != 2 {
		t.Errorf("rules %v, want the old source range as well", got)
	}
	if !b.portsInUse()(kubeProxyPort) {
		t.Error("the port of the health check is not in use, because an annotation cannot be read")
	}
	svc = svc.DeepCopy()
	svc.DeletionTimestamp = new(metav1.Now())
	if err := services.Update(svc); err != nil {
		t.Fatal(err)
	}
	if got, _ := (opening{stale: []int{80}}).edit(have, "source", b.portsInUse()); len(got) != 0 {
		t.Errorf("rules %v after the deletion, want none", got)
	}
}

func TestStatus(t *testing.T) {
	lb := &loadBalancer{LifecycleState: "CREATING"}
	if _, err := lb.status(&corev1.Service{}, nil); err == nil {
		t.Error("no error for a load balancer without an address")
	}
	lb.LifecycleState = "FAILED"
	if status, err := lb.status(&corev1.Service{}, nil); err != nil || len(status.Ingress) != 0 {
		t.Errorf("status %v, %v of one that has failed", status, err)
	}
	s, err := newSpec(webService(map[string]string{annotationIPMode: "proxy"}), nil, testCluster, nil)
	if err != nil || *s.ipMode != corev1.LoadBalancerIPModeProxy {
		t.Errorf("mode %v, %v", s.ipMode, err)
	}
}

// A node that has not joined yet would fail the health checks, and with them the first requests.
func TestANodeThatJoinsIsNoBackend(t *testing.T) {
	joining := testNode("joining", "10.0.16.9", nil)
	joining.Spec.ProviderID = ""
	got, err := filterNodes(&corev1.Service{}, []*corev1.Node{joining, testNode("a", "10.0.16.2", nil)})
	if err != nil || len(got) != 1 || got[0].Name != "a" {
		t.Errorf("backends %v, %v; want node a", got, err)
	}
}
