package kubeplugin_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/kube"
	"oke-guestbook/local/provider/kubeplugin"
	"oke-guestbook/local/provider/value"
)

type object = map[string]any

// kubeconfig is that of a real control plane with two simulated nodes, which all tests share.
var kubeconfig string

// The test binary is also the binary of the control plane's components.
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
	manager := kube.New(kube.Config{Dir: dir, Binary: binary, Region: "us-ashburn-1", Speed: 600, Log: slog.New(slog.DiscardHandler)})
	defer manager.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cluster := cloud.Cluster{
		ID: "ocid1.cluster.oc1.iad.aaaaaaaaplugintest", Name: "test", Version: "v1.36.3",
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
		InstanceID: fmt.Sprintf("ocid1.instance.oc1.iad.test%d", i), Name: ip, PrivateIP: ip, PoolID: "ocid1.nodepool.oc1.iad.test", PoolName: "pool",
		Version: "v1.36.3", Shape: "VM.Standard.A1.Flex", OCPUs: 2, MemoryGB: 12, BootVolumeGB: 50,
		AvailabilityDomain: "Uocm:US-ASHBURN-AD-1", FaultDomain: "FAULT-DOMAIN-1", ImageName: "Oracle-Linux-8.10-aarch64-OKE-1.36.3-1",
	}
}

// world is the plugin, configured for the cluster, and a namespace of the test's own.
type world struct {
	*testing.T
	plugin    p.Provider
	api       dynamic.Interface
	namespace string
}

func newWorld(t *testing.T, config object) *world {
	t.Helper()
	rest, err := clientcmd.RESTConfigFromKubeConfig([]byte(kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	api, err := dynamic.NewForConfig(rest)
	if err != nil {
		t.Fatal(err)
	}
	if config == nil {
		config = object{}
	}
	if config["kubeconfig"] == nil {
		config["kubeconfig"] = kubeconfig
	}
	w := &world{T: t, plugin: configured(t, config), api: api}
	namespace := w.create("core/v1:Namespace", "ns", object{"metadata": object{"name": "test-" + randomName()}})
	w.namespace = namespace.id
	return w
}

func configured(t *testing.T, config object) p.Provider {
	t.Helper()
	plugin := kubeplugin.New().WithDefaults()
	if err := plugin.Configure(t.Context(), p.ConfigureRequest{Args: value.OfMap(config)}); err != nil {
		t.Fatal(err)
	}
	return plugin
}

var names struct {
	sync.Mutex
	n int
}

func randomName() string {
	names.Lock()
	defer names.Unlock()
	names.n++
	return fmt.Sprintf("%d-%d", os.Getpid(), names.n)
}

func newURN(kind, name string) urn.URN {
	return urn.New("test", "oke-guestbook", "", tokens.Type("kubernetes:"+kind), name)
}

func (w *world) live(resource schema.GroupVersionResource, name string) *unstructured.Unstructured {
	w.Helper()
	obj, err := w.api.Resource(resource).Namespace(w.namespace).Get(w.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return obj
}

// patch changes an object past the plugin, as a person with kubectl would.
func (w *world) patch(resource schema.GroupVersionResource, name, patch string, subresources ...string) {
	w.Helper()
	_, err := w.api.Resource(resource).Namespace(w.namespace).Patch(w.Context(), name, "application/merge-patch+json", []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"}, subresources...)
	if err != nil {
		w.Fatal(err)
	}
}

var (
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	services    = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	jobs        = schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
)

// resource is one as the engine's state holds it.
type resource struct {
	w             *world
	urn           urn.URN
	id            string
	inputs, state property.Map
}

func (w *world) check(u urn.URN, old property.Map, inputs object) property.Map {
	w.Helper()
	checked, err := w.plugin.Check(w.Context(), p.CheckRequest{Urn: u, State: old, Inputs: value.OfMap(inputs)})
	if err != nil {
		w.Fatal(err)
	}
	for _, f := range checked.Failures {
		w.Fatalf("%s: %s", f.Property, f.Reason)
	}
	return checked.Inputs
}

func (w *world) tryCreate(kind, name string, inputs object) (*resource, error) {
	w.Helper()
	u := newURN(kind, name)
	checked := w.check(u, property.Map{}, inputs)
	made, err := w.plugin.Create(w.Context(), p.CreateRequest{Urn: u, Properties: checked})
	return &resource{w: w, urn: u, id: made.ID, inputs: checked, state: made.Properties}, err
}

func (w *world) create(kind, name string, inputs object) *resource {
	w.Helper()
	r, err := w.tryCreate(kind, name, inputs)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

func (w *world) preview(kind, name string, inputs object) (property.Map, error) {
	w.Helper()
	u := newURN(kind, name)
	made, err := w.plugin.Create(w.Context(), p.CreateRequest{Urn: u, Properties: w.check(u, property.Map{}, inputs), DryRun: true})
	return made.Properties, err
}

func (r *resource) diff(inputs object) p.DiffResponse {
	r.w.Helper()
	checked := r.w.check(r.urn, r.inputs, inputs)
	d, err := r.w.plugin.Diff(r.w.Context(), p.DiffRequest{ID: r.id, Urn: r.urn, State: r.state, OldInputs: r.inputs, Inputs: checked})
	if err != nil {
		r.w.Fatal(err)
	}
	return d
}

func (r *resource) unchanged(when string, inputs object) {
	r.w.Helper()
	if d := r.diff(inputs); d.HasChanges {
		r.w.Fatalf("%s: a diff: %v\ninputs: %v", when, d.DetailedDiff, value.PlainMap(r.inputs))
	}
}

func (r *resource) update(inputs object, ignored ...string) error {
	r.w.Helper()
	checked := r.w.check(r.urn, r.inputs, inputs)
	updated, err := r.w.plugin.Update(r.w.Context(), p.UpdateRequest{ID: r.id, Urn: r.urn, State: r.state, OldInputs: r.inputs, Inputs: checked, IgnoreChanges: ignored})
	if err == nil {
		r.inputs, r.state = checked, updated.Properties
	}
	return err
}

// refresh reads the resource as `pulumi refresh` does and says whether it is still there.
func (r *resource) refresh() bool {
	r.w.Helper()
	read, err := r.w.plugin.Read(r.w.Context(), p.ReadRequest{ID: r.id, Urn: r.urn, Properties: r.state, Inputs: r.inputs})
	if err != nil {
		r.w.Fatalf("refresh: %v", err)
	}
	if read.ID != "" {
		r.inputs, r.state = read.Inputs, read.Properties
	}
	return read.ID != ""
}

func (r *resource) delete() {
	r.w.Helper()
	if err := r.w.plugin.Delete(r.w.Context(), p.DeleteRequest{ID: r.id, Urn: r.urn, Properties: r.state, OldInputs: r.inputs}); err != nil {
		r.w.Fatalf("delete: %v", err)
	}
}

// name is the object's name, without its namespace.
func (r *resource) name() string { return r.id[strings.LastIndex(r.id, "/")+1:] }

// logged is what the plugin tells the user while run runs: without an engine it goes to the default logger.
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
