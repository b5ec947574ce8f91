// Package dataplanetest tests the local cloud with nodes that run Pods, from a request to the emulator to a page.
package dataplanetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/dataplane/machinetest"
	"oke-guestbook/local/dataplane/sandbox"
	"oke-guestbook/local/dataplane/worker/agents"
	"oke-guestbook/local/dataplane/worker/node"
	"oke-guestbook/local/dataplane/worker/podnet"
	"oke-guestbook/local/dataplane/worker/runc"
	"oke-guestbook/local/dataplane/worker/runtime"
	"oke-guestbook/local/eventually"
	"oke-guestbook/local/kube"
)

// TestMain makes the test's executable that of all processes.
func TestMain(m *testing.M) {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if len(args) > 0 && (args[0] == node.Name || args[0] == "dataplane" || kube.IsComponent(args[0])) {
		name, args = args[0], args[1:]
	}
	switch {
	case kube.IsComponent(name):
		os.Exit(kube.Main(name, args))
	case name == "dataplane":
		if err := sandbox.Main(context.Background(), args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case name == node.Name:
		os.Exit(node.Main(args))
	case name == agents.KubeletName, name == agents.KubeProxyName:
		os.Exit(agents.Main(name, args))
	case name == runtime.Name:
		os.Exit(runtime.Main(args))
	case name == runtime.ShimName:
		runtime.Shim()
		os.Exit(0)
	case name == runc.Name:
		os.Exit(runc.Main(args))
	case name == podnet.Plugin:
		podnet.PluginMain()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// needsNodes skips the test where nodes cannot run. CI must run them.
func needsNodes(t *testing.T) {
	t.Helper()
	if missing := machine.Missing(); len(missing) > 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("CI must run nodes; this machine lacks ", strings.Join(missing, "; "))
		}
		t.Skip("runs nodes, for which this machine lacks ", strings.Join(missing, "; "))
	}
}

func TestAPageFromAPod(t *testing.T) {
	needsNodes(t)
	c := newCloud(t)
	cluster, _, api := c.cluster(1)
	c.deploy(t, api)
	logsOfThePod(t, api)
	eventually.Succeeds(t, time.Minute, "the page", c.page)
	// Root's volumes are in TestNodesAreReplaced.
	if os.Getenv(machinetest.Inside) != "" && !node.HaveCgroups() {
		disk := c.claim(t, api)
		disk.grow(t)
		disk.remove(t)
	}
	c.pageNeedsItsRule(t)
	if node.HaveCgroups() { // without, nothing measures Pods
		c.autoscaler(t, cluster, api)
	}
	c.pageAfterAKill(t)
}

// TestOtherMachines does the same as a user who is not root, in a user namespace, and with control groups of version 2.
func TestOtherMachines(t *testing.T) {
	dir, err := os.MkdirTemp("", "pod")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) }) // after the parallel ones
	must(t, os.Chmod(dir, 0o755))
	pod := podVariable + "=" + buildPod(t, dir)
	run := func(name string, m machinetest.Machine) {
		t.Run(name, func(t *testing.T) {
			if !m.Delegated { // those that change control groups of version 2 run one after the other
				t.Parallel()
			}
			machinetest.Rerun(t, "TestAPageFromAPod", m, pod)
		})
	}
	run("ordinary user", machinetest.Machine{User: true})
	run("control groups of version 2", machinetest.Machine{Version2: true})
	run("ordinary user, control groups of version 2", machinetest.Machine{User: true, Version2: true, Delegated: true})
}

// deploy runs a page in a Pod behind a load balancer.
func (c *cloud) deploy(t *testing.T, api kubernetes.Interface) {
	t.Helper()
	labels := map[string]string{"app": "page"}
	_, err := api.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "page"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "page", Image: "iad.ocir.io/test/pod:1", Args: []string{"serve"},
					Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
						corev1.ResourceCPU: resource.MustParse("100m"),
					}},
					ReadinessProbe: &corev1.Probe{
						ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(8080)}},
						PeriodSeconds: 1,
					},
				}}},
			},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	service, err := api.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "page", Annotations: map[string]string{
			"oci.oraclecloud.com/security-rule-management-mode": "None",
		}},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: labels,
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	c.balancer = string(service.UID)
	eventually.Succeeds(t, 2*time.Minute, "the Pod is ready", func(ctx context.Context) error {
		d, err := api.AppsV1().Deployments("default").Get(ctx, "page", metav1.GetOptions{})
		if err != nil || d.Status.ReadyReplicas == 1 {
			return err
		}
		events, err := api.CoreV1().Events("default").List(ctx, metav1.ListOptions{})
		if err != nil || len(events.Items) == 0 {
			return fmt.Errorf("it is not: %w", err)
		}
		return fmt.Errorf("it is not: %s", events.Items[len(events.Items)-1].Message)
	})
}

