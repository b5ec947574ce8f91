package dataplanetest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kwok/pkg/kwokctl/pki"

	"oke-guestbook/local/certs"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/hostports"
	"oke-guestbook/local/dataplane/sandbox"
	"oke-guestbook/local/dataplane/tunnel"
	"oke-guestbook/local/dataplane/volume"
	"oke-guestbook/local/eventually"
	"oke-guestbook/local/kube"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/ociclient"
)

type object = map[string]any

// speed is how many times faster than on OCI life cycles and health checks are.
const speed = 600

// cloud is a local cloud with nodes that run Pods: emulator, control planes and data plane, as the daemon has them, and
// a registry with the test's images.
type cloud struct {
	t       *testing.T
	server  *oci.Server
	client  *ociclient.Client
	manager *kube.Manager
	plane   *sandbox.Sandbox
	ports   *hostports.Ports
	log     *warnings
	dir     string // of all files

	vcn, api, workers, lbs string // OCIDs
	workersList            string // security list
	balancer               string // display name of the page's load balancer
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	dir, err := os.MkdirTemp("", "dp") // short, for its sockets
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Executable()
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	creds, err := oci.LoadCredentials(filepath.Join(dir, "oci"))
	must(t, err)
	c := &cloud{t: t, log: &warnings{}, dir: dir}
	log := slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c.plane, err = sandbox.Start(t.Context(), sandbox.Config{
		Dir: filepath.Join(dir, "dp"), Binary: self, Init: self, Log: log,
	})
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			showLogs(t, dir)
		}
		must(t, c.plane.Close())
	})
	endpoint := "http://" + listener.Addr().String()
	c.manager = kube.New(kube.Config{
		Dir: filepath.Join(dir, "kube"), Binary: self, OCIEndpoint: endpoint, Credentials: creds, Region: creds.Region,
		Speed: speed, Log: log, DataPlane: c.plane,
	})
	c.server, err = oci.New(oci.Config{Dir: filepath.Join(dir, "oci"), Speed: speed, ControlPlane: c.manager, Log: log})
	must(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: c.server}}
	server.Start()
	t.Cleanup(func() {
		must(t, c.manager.Close())
		server.Close()
		must(t, c.server.Close())
	})
	c.client, err = ociclient.New(endpoint, creds)
	must(t, err)
	first := listener.Addr().(*net.TCPAddr).Port + 1
	c.ports, err = hostports.New(filepath.Join(dir, "ports.json"), first, c.plane.DialInternet)
	must(t, err)
	t.Cleanup(func() { must(t, c.ports.Close()) })
	c.serveImages(dir)
	go c.follow()
	c.network()
	return c
}

// warnings keeps what is logged, and shows it.
type warnings struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *warnings) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(line) // it never fails
	return os.Stderr.Write(line)
}

func (w *warnings) contain(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.text.String(), text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// follow tells the data plane what changes, as the daemon does.
func (c *cloud) follow() {
	for {
		network, balancers := c.server.Network(), dataplane.Quicken(c.server.LoadBalancers(), speed)
		c.plane.Update(func(s *dataplane.State) { s.Network, s.LoadBalancers = network, balancers })
		if err := c.ports.Apply(balancers); err != nil {
			c.t.Error(err)
		}
		volumes := func() ([]string, error) { return c.server.Volumes(), nil }
		if err := volume.Prune(sandbox.VolumesDir(filepath.Join(c.dir, "dp")), volumes); err != nil {
			c.t.Error(err)
		}
		select {
		case <-c.t.Context().Done():
			return
		case <-c.server.Changed():
		}
	}
}

// showLogs shows the end of all logs below a directory.
func showLogs(t *testing.T, dir string) {
	_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".log") && !strings.Contains(path, "/kube/") {
			data, _ := os.ReadFile(path)
			t.Logf("%s:\n%s", path, data[max(0, len(data)-6000):])
		}
		return nil
	})
}

