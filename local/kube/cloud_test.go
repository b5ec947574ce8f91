package kube

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"oke-guestbook/local/eventually"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/ociclient"
)

type object = map[string]any

// testCloud is a whole local cloud: the emulator with a network, and this package's control planes.
type testCloud struct {
	t       *testing.T
	srv     *oci.Server
	client  *ociclient.Client
	manager *Manager

	vcn, apiSubnet, workerSubnet, lbSubnet string
	workerList, lbList                     string // security lists
}

func newCloud(t *testing.T) *testCloud {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t)
	dir := filepath.Join(cfg.Dir, "oci")
	creds, err := oci.LoadCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg.OCIEndpoint, cfg.Credentials = "http://"+listener.Addr().String(), creds
	c := &testCloud{t: t, manager: New(cfg)}
	if c.srv, err = oci.New(oci.Config{Dir: dir, Speed: 600, ControlPlane: c.manager, Log: cfg.Log}); err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: c.srv}}
	server.Start()
	t.Cleanup(func() {
		if err := c.manager.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
		c.srv.Close()
	})
	if c.client, err = ociclient.New(cfg.OCIEndpoint, creds); err != nil {
		t.Fatal(err)
	}
	c.network()
	return c
}

// do sends a request, which must succeed.
func (c *testCloud) do(method, path string, body any) (object, http.Header) {
	c.t.Helper()
	var out object
	header, err := c.client.Do(c.t.Context(), method, path, nil, body, &out)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return out, header
}

// create creates a resource of the core services, waits until it is available and returns its id.
func (c *testCloud) create(collection string, body object) string {
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

func (c *testCloud) network() {
	c.t.Helper()
	c.vcn = c.create("vcns", object{"cidrBlocks": []string{"10.0.0.0/16"}, "dnsLabel": "oke"})
	igw := c.create("internetGateways", object{"vcnId": c.vcn, "isEnabled": true})
	toInternet := object{"destination": "0.0.0.0/0", "networkEntityId": igw}
	table := c.create("routeTables", object{"vcnId": c.vcn, "routeRules": []object{toInternet}})
	list := func() string {
		none := []object{}
		return c.create("securityLists", object{"vcnId": c.vcn, "ingressSecurityRules": none, "egressSecurityRules": none})
	}
	c.workerList, c.lbList = list(), list()
	subnet := func(cidr, list string, private bool) string {
		return c.create("subnets", object{
			"vcnId": c.vcn, "cidrBlock": cidr, "routeTableId": table, "securityListIds": []string{list},
			"prohibitPublicIpOnVnic": private,
		})
	}
	c.apiSubnet = subnet("10.0.0.0/29", list(), false)
	c.workerSubnet = subnet("10.0.16.0/20", c.workerList, true)
	c.lbSubnet = subnet("10.0.32.0/24", c.lbList, false)
}

// work waits for the end of an OKE work request and returns the id of its resource.
func (c *testCloud) work(header http.Header) string {
	c.t.Helper()
	id := ""
	eventually.Succeeds(c.t, 2*time.Minute, "work request", func(context.Context) error {
		work, _ := c.do(http.MethodGet, "/20180222/workRequests/"+header.Get("opc-work-request-id"), nil)
		if work["status"] == "FAILED" {
			c.t.Fatalf("work request failed: %v", work)
		}
		if work["status"] != "SUCCEEDED" {
			return fmt.Errorf("%v", work["status"])
		}
		id = work["resources"].([]any)[0].(object)["identifier"].(string)
		return nil
	})
	return id
}

func (c *testCloud) cluster(version string) string {
	c.t.Helper()
	_, header := c.do(http.MethodPost, "/20180222/clusters", object{
		"name": "oke", "compartmentId": oci.CompartmentID, "vcnId": c.vcn, "kubernetesVersion": version,
		"endpointConfig": object{"subnetId": c.apiSubnet, "isPublicIpEnabled": true},
		"options": object{
			"serviceLbSubnetIds":      []string{c.lbSubnet},
			"kubernetesNetworkConfig": object{"podsCidr": "10.244.0.0/16", "servicesCidr": "10.96.0.0/16"},
			"serviceLbConfig":         object{"freeformTags": object{"for": "load balancers"}},
			"persistentVolumeConfig":  object{"freeformTags": object{"for": "volumes"}},
		},
	})
	return c.work(header)
}

func (c *testCloud) pool(cluster, version string, size int) string {
	c.t.Helper()
	options, _ := c.do(http.MethodGet, "/20180222/nodePoolOptions/all", nil)
	image := ""
	for _, s := range options["sources"].([]any) {
		name := s.(object)["sourceName"].(string)
		if strings.Contains(name, "aarch64") && strings.Contains(name, "OKE-"+strings.TrimPrefix(version, "v")) {
			image = s.(object)["imageId"].(string)
		}
	}
	var placements []object
	for _, ad := range oci.AvailabilityDomains {
		placements = append(placements, object{"availabilityDomain": ad, "subnetId": c.workerSubnet})
	}
	_, header := c.do(http.MethodPost, "/20180222/nodePools", object{
		"name": "workers", "compartmentId": oci.CompartmentID, "clusterId": cluster, "kubernetesVersion": version,
		"nodeShape": "VM.Standard.A1.Flex", "nodeShapeConfig": object{"ocpus": 2, "memoryInGBs": 12},
		"nodeSourceDetails": object{"sourceType": "IMAGE", "imageId": image, "bootVolumeSizeInGBs": 50},
		"nodeConfigDetails": object{"size": size, "placementConfigs": placements},
		"initialNodeLabels": []object{{"key": "pool", "value": "workers"}},
	})
	return c.work(header)
}

// config returns the administrator's client configuration of a cluster.
func (c *testCloud) config(cluster string) *rest.Config {
	c.t.Helper()
	kubeconfig, err := c.manager.Kubeconfig(c.t.Context(), cluster)
	if err != nil {
		c.t.Fatal(err)
	}
	cfg, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		c.t.Fatal(err)
	}
	return cfg
}

