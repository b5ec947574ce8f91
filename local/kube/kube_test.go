package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/eventually"
	"oke-guestbook/local/supervise"
)

// TestMain makes the test binary the binary of the components, too, so that the tests run the real ones.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && IsComponent(os.Args[1]) {
		os.Exit(Main(os.Args[1], os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "hold" {
		hold(os.Args[2])
	}
	os.Exit(m.Run())
}

func testConfig(t *testing.T) Config {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Cleanup(func() {
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(dir, "*", "logs", "*.log"))
			for _, log := range logs {
				t.Logf("the end of %s:\n%s", filepath.Base(log), supervise.LastLines(log, 20))
			}
		}
	})
	level := slog.LevelWarn
	if testing.Verbose() {
		level = slog.LevelInfo
	}
	return Config{
		Dir: dir, Binary: binary, Region: "us-ashburn-1", Speed: 600,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	}
}

func testCluster() cloud.Cluster {
	return cloud.Cluster{
		ID: "ocid1.cluster.oc1.iad.aaaaaaaatestclusterabcdefghij", Name: "test", Version: "v1.36.4",
		CompartmentID: "ocid1.compartment.oc1..test", PodsCIDR: "10.244.0.0/16", ServicesCIDR: "10.96.0.0/16",
	}
}

func testNode(i int) cloud.Node {
	ip := fmt.Sprintf("10.0.64.%d", i+2)
	return cloud.Node{
		InstanceID: fmt.Sprintf("ocid1.instance.oc1.iad.test%d", i), Name: ip, PrivateIP: ip,
		PoolID: "ocid1.nodepool.oc1.iad.test", PoolName: "pool1", Version: "v1.36.4",
		Shape: "VM.Standard.A1.Flex", OCPUs: 2, MemoryGB: 12, BootVolumeGB: 50,
		AvailabilityDomain: fmt.Sprintf("Uocm:US-ASHBURN-AD-%d", i%3+1), FaultDomain: "FAULT-DOMAIN-1",
		ImageName: "Oracle-Linux-8.10-aarch64-2026.01.01-0-OKE-1.36.4-1", Labels: map[string]string{"pool": "one"},
	}
}

// startCluster starts a manager with a cluster and its nodes. They stop when the test ends.
func startCluster(t *testing.T, cfg Config, nodes int) (*Manager, kubernetes.Interface) {
	t.Helper()
	m := New(cfg)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx := t.Context()
	began := time.Now()
	if _, err := m.Start(ctx, testCluster()); err != nil {
		t.Fatal(err)
	}
	t.Logf("control plane up after %s", time.Since(began).Round(10*time.Millisecond))
	var all []cloud.Node
	for i := range nodes {
		all = append(all, testNode(i))
	}
	if err := m.SyncNodes(ctx, testCluster().ID, all); err != nil {
		t.Fatal(err)
	}
	return m, apiClient(t, m)
}

func apiClient(t *testing.T, m *Manager) kubernetes.Interface {
	t.Helper()
	kubeconfig, err := m.Kubeconfig(t.Context(), testCluster().ID)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	api, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// kindClient is the client of one kind of object, such as that of core/v1 Pods.
type kindClient[T any] interface {
	Create(ctx context.Context, obj T, opts metav1.CreateOptions) (T, error)
	Get(ctx context.Context, name string, opts metav1.GetOptions) (T, error)
	Delete(ctx context.Context, name string, opts metav1.DeleteOptions) error
	Patch(
		ctx context.Context, name string, kind types.PatchType, data []byte, opts metav1.PatchOptions, subresources ...string,
	) (T, error)
}

func mustCreate[T any](t *testing.T, client kindClient[T], obj T) {
	t.Helper()
	if _, err := client.Create(t.Context(), obj, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func mustGet[T any](t *testing.T, client kindClient[T], name string) T {
	t.Helper()
	obj, err := client.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func mustDelete[T any](t *testing.T, client kindClient[T], name string) {
	t.Helper()
	if err := client.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func mustPatch[T any](t *testing.T, client kindClient[T], name string, kind types.PatchType, patch string) {
	t.Helper()
	if _, err := client.Patch(t.Context(), name, kind, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

func podTemplate(app string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "main", Image: "docker.io/library/nginx:1.29",
			ReadinessProbe: &corev1.Probe{
				ProbeHandler:        corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{}},
				InitialDelaySeconds: 5,
			},
		}}},
	}
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: podTemplate(name),
		},
	}
	d.Spec.Template.Spec.Containers[0].ReadinessProbe.TCPSocket.Port.IntVal = 80
	return d
}

func deploymentReady(api kubernetes.Interface, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		d, err := api.AppsV1().Deployments("default").Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if d.Status.ReadyReplicas != *d.Spec.Replicas || d.Status.ObservedGeneration != d.Generation {
			return fmt.Errorf("%d of %d replicas ready", d.Status.ReadyReplicas, *d.Spec.Replicas)
		}
		return nil
	}
}