// serveImages serves a registry to the nodes with an image under the two names that the test uses.
func (c *cloud) serveImages(dir string) {
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	pushed, pulled := httptest.NewServer(handler), httptest.NewUnstartedServer(handler)
	authority := c.secure(dir, pulled)
	c.t.Cleanup(pushed.Close)
	c.t.Cleanup(pulled.Close)
	address := strings.TrimPrefix(pulled.URL, "https://")
	serve := func(name string, registry netip.Addr) dataplane.Place {
		p := dataplane.Place{Socket: filepath.Join(dir, name), Registry: registry}
		listener, err := tunnel.Listen(p.Socket)
		must(c.t, err)
		c.t.Cleanup(func() { listener.Close() })
		go tunnel.Forward(listener, func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		})
		return p
	}
	services := serve("services.sock", oci.RegistryAddress)
	services.Registries = kube.RegistryHosts("us-ashburn-1")
	internet := serve("internet.sock", internetRegistries)
	c.plane.Update(func(s *dataplane.State) { s.Services, s.Internet, s.Authority = services, internet, authority })
	image := c.image()
	for _, path := range []string{"axoxdievda5j/oke-public-pause:local", "test/pod:1"} {
		ref, err := name.NewTag(strings.TrimPrefix(pushed.URL, "http://")+"/"+path, name.Insecure)
		must(c.t, err)
		must(c.t, remote.Write(ref, image))
	}
}

var internetRegistries = netip.MustParseAddr("192.88.99.2")

// secure starts a server with a certificate for the addresses of registries, and returns its authority.
func (c *cloud) secure(dir string, server *httptest.Server) []byte {
	c.t.Helper()
	must(c.t, certs.WriteAuthority(dir, "authority", "test", map[string]pki.CertConfig{"registry": {
		CommonName: "registry", Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, AltNames: pki.AltNames{
			IPs: []net.IP{oci.RegistryAddress.AsSlice(), internetRegistries.AsSlice()},
		},
	}}))
	certificate, err := tls.LoadX509KeyPair(filepath.Join(dir, "registry.crt"), filepath.Join(dir, "registry.key"))
	must(c.t, err)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	authority, err := os.ReadFile(filepath.Join(dir, "authority.crt"))
	must(c.t, err)
	return authority
}

// podVariable names the program in testdata, for tests of a user who cannot build it.
const podVariable = "DATAPLANETEST_POD"

// buildPod builds the program in testdata.
func buildPod(t *testing.T, dir string) string {
	t.Helper()
	binary := filepath.Join(dir, "pod")
	build := exec.Command("go", "build", "-o", binary, "./testdata/pod")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the test's image: %v: %s", err, out)
	}
	return binary
}

// image returns an image of the program in testdata.
func (c *cloud) image() v1.Image {
	binary := os.Getenv(podVariable)
	if binary == "" {
		binary = buildPod(c.t, c.t.TempDir())
	}
	program, err := os.ReadFile(binary)
	must(c.t, err)
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	must(c.t, w.WriteHeader(&tar.Header{Name: "pod", Mode: 0o755, Size: int64(len(program))}))
	_, err = w.Write(program)
	must(c.t, err)
	must(c.t, w.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files.Bytes())), nil
	})
	must(c.t, err)
	image, err := mutate.AppendLayers(empty.Image, layer)
	must(c.t, err)
	image, err = mutate.Config(image, v1.Config{Entrypoint: []string{"/pod"}, User: "65534"})
	must(c.t, err)
	return image
}

// do sends a request, which must succeed.
func (c *cloud) do(method, path string, body any) (object, http.Header) {
	c.t.Helper()
	var out object
	header, err := c.client.Do(c.t.Context(), method, path, nil, body, &out)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return out, header
}

// create creates a resource of the Networking service and waits until it is available.
func (c *cloud) create(collection string, body object) string {
	c.t.Helper()
	body["compartmentId"] = oci.CompartmentID
	created, _ := c.do(http.MethodPost, "/20160918/"+collection, body)
	id := created["id"].(string)
	eventually.Succeeds(c.t, 20*time.Second, collection+" available", func(context.Context) error {
		if now, _ := c.do(http.MethodGet, "/20160918/"+collection+"/"+id, nil); now["lifecycleState"] != "AVAILABLE" {
			return fmt.Errorf("%v", now["lifecycleState"])
		}
		return nil
	})
	return id
}

// everything is a security list's rules that allow all traffic.
func everything(cidr string) object {
	return object{
		"ingressSecurityRules": []object{{"source": cidr, "protocol": "all"}},
		"egressSecurityRules":  []object{{"destination": "0.0.0.0/0", "protocol": "all"}},
	}
}