func (c *testCloud) api(cluster string) kubernetes.Interface {
	c.t.Helper()
	api, err := kubernetes.NewForConfig(c.config(cluster))
	if err != nil {
		c.t.Fatal(err)
	}
	return api
}

// inventory lists the existing resources of a kind.
func (c *testCloud) inventory(kind string) []oci.Item {
	var out []oci.Item
	for _, item := range c.srv.Inventory() {
		if item.Kind == kind {
			out = append(out, item)
		}
	}
	return out
}

// none returns a check that there are no resources of the kinds.
func (c *testCloud) none(kinds ...string) func(context.Context) error {
	return func(context.Context) error {
		for _, kind := range kinds {
			if left := c.inventory(kind); len(left) > 0 {
				return fmt.Errorf("left: %v", left)
			}
		}
		return nil
	}
}

// loadBalancer returns the only load balancer, or nil.
func (c *testCloud) loadBalancer() object {
	c.t.Helper()
	var all []object
	query := url.Values{"compartmentId": {oci.CompartmentID}}
	_, err := c.client.Do(c.t.Context(), http.MethodGet, "/20170115/loadBalancers", query, nil, &all)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, lb := range all {
		if lb["lifecycleState"] != "DELETED" {
			return lb
		}
	}
	return nil
}

// openPorts returns the ingress rules of a security list for single TCP ports, as "source port".
func (c *testCloud) openPorts(list string) map[string]bool {
	c.t.Helper()
	doc, _ := c.do(http.MethodGet, "/20160918/securityLists/"+list, nil)
	open := map[string]bool{}
	for _, r := range doc["ingressSecurityRules"].([]any) {
		rule := r.(object)
		ports := rule["tcpOptions"].(object)["destinationPortRange"].(object)
		open[fmt.Sprintf("%v %v", rule["source"], ports["min"])] = true
	}
	return open
}

func service(name string, annotations map[string]string, ports ...int32) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "web"}},
	}
	for _, p := range ports {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: fmt.Sprintf("p%d", p), Port: p})
	}
	return s
}
