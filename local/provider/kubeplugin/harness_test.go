package kubeplugin_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/kube"
	"oke-guestbook/local/provider/kubeplugin"
	"oke-guestbook/local/provider/plugintest"
	"oke-guestbook/local/provider/value"
)

type object = map[string]any

// kubeconfig connects to a real control plane with two simulated nodes, which all tests share.
var kubeconfig string

// TestMain makes the test binary the binary of the control plane's components, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && kube.IsComponent(os.Args[1]) {
		os.Exit(kube.Main(os.Args[1], os.Args[2:]))
	}
	flag.Parse()
	os.Exit(withCluster(m.Run))
}

func withCluster(run func() int) int {
	dir, err := os.MkdirTemp("", "plugin-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	manager := kube.New(kube.Config{
		Dir: dir, Binary: binary, Region: "us-ashburn-1", Speed: 600, Log: slog.New(slog.DiscardHandler),
	})
	defer manager.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cluster := cloud.Cluster{
		ID: "ocid1.cluster.oc1.iad.aaaaaaaaplugintest", Name: "test", Version: "v1.36.4",
		CompartmentID: "ocid1.compartment.oc1..test", PodsCIDR: "10.244.0.0/16", ServicesCIDR: "10.96.0.0/16",
	}
	_, err = manager.Start(ctx, cluster)
	if err == nil {
		err = manager.SyncNodes(ctx, cluster.ID, []cloud.Node{node(1), node(2)})
	}
	var content []byte
	if err == nil {
		content, err = manager.Kubeconfig(ctx, cluster.ID)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "control plane:", err)
		return 1
	}
	kubeconfig = string(content)
	return run()
}

func node(i int) cloud.Node {
	ip := fmt.Sprintf("10.0.64.%d", i+1)
	return cloud.Node{
		InstanceID: fmt.Sprintf("ocid1.instance.oc1.iad.test%d", i), Name: ip, PrivateIP: ip,
		PoolID: "ocid1.nodepool.oc1.iad.test", PoolName: "pool", Version: "v1.36.4",
		Shape: "VM.Standard.A1.Flex", OCPUs: 2, MemoryGB: 12, BootVolumeGB: 50,
		AvailabilityDomain: "Uocm:US-ASHBURN-AD-1", FaultDomain: "FAULT-DOMAIN-1",
		ImageName: "Oracle-Linux-8.10-aarch64-OKE-1.36.4-1",
	}
}

// fixture is the plugin, configured for the cluster, and a namespace of the test's own.
type fixture struct {
	plugintest.Plugin
	api       dynamic.Interface
	namespace string
}

// newFixture adds the cluster's kubeconfig to the plugin's configuration, unless that has one.
func newFixture(t *testing.T, config object) *fixture {
	t.Helper()
	rest, err := clientcmd.RESTConfigFromKubeConfig([]byte(kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	api, err := dynamic.NewForConfig(rest)
	if err != nil {
		t.Fatal(err)
	}
	plugin := configured(t, merged(object{"kubeconfig": kubeconfig}, config))
	f := &fixture{Plugin: plugintest.Plugin{T: t, Provider: plugin}, api: api}
	f.namespace = f.create("core/v1:Namespace", "ns", object{"metadata": object{"name": "test-" + uniqueName()}}).ID
	return f
}

func configured(t *testing.T, config object) p.Provider {
	t.Helper()
	plugin := kubeplugin.New().WithDefaults()
	if err := plugin.Configure(t.Context(), p.ConfigureRequest{Args: value.OfMap(config)}); err != nil {
		t.Fatal(err)
	}
	return plugin
}

var lastName atomic.Int64

func uniqueName() string { return fmt.Sprintf("%d-%d", os.Getpid(), lastName.Add(1)) }

func newURN(kind, name string) urn.URN { return plugintest.NewURN("kubernetes:"+kind, name) }

func (f *fixture) tryCreate(kind, name string, inputs object) (*plugintest.Resource, error) {
	f.Helper()
	return f.NewResource("kubernetes:"+kind, name, inputs)
}

func (f *fixture) create(kind, name string, inputs object) *plugintest.Resource {
	f.Helper()
	r, err := f.tryCreate(kind, name, inputs)
	if err != nil {
		f.Fatal(err)
	}
	return r
}

func (f *fixture) preview(kind, name string, inputs object) (property.Map, error) {
	f.Helper()
	return f.Preview("kubernetes:"+kind, name, inputs)
}

// live returns an object of the test's namespace.
func (f *fixture) live(resource schema.GroupVersionResource, name string) *unstructured.Unstructured {
	f.Helper()
	obj, err := f.api.Resource(resource).Namespace(f.namespace).Get(f.Context(), name, metav1.GetOptions{})
	if err != nil {
		f.Fatal(err)
	}
	return obj
}

// patch changes an object without the plugin, as somebody with kubectl would.
func (f *fixture) patch(resource schema.GroupVersionResource, name, patch string, subresources ...string) {
	f.Helper()
	options := metav1.PatchOptions{FieldManager: "kubectl-edit"}
	_, err := f.api.Resource(resource).Namespace(f.namespace).
		Patch(f.Context(), name, types.MergePatchType, []byte(patch), options, subresources...)
	if err != nil {
		f.Fatal(err)
	}
}

var (
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	services    = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
)

// logged returns what the plugin logs while run runs. Without an engine, it logs to the default logger.
func logged(t *testing.T, run func()) string {
	t.Helper()
	var mu sync.Mutex
	var text bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return text.Write(b)
	}), nil)))
	defer slog.SetDefault(old)
	run()
	mu.Lock()
	defer mu.Unlock()
	return text.String()
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