// network makes a VCN whose private subnets reach Oracle's services, with an open security list in each subnet.
func (c *cloud) network() {
	c.t.Helper()
	c.vcn = c.create("vcns", object{"cidrBlocks": []string{"10.0.0.0/16"}, "dnsLabel": "oke"})
	igw := c.create("internetGateways", object{"vcnId": c.vcn, "isEnabled": true})
	service := ""
	var all []object
	_, err := c.client.Do(c.t.Context(), http.MethodGet, "/20160918/services", nil, nil, &all)
	must(c.t, err)
	for _, s := range all {
		if strings.HasPrefix(s["cidrBlock"].(string), "all-") {
			service = s["id"].(string)
		}
	}
	sgw := c.create("serviceGateways", object{"vcnId": c.vcn, "services": []object{{"serviceId": service}}})
	public := c.create("routeTables", object{"vcnId": c.vcn, "routeRules": []object{
		{"destination": "0.0.0.0/0", "networkEntityId": igw},
	}})
	private := c.create("routeTables", object{"vcnId": c.vcn, "routeRules": []object{{
		"destination": "all-iad-services-in-oracle-services-network", "destinationType": "SERVICE_CIDR_BLOCK",
		"networkEntityId": sgw,
	}}})
	list := func(cidr string) string {
		body := everything(cidr)
		body["vcnId"] = c.vcn
		return c.create("securityLists", body)
	}
	subnet := func(cidr, list, routes string, private bool) string {
		return c.create("subnets", object{
			"vcnId": c.vcn, "cidrBlock": cidr, "routeTableId": routes, "securityListIds": []string{list},
			"prohibitPublicIpOnVnic": private,
		})
	}
	c.workersList = list("10.0.0.0/16")
	c.api = subnet("10.0.0.0/29", list("10.0.0.0/16"), public, false)
	c.workers = subnet("10.0.16.0/20", c.workersList, private, true)
	c.lbs = subnet("10.0.32.0/24", list("0.0.0.0/0"), public, false)
}

// work waits for the end of an OKE work request and returns the OCID of its resource.
func (c *cloud) work(header http.Header) string {
	c.t.Helper()
	id := ""
	eventually.Succeeds(c.t, 4*time.Minute, "work request", func(context.Context) error {
		work, _ := c.do(http.MethodGet, "/20180222/workRequests/"+header.Get("opc-work-request-id"), nil)
		id = work["resources"].([]any)[0].(object)["identifier"].(string)
		switch work["status"] {
		case "FAILED":
			c.t.Fatalf("work request failed: %v", work)
		case "SUCCEEDED":
			return nil
		}
		return fmt.Errorf("%v", work["status"])
	})
	return id
}

// cluster makes a cluster with nodes, and returns its client.
func (c *cloud) cluster(size int) (cluster, pool string, api kubernetes.Interface) {
	c.t.Helper()
	const version = "v1.36.4"
	_, header := c.do(http.MethodPost, "/20180222/clusters", object{
		"name": "oke", "type": "ENHANCED_CLUSTER", "compartmentId": oci.CompartmentID, "vcnId": c.vcn,
		"kubernetesVersion": version,
		"endpointConfig":    object{"subnetId": c.api, "isPublicIpEnabled": true},
		"options":           object{"serviceLbSubnetIds": []string{c.lbs}},
	})
	cluster = c.work(header)
	options, _ := c.do(http.MethodGet, "/20180222/nodePoolOptions/all", nil)
	image := ""
	for _, s := range options["sources"].([]any) {
		source := s.(object)["sourceName"].(string)
		if strings.Contains(source, "aarch64") && strings.Contains(source, "OKE-"+strings.TrimPrefix(version, "v")) {
			image = s.(object)["imageId"].(string)
		}
	}
	_, header = c.do(http.MethodPost, "/20180222/nodePools", object{
		"name": "workers", "compartmentId": oci.CompartmentID, "clusterId": cluster, "kubernetesVersion": version,
		"nodeShape": "VM.Standard.A1.Flex", "nodeShapeConfig": object{"ocpus": 2, "memoryInGBs": 12},
		"nodeSourceDetails": object{"sourceType": "IMAGE", "imageId": image},
		"nodeConfigDetails": object{"size": size, "placementConfigs": []object{
			{"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": c.workers},
		}},
	})
	pool = c.work(header)
	kubeconfig, err := c.manager.Kubeconfig(c.t.Context(), cluster)
	must(c.t, err)
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	must(c.t, err)
	api, err = kubernetes.NewForConfig(config)
	must(c.t, err)
	return cluster, pool, api
}
