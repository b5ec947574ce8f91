package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/eventually"
)

// The test binary is also the binary of the components, so that the tests run the real ones.
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
				t.Logf("the end of %s:\n%s", filepath.Base(log), lastLines(log, 20))
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
		ID: "ocid1.cluster.oc1.iad.aaaaaaaatestclusterabcdefghij", Name: "test", Version: "v1.36.3",
		CompartmentID: "ocid1.compartment.oc1..test", PodsCIDR: "10.244.0.0/16", ServicesCIDR: "10.96.0.0/16",
	}
}

func testNode(i int) cloud.Node {
	ip := fmt.Sprintf("10.0.64.%d", i+2)
	return cloud.Node{
		InstanceID: fmt.Sprintf("ocid1.instance.oc1.iad.test%d", i), Name: ip, PrivateIP: ip,
		PoolID: "ocid1.nodepool.oc1.iad.test", PoolName: "pool1", Version: "v1.36.3",
		Shape: "VM.Standard.A1.Flex", OCPUs: 2, MemoryGB: 12, BootVolumeGB: 50,
		AvailabilityDomain: fmt.Sprintf("Uocm:US-ASHBURN-AD-%d", i%3+1), FaultDomain: "FAULT-DOMAIN-1",
		ImageName: "Oracle-Linux-8.10-aarch64-2026.01.01-0-OKE-1.36.3-1", Labels: map[string]string{"pool": "one"},
	}
}

// startCluster starts a manager with a cluster and n nodes, all stopped when the test ends.
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
	return m, client(t, m)
}

func client(t *testing.T, m *Manager) kubernetes.Interface {
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
	t.Run("a Deployment gets ready", func(t *testing.T) { checkDeployment(t, m, api) })
	t.Run("a Pod drains before it ends", func(t *testing.T) { checkDrain(t, cfg, api) })
}

func checkDeployment(t *testing.T, m *Manager, api kubernetes.Interface) {
	ctx := t.Context()
	if _, err := api.AppsV1().Deployments("default").Create(ctx, deployment("web", 3), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "3 Pods wait for nodes", func(ctx context.Context) error {
		pods, err := api.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			return err
		}
		waiting := 0
		for _, p := range pods.Items {
			if c := p.Status.Conditions; len(c) == 1 && c[0].Reason == corev1.PodReasonUnschedulable {
				waiting++
			}
		}
		if waiting != 3 {
			return fmt.Errorf("%d wait", waiting)
		}
		return nil
	})
	if err := m.SyncNodes(ctx, testCluster().ID, []cloud.Node{testNode(0), testNode(1), testNode(2)}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 5*time.Second, "3 Pods ready", deploymentReady(api, "web"))

	pods, err := api.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range pods.Items {
		node, err := api.CoreV1().Nodes().Get(ctx, p.Spec.NodeName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if ip := p.Status.PodIP; ip == "" || seen[ip] {
			t.Errorf("pod %s has address %q, which must be its own", p.Name, ip)
		}
		seen[p.Status.PodIP] = true
		if p.Status.HostIP != node.Status.Addresses[0].Address {
			t.Errorf("pod %s has host address %q on node %s", p.Name, p.Status.HostIP, node.Name)
		}
	}
	if _, err := api.CoreV1().Nodes().Get(ctx, "10.0.64.99", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a node that nobody registered: %v", err)
	}
}

// While a Pod drains it still counts: in quotas, in budgets, for its node.
func checkDrain(t *testing.T, cfg Config, api kubernetes.Interface) {
	pods := api.CoreV1().Pods("default")
	const drain = 600 // seconds
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "draining"}, Spec: podTemplate("draining").Spec}
	pod.Spec.TerminationGracePeriodSeconds = new(int64(drain))
	pod.Spec.Containers[0].ReadinessProbe = nil
	pod.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: drain}}}
	if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "the Pod runs", func(ctx context.Context) error {
		p, err := pods.Get(ctx, "draining", metav1.GetOptions{})
		if err == nil && p.Status.Phase != corev1.PodRunning {
			err = fmt.Errorf("status %+v", p.Status)
		}
		return err
	})
	began := time.Now()
	if err := pods.Delete(t.Context(), "draining", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "the Pod is gone", func(ctx context.Context) error {
		p, err := pods.Get(ctx, "draining", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, fmt.Errorf("status %+v", p.Status))
	})
	if took, want := time.Since(began), cfg.scaled(drain*time.Second, 0); took < want {
		t.Errorf("the Pod was gone after %s, want %s at least", took, want)
	}
}