func TestPods(t *testing.T) {
	cfg := testConfig(t)
	m, api := startCluster(t, cfg, 0)
	t.Run("a Deployment becomes ready", func(t *testing.T) { checkDeployment(t, m, api) })
	t.Run("a Pod drains before it ends", func(t *testing.T) { checkDrain(t, cfg, api) })
	t.Run("a forbidden eviction delays the removal of a node", func(t *testing.T) {
		checkRemoval(t, m, api, cfg.evictionGrace(), cfg.evictionGrace()+5*time.Second)
	})
	t.Run("but not that of a node whose instance is terminated", func(t *testing.T) {
		checkRemoval(t, m, api, 0, cfg.evictionGrace())
	})
}

func checkDeployment(t *testing.T, m *Manager, api kubernetes.Interface) {
	ctx := t.Context()
	mustCreate(t, api.AppsV1().Deployments("default"), deployment("web", 3))
	eventually.Succeeds(t, 20*time.Second, "3 Pods are unschedulable", func(ctx context.Context) error {
		pods, err := api.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			return err
		}
		unschedulable := 0
		for _, p := range pods.Items {
			if c := p.Status.Conditions; len(c) == 1 && c[0].Reason == corev1.PodReasonUnschedulable {
				unschedulable++
			}
		}
		if unschedulable != 3 {
			return fmt.Errorf("%d are", unschedulable)
		}
		return nil
	})
	if err := m.SyncNodes(ctx, testCluster().ID, []cloud.Node{testNode(0), testNode(1), testNode(2)}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 5*time.Second, "3 Pods are ready", deploymentReady(api, "web"))

	pods, err := api.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range pods.Items {
		node := mustGet(t, api.CoreV1().Nodes(), p.Spec.NodeName)
		if ip := p.Status.PodIP; ip == "" || seen[ip] {
			t.Errorf("pod %s has address %q, want a unique one", p.Name, ip)
		}
		seen[p.Status.PodIP] = true
		if p.Status.HostIP != node.Status.Addresses[0].Address {
			t.Errorf("pod %s has host address %q on node %s", p.Name, p.Status.HostIP, node.Name)
		}
	}
	if _, err := api.CoreV1().Nodes().Get(ctx, "10.0.64.99", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a node that was not registered: %v", err)
	}
}

// checkDrain checks that a Pod exists, and so counts in quotas and disruption budgets, until its preStop hook ends.
func checkDrain(t *testing.T, cfg Config, api kubernetes.Interface) {
	pods := api.CoreV1().Pods("default")
	const drain = 600 // seconds
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "draining"}, Spec: podTemplate("draining").Spec}
	pod.Spec.TerminationGracePeriodSeconds = new(int64(drain))
	pod.Spec.Containers[0].ReadinessProbe = nil
	sleep := &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: drain}}
	pod.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: sleep}
	mustCreate(t, pods, pod)
	eventually.Succeeds(t, 20*time.Second, "the Pod runs", func(ctx context.Context) error {
		p, err := pods.Get(ctx, "draining", metav1.GetOptions{})
		if err == nil && p.Status.Phase != corev1.PodRunning {
			err = fmt.Errorf("status %+v", p.Status)
		}
		return err
	})
	began := time.Now()
	mustDelete(t, pods, "draining")
	eventually.Succeeds(t, 20*time.Second, "the Pod is deleted", func(ctx context.Context) error {
		p, err := pods.Get(ctx, "draining", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, fmt.Errorf("status %+v", p.Status))
	})
	if took, want := time.Since(began), cfg.scaled(drain*time.Second, 0); took < want {
		t.Errorf("the Pod was deleted after %s, want %s at least", took, want)
	}
}

// checkRemoval removes a node while a disruption budget forbids to evict its Pod. It must take as long as is said: at
// least no time is for a node whose instance is terminated.
func checkRemoval(t *testing.T, m *Manager, api kubernetes.Interface, least, most time.Duration) {
	budgets := api.PolicyV1().PodDisruptionBudgets("default")
	defer mustDelete(t, budgets, "web")
	mustCreate(t, budgets, &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: new(intstr.FromInt32(0)),
			Selector:       &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		},
	})
	pods, err := api.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil || len(pods.Items) == 0 {
		t.Fatalf("%d Pods: %v", len(pods.Items), err)
	}
	pod := pods.Items[max(0, slices.IndexFunc(pods.Items, func(p corev1.Pod) bool { return p.Spec.NodeName != "" }))]
	var nodes []cloud.Node
	for _, n := range []cloud.Node{testNode(0), testNode(1), testNode(2)} {
		if n.Terminated = n.Name == pod.Spec.NodeName; !n.Terminated || least == 0 {
			nodes = append(nodes, n)
		}
	}
	began := time.Now()
	if err := m.SyncNodes(t.Context(), testCluster().ID, nodes); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < least || took > most {
		t.Errorf("the node was removed after %s, want %s to %s", took, least, most)
	}
	_, err = api.CoreV1().Nodes().Get(t.Context(), pod.Spec.NodeName, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the node: %v, want it deleted", err)
	}
	_, err = api.CoreV1().Pods("default").Get(t.Context(), pod.Name, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the Pod: %v, want it deleted", err)
	}
}
