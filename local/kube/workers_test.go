package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/tunnel"
)

// fakePlane is a data plane whose kubelets register as ready, and answer requests for logs.
type fakePlane struct {
	t   *testing.T
	dir string

	mu       sync.Mutex
	state    dataplane.State
	kubelets map[string]*httptest.Server // by the node's name
	sockets  []*http.Server
}

func newFakePlane(t *testing.T) *fakePlane {
	dir, err := os.MkdirTemp("", "dp") // short, for its sockets
	if err != nil {
		t.Fatal(err)
	}
	p := &fakePlane{t: t, dir: dir, kubelets: map[string]*httptest.Server{}}
	t.Cleanup(func() {
		for _, s := range p.sockets {
			s.Close()
		}
		for _, k := range p.kubelets {
			k.Close()
		}
		os.RemoveAll(dir)
	})
	return p
}

func (p *fakePlane) Dir() string { return p.dir }

func (p *fakePlane) Status(context.Context) (dataplane.Status, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var status dataplane.Status
	for _, c := range p.state.Clusters {
		for _, n := range c.Nodes {
			status.Nodes = append(status.Nodes, dataplane.NodeStatus{InstanceID: n.InstanceID, Name: n.Name})
		}
	}
	return status, nil
}

func (p *fakePlane) Update(change func(*dataplane.State)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.state)
	for _, c := range p.state.Clusters {
		if len(p.sockets) == 0 {
			p.serveNodes(c)
		}
		for _, n := range c.Nodes {
			if p.kubelets[n.Name] == nil {
				p.kubelets[n.Name] = p.kubelet(c, n)
			}
		}
	}
}

// serveNodes connects the API server to the kubelets.
func (p *fakePlane) serveNodes(c dataplane.Cluster) {
	listener, err := tunnel.Listen(c.NodeSocket)
	if err != nil {
		p.t.Error(err)
		return
	}
	server := &http.Server{Handler: tunnel.Handler(func(ctx context.Context, _, address string) (net.Conn, error) {
		name, _, _ := net.SplitHostPort(address)
		p.mu.Lock()
		kubelet := p.kubelets[name]
		p.mu.Unlock()
		if kubelet == nil {
			return nil, fmt.Errorf("no node %s", name)
		}
		return new(net.Dialer).DialContext(ctx, "tcp", kubelet.Listener.Addr().String())
	})}
	p.sockets = append(p.sockets, server)
	go func() { _ = server.Serve(listener) }() // ends with Close
}

// kubelet starts a node's API, and sets the node's status through the cluster's endpoint with the node's credentials.
func (p *fakePlane) kubelet(c dataplane.Cluster, n dataplane.Node) *httptest.Server {
	cert, err := tls.X509KeyPair(n.Server.Cert, n.Server.Key)
	if err != nil {
		p.t.Error(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(c.CA)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s as %s", r.URL.Path, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	s.TLS = &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
	}
	s.StartTLS()
	go p.setReady(c, n)
	return s
}

func (p *fakePlane) setReady(c dataplane.Cluster, n dataplane.Node) {
	api, err := kubernetes.NewForConfig(&rest.Config{
		Host: "https://" + c.PrivateEndpoint,
		TLSClientConfig: rest.TLSClientConfig{
			CAData: c.CA, CertData: n.Kubelet.Cert, KeyData: n.Kubelet.Key,
		},
		// As in the VCN, where the endpoint forwards to the socket.
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", c.APISocket)
		},
	})
	if err != nil {
		p.t.Error(err)
		return
	}
	patch := `{"status": {"conditions": [{"type": "Ready", "status": "True"}]}}`
	_, err = api.CoreV1().Nodes().PatchStatus(context.Background(), n.Name, []byte(patch))
	if err != nil {
		p.t.Errorf("the node %s sets its status: %v", n.Name, err)
	}
}