// logsOfThePod reads what the Pod has written, which the API server asks the kubelet for.
func logsOfThePod(t *testing.T, api kubernetes.Interface) {
	t.Helper()
	pods, err := api.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=page"})
	must(t, err)
	pod := pods.Items[0].Name
	text, err := api.CoreV1().Pods("default").GetLogs(pod, &corev1.PodLogOptions{}).DoRaw(t.Context())
	if err != nil || string(text) != "serving as "+pod+"\n" {
		t.Errorf("logs %q, %v", text, err)
	}
}

// page asks for the page at the load balancer's port on this machine.
func (c *cloud) page(ctx context.Context) error { return c.get(ctx, "/") }

// get asks for a path of the page.
func (c *cloud) get(ctx context.Context, path string) error {
	local, err := c.port(c.balancer)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+local+path, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasPrefix(string(text), "page-") {
		return fmt.Errorf("%s: %q, %w", resp.Status, text, err)
	}
	return nil
}

// pageNeedsItsRule takes away the rule that lets the load balancer to the nodes, and puts it back: packets decide.
func (c *cloud) pageNeedsItsRule(t *testing.T) {
	t.Helper()
	const list = "/20160918/securityLists/"
	c.do(http.MethodPut, list+c.workersList, everything("10.0.0.0/28")) // the cluster's endpoint alone
	eventually.Succeeds(t, 20*time.Second, "no page without the rule", func(ctx context.Context) error {
		if err := c.page(ctx); err == nil {
			return errors.New("there is one")
		}
		return c.timedOut(ctx)
	})
	c.do(http.MethodPut, list+c.workersList, everything("10.0.0.0/16"))
	eventually.Succeeds(t, time.Minute, "the page again", c.page)
	c.told(t, "an ingress rule of subnet")
}

// timedOut returns an error unless the last health check of each backend got no answer, a refusal neither.
func (c *cloud) timedOut(ctx context.Context) error {
	health, err := c.plane.Health(ctx)
	if err != nil {
		return err
	}
	for _, sets := range health {
		for _, backends := range sets {
			for name, b := range backends {
				if b.Result != "TIMED_OUT" {
					return fmt.Errorf("the check of %s ended with %s", name, b.Result)
				}
			}
		}
	}
	return nil
}

// told fails the test unless the data plane tells of a dropped flow for lack of such a rule, with its size.
func (c *cloud) told(t *testing.T, missing string) {
	t.Helper()
	told, err := c.plane.Flows(t.Context(), 0)
	must(t, err)
	rest, err := c.plane.Flows(t.Context(), told.Total-1)
	must(t, err)
	if len(rest.Flows) < 1 || len(rest.Flows) >= len(told.Flows) {
		t.Errorf("%d flows after %d", len(rest.Flows), told.Total-1)
	}
	for _, flow := range told.Flows {
		if !flow.Accepted && strings.HasPrefix(flow.Missing, missing) && flow.Bytes >= 40 {
			return
		}
	}
	t.Errorf("no dropped flow lacks %q", missing)
}

// pageAfterAKill kills the data plane: everything in it ends, and comes back with the same Pods.
func (c *cloud) pageAfterAKill(t *testing.T) {
	t.Helper()
	before := children(os.Getpid())
	var first int
	for pid := range before {
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil &&
			strings.Contains(string(text), "\x00dataplane\x00") {
			first = pid
		}
	}
	inside := children(first)
	if len(inside) < 7 { // node, containerd, kubelet, kube-proxy; a shim, a pause and a page
		t.Fatalf("%d processes run below the data plane's, %d", len(inside), first)
	}
	must(t, syscall.Kill(first, syscall.SIGKILL))
	eventually.Succeeds(t, 10*time.Second, "everything in the data plane ends", func(context.Context) error {
		now := children(os.Getpid())
		for pid, began := range inside {
			if now[pid] == began {
				return fmt.Errorf("process %d runs", pid)
			}
		}
		return nil
	})
	eventually.Succeeds(t, 30*time.Second, "the page after the kill", c.page)
}

// children returns the processes below one, and when each began, in the kernel's ticks.
func children(parent int) map[int]uint64 {
	found := map[int]uint64{}
	all, err := procfs.AllProcs()
	if err != nil {
		return found
	}
	below := map[int]bool{parent: true}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			stat, err := p.Stat()
			if err == nil && below[stat.PPID] && !below[p.PID] {
				below[p.PID], found[p.PID], grown = true, stat.Starttime, true
			}
		}
	}
	return found
}