func TestNodesThatRun(t *testing.T) {
	cfg := testConfig(t)
	plane := newFakePlane(t)
	cfg.DataPlane = plane
	m := New(cfg)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	c := testCluster()
	c.PrivateEndpoint = "10.0.64.3:6443"
	if _, err := m.Start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	api := apiClient(t, m)
	if err := m.SyncNodes(t.Context(), c.ID, []cloud.Node{testNode(0), testNode(1)}); err != nil {
		t.Fatal(err)
	}
	checkRunningNodes(t, plane, api)
	checkWayToKubelets(t, api)
	slice, err := api.DiscoveryV1().EndpointSlices("default").Get(t.Context(), "kubernetes", metav1.GetOptions{})
	if err != nil || slice.Endpoints[0].Addresses[0] != "10.0.64.3" {
		t.Errorf("endpoints of the Service kubernetes: %+v, %v", slice, err)
	}
	if _, err := os.Stat(filepath.Join(m.clusterDir(c.ID), "volume-plugins")); err != nil {
		t.Errorf("the controller manager made its directory of volume plugins elsewhere: %v", err)
	}

	checkVirtualBesideRunning(t, m, plane, api)
	if err := m.SyncNodes(t.Context(), c.ID, []cloud.Node{testNode(1)}); err != nil {
		t.Fatal(err)
	}
	_, err = api.CoreV1().Nodes().Get(t.Context(), testNode(0).Name, metav1.GetOptions{})
	if status, _ := plane.Status(t.Context()); len(status.Nodes) != 1 || !apierrors.IsNotFound(err) {
		t.Errorf("after the removal of a node %+v run, and its object: %v", status.Nodes, err)
	}
	if err := m.Stop(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if len(plane.state.Clusters) != 0 {
		t.Errorf("a stopped cluster is left in the data plane: %v", plane.state.Clusters)
	}
}

func checkRunningNodes(t *testing.T, plane *fakePlane, api kubernetes.Interface) {
	t.Helper()
	ranges := map[string]bool{}
	for _, c := range plane.state.Clusters {
		for _, n := range c.Nodes {
			ranges[n.PodCIDR.String()] = n.PodCIDR.IsValid()
		}
	}
	if len(ranges) != 2 {
		t.Errorf("ranges of Pod addresses: %v, want one for each node", ranges)
	}
	node := mustGet(t, api.CoreV1().Nodes(), testNode(0).Name)
	if node.Spec.ProviderID != testNode(0).InstanceID || node.Labels["pool"] != "one" || node.Labels[zoneLabel] == "" {
		t.Errorf("node %+v", node.ObjectMeta)
	}
}

// checkWayToKubelets reads a Pod's logs: the API server asks the kubelet, through the data plane.
func checkWayToKubelets(t *testing.T, api kubernetes.Interface) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "asked"}, Spec: podTemplate("asked").Spec}
	pod.Spec.NodeName = testNode(0).Name
	pod.Spec.Containers[0].ReadinessProbe = nil
	mustCreate(t, api.CoreV1().Pods("default"), pod)
	stream, err := api.CoreV1().Pods("default").GetLogs("asked", &corev1.PodLogOptions{}).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	if want := "/containerLogs/default/asked/main as " + kubeletClient; err != nil || string(text) != want {
		t.Errorf("logs %q, %v, want %q", text, err, want)
	}
	now := metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}
	if err := api.CoreV1().Pods("default").Delete(t.Context(), "asked", now); err != nil {
		t.Error(err)
	}
}

// TestSocketsFitTheDirectory has the longest directory that the data plane accepts.
func TestSocketsFitTheDirectory(t *testing.T) {
	dir := "/"
	for tunnel.CheckDir(dir+"d") == nil {
		dir += "d"
	}
	c := &cluster{cfg: Config{DataPlane: &fakePlane{dir: dir}}}
	c.state.Cluster.ID = "ocid1.cluster.oc1.iad." + strings.Repeat("a", 60)
	for _, name := range []string{"api", "identity", "metrics", "nodes"} {
		if err := tunnel.CheckPath(c.socketPath(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANodeThatDoesNotBecomeReadyIsTold(t *testing.T) {
	c := &cluster{cfg: Config{DataPlane: newFakePlane(t)}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if got := c.problems(ctx); !strings.Contains(got, "logs in ") {
		t.Errorf("problems %q, want where the logs are", got)
	}
}
