package worker_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/vishvananda/netlink"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/worker"
	"oke-guestbook/local/dataplane/worker/agents"
	"oke-guestbook/local/dataplane/worker/node"
	"oke-guestbook/local/dataplane/worker/podnet"
	"oke-guestbook/local/dataplane/worker/runc"
	"oke-guestbook/local/dataplane/worker/runtime"
	"oke-guestbook/local/eventually"
	"oke-guestbook/local/kube"
)

// TestMain makes the test binary the binary of all processes.
func TestMain(m *testing.M) {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if len(args) > 0 && (args[0] == node.Name || kube.IsComponent(args[0])) {
		name, args = args[0], args[1:]
	}
	switch {
	case kube.IsComponent(name):
		os.Exit(kube.Main(name, args))
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

// testNode is a node of a test.
type testNode struct {
	*worker.Worker
	name    string
	cfg     worker.Config
	network *netns.Namespace
}

// skipUnlessPossible skips the test where the machine cannot have nodes. CI can, or fails.
func skipUnlessPossible(t *testing.T) {
	t.Helper()
	began := time.Now()
	if os.Geteuid() != 0 {
		t.Skip("it needs root; TestPressureForAnOrdinaryUser and package dataplanetest have nodes of ordinary users")
	}
	missing := machine.Missing()
	if took := time.Since(began); took > time.Second {
		t.Errorf("the probe took %s", took)
	} else {
		t.Logf("the probe took %s", took)
	}
	if len(missing) > 0 && os.Getenv("CI") == "" {
		t.Skip("this machine cannot run nodes: ", strings.Join(missing, "; "))
	} else if len(missing) > 0 {
		t.Fatal("CI cannot run nodes: ", strings.Join(missing, "; "))
	}
}

// startNode starts a node. Its Pods have the addresses of VNICs, or get a range as soon as the Node has one.
func (c *cluster) startNode(address string, pods podnet.Network, changes ...func(*worker.Config)) *testNode {
	c.t.Helper()
	addr := netip.MustParseAddr(address)
	var vnic netip.Addr
	var podAddresses []netip.Addr
	for i, v := range pods.VNICs {
		vnic, podAddresses = podsSubnet.Addr().Next().Next(), v.Addresses
		for range addr.As4()[3] {
			vnic = vnic.Next()
		}
		pods.VNICs[i].Interface = "ens5"
	}
	binary, err := os.Executable()
	c.must(err)
	n := &testNode{name: address, network: c.network(addr, vnic, podAddresses...)}
	n.cfg = worker.Config{
		Name: address, Address: addr, Dir: c.path("node-" + address), Cgroup: c.cgroup() + "/" + address,
		Agents: binary, Init: binary, Network: n.network, Server: fmt.Sprintf("https://%s:6443", apiAddress),
		CA: c.caPEM(), Kubelet: c.issue("system:node:"+address, "system:nodes"),
		Serving: c.issue("kubelet", "", addr.AsSlice()), KubeProxy: c.issue("system:kube-proxy", ""),
		Pods: pods, ClusterDNS: netip.MustParseAddr("10.96.5.5"),
		Mirrors:    map[string]string{worker.AnyRegistry: fmt.Sprintf("http://%s:5000", apiAddress)},
		PauseImage: testImage, Labels: map[string]string{"pool": "test"}, CPUs: 6, MemoryBytes: 64 << 30,
		ReservedCPU: 100, ReservedMemoryBytes: 1 << 30, DiskBytes: 40 << 30,
	}
	for _, change := range changes {
		change(&n.cfg)
	}
	c.run(n)
	return n
}

func (c *cluster) run(n *testNode) {
	c.t.Helper()
	began := time.Now()
	w, err := worker.Start(c.t.Context(), n.cfg)
	c.must(err)
	n.Worker = w
	c.t.Logf("node %s started after %s", n.name, time.Since(began).Round(time.Millisecond))
	c.t.Cleanup(func() {
		w.Stop()
		logs, _ := filepath.Glob(filepath.Join(n.cfg.Dir, "logs", "*.log"))
		for _, log := range logs {
			if c.t.Failed() {
				data, _ := os.ReadFile(log)
				c.t.Logf("the end of %s:\n%s", log, data[max(0, len(data)-6000):])
			}
		}
	})
}

// ranges tells each node the ranges of Pod addresses, as soon as the Nodes have them.
func (c *cluster) ranges(cluster netip.Prefix, nodes ...*testNode) {
	c.t.Helper()
	ranges := map[string]netip.Prefix{}
	eventually.Succeeds(c.t, 30*time.Second, "the Nodes have ranges of Pod addresses", func(ctx context.Context) error {
		for _, n := range nodes {
			object, err := c.api.CoreV1().Nodes().Get(ctx, n.name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			if ranges[n.name], err = netip.ParsePrefix(object.Spec.PodCIDR); err != nil {
				return err
			}
		}
		return nil
	})
	for _, n := range nodes {
		n.cfg.Pods = podnet.Network{Cluster: cluster, Range: ranges[n.name]}
		for _, other := range nodes {
			if other != n {
				peer := podnet.Peer{Address: other.cfg.Address, Range: ranges[other.name]}
				n.cfg.Pods.Peers = append(n.cfg.Pods.Peers, peer)
			}
		}
		c.must(n.Update(c.t.Context(), n.cfg.Pods))
	}
}

// waitReady waits until a Node is ready.
func (c *cluster) waitReady(n *testNode) {
	c.t.Helper()
	eventually.Succeeds(c.t, 60*time.Second, "node "+n.name+" is ready", func(ctx context.Context) error {
		object, err := c.api.CoreV1().Nodes().Get(ctx, n.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range object.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				return nil
			} else if condition.Type == corev1.NodeReady {
				err = errors.New(condition.Message)
			}
		}
		return errors.Join(err, errors.New("not ready"))
	})
}

// createWeb runs a Pod on each node, with a Service that keeps to the node that a node port is used of.
func (c *cluster) createWeb() *corev1.Service {
	labels := map[string]string{"app": "web"}
	probe := corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstr.FromInt32(8080)}}
	_, err := c.api.AppsV1().DaemonSets("default").Create(c.t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					AutomountServiceAccountToken: new(false),
					SecurityContext: &corev1.PodSecurityContext{
						RunAsNonRoot:   new(true),
						SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
					},
					Containers: []corev1.Container{{
						Name: "main", Image: testImage, Args: []string{"serve"},
						ReadinessProbe: &corev1.Probe{ProbeHandler: probe, PeriodSeconds: 1},
						LivenessProbe:  &corev1.Probe{ProbeHandler: probe},
					}},
				},
			},
		},
	}, metav1.CreateOptions{})
	c.must(err)
	service, err := c.api.CoreV1().Services("default").Create(c.t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, Selector: labels, ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyLocal,
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}, metav1.CreateOptions{})
	c.must(err)
	return service
}

// webPod waits for the ready Pod of a node, other than one that there was.
func (c *cluster) webPod(n *testNode, was *corev1.Pod) *corev1.Pod {
	c.t.Helper()
	var found *corev1.Pod
	eventually.Succeeds(c.t, 30*time.Second, "the Pod of node "+n.name+" is ready", func(ctx context.Context) error {
		pods, err := c.api.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			return err
		}
		for _, p := range pods.Items {
			if p.Spec.NodeName != n.name || was != nil && p.UID == was.UID {
				continue
			}
			for _, condition := range p.Status.Conditions {
				if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
					found = &p
					return nil
				}
			}
			err = fmt.Errorf("%s: %+v", p.Name, p.Status.ContainerStatuses)
		}
		return errors.Join(err, errors.New("none is"))
	})
	return found
}

// answers waits until a URL has the wanted answer.
func (c *cluster) answers(what, url, want string) {
	c.t.Helper()
	eventually.Succeeds(c.t, 20*time.Second, what, func(context.Context) error {
		body, err := c.get(url)
		if err == nil && body != want {
			err = fmt.Errorf("answer %q, want %q", body, want)
		}
		return err
	})
}

// checkTraffic checks that Pods are reached by all ways. Outside is the address that they see of the router.
func (c *cluster) checkTraffic(service *corev1.Service, nodes [2]*testNode, pods [2]*corev1.Pod) {
	c.t.Helper()
	for i, n := range nodes {
		port := fmt.Sprintf("http://%s:%d", n.name, service.Spec.Ports[0].NodePort)
		other := pods[1-i]
		c.answers("node port of "+n.name, port+"/", fmt.Sprintf("%s saw %s", pods[i].Name, nodesSubnet.Addr().Next()))
		c.answers("Pod to Pod of the other node", port+"/get?url=http://"+other.Status.PodIP+":8080/",
			fmt.Sprintf("%s saw %s", other.Name, pods[i].Status.PodIP))
		c.answers("Pod to the Service's address", port+"/get?url=http://"+service.Spec.ClusterIP+"/",
			fmt.Sprintf("%s saw %s", other.Name, pods[i].Status.PodIP))
	}
}

// checkLogs reads a Pod's log from the kubelet.
func (c *cluster) checkLogs(n *testNode, pod *corev1.Pod) {
	c.t.Helper()
	log := c.askKubelet(n, "/containerLogs/default/"+pod.Name+"/main")
	if want := "serving as " + pod.Name + "\n"; string(log) != want {
		c.t.Errorf("log %q, want %q", log, want)
	}
}

// askKubelet asks a node's kubelet, as the API server does.
func (c *cluster) askKubelet(n *testNode, path string) []byte {
	c.t.Helper()
	admin := c.issue("admin", "system:masters")
	cert, err := tls.X509KeyPair(admin.CertPEM, admin.KeyPEM)
	c.must(err)
	roots := x509.NewCertPool()
	roots.AddCert(c.ca)
	client := http.Client{Transport: &http.Transport{
		DialContext: c.router.Dial, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{cert}},
	}}
	answer, err := client.Get("https://" + net.JoinHostPort(n.name, "10250") + path)
	c.must(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	c.must(err)
	return body
}

// settings are settings of the kernel that a kubelet changes, and directories that it makes, on a machine of its own.
func settings() string {
	var all []string
	for _, name := range []string{
		"vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys",
	} {
		data, err := os.ReadFile("/proc/sys/" + name)
		all = append(all, fmt.Sprint(name, string(data), err))
	}
	for _, path := range []string{
		"/var/lib/kubelet", "/var/lib/cni", "/var/log/containers", "/var/log/pods", "/run/containerd", "/run/netns",
		"/etc/cni", "/opt/containerd", "/opt/cni", "/usr/libexec/kubernetes",
	} {
		info, err := os.Stat(path)
		if err == nil {
			all = append(all, fmt.Sprint(path, info.ModTime()))
		}
	}
	return strings.Join(all, "\n")
}

// descendants returns the processes that a process has started, and theirs.
func descendants(t *testing.T, ancestor int) []int {
	t.Helper()
	children := map[int][]int{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], pid)
	}
	all := []int{ancestor}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// kill kills a node's first process and checks that nothing of it is left.
func (c *cluster) kill(n *testNode) {
	c.t.Helper()
	status, err := n.Status(c.t.Context())
	c.must(err)
	pids := descendants(c.t, status.PID)
	for _, p := range status.Processes {
		if _, err := os.Stat(p.Log); p.PID == 0 || p.Restarts > 0 || err != nil {
			c.t.Errorf("process %+v, want it to run, never restarted: %v", p, err)
		}
	}
	if len(pids) < 7 { // the first process, three more, a shim, two containers
		c.t.Errorf("processes %v", pids)
	}
	process, err := os.FindProcess(status.PID)
	c.must(err)
	c.must(process.Kill())
	<-n.Done()
	eventually.Succeeds(c.t, 5*time.Second, "all processes of the node have ended", func(context.Context) error {
		for _, pid := range pids {
			if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
				return fmt.Errorf("process %d runs", pid)
			}
		}
		return nil
	})
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	c.must(err)
	if strings.Contains(string(mounts), c.dir) {
		c.t.Errorf("mounts are left:\n%s", mounts)
	}
	eventually.Succeeds(c.t, 5*time.Second, "the links of Pods are gone", func(context.Context) error {
		return n.network.Do(func() error {
			links, err := netlink.LinkList()
			for _, l := range links {
				if strings.HasPrefix(l.Attrs().Name, podnet.LinkPrefix) {
					return fmt.Errorf("interface %s is left", l.Attrs().Name)
				}
			}
			return err
		})
	})
	c.must(worker.RemoveCgroups(n.cfg.Cgroup))
}

func TestOverlay(t *testing.T) {
	skipUnlessPossible(t)
	t.Parallel()
	before := settings()
	c := newCluster(t, "10.244.0.0/16")
	nodes := [2]*testNode{c.startNode("10.0.64.2", podnet.Network{}), c.startNode("10.0.64.3", podnet.Network{})}
	c.ranges(netip.MustParsePrefix("10.244.0.0/16"), nodes[:]...)
	c.check(nodes)
	if after := settings(); after != before {
		t.Errorf("the machine's settings were\n%s\nand are\n%s", before, after)
	}
}

// TestVCNNative gives each node two addresses for Pods, so that a replaced Pod gets the other one.
func TestVCNNative(t *testing.T) {
	skipUnlessPossible(t)
	t.Parallel()
	c := newCluster(t, "")
	vnic := func(addresses ...string) podnet.Network {
		v := podnet.VNIC{Subnet: podsSubnet, Gateway: podsSubnet.Addr().Next()}
		for _, a := range addresses {
			v.Addresses = append(v.Addresses, netip.MustParseAddr(a))
		}
		return podnet.Network{VNICs: []podnet.VNIC{v}}
	}
	c.check([2]*testNode{
		c.startNode("10.0.64.2", vnic("10.0.96.20", "10.0.96.21")),
		c.startNode("10.0.64.3", vnic("10.0.96.30", "10.0.96.31")),
	})
}

// check runs Pods on nodes, which have just been started.
func (c *cluster) check(nodes [2]*testNode) {
	ctx := c.t.Context()
	c.waitReady(nodes[0])
	c.waitReady(nodes[1])
	object, err := c.api.CoreV1().Nodes().Get(ctx, nodes[0].name, metav1.GetOptions{})
	c.must(err)
	cpus, memory := object.Status.Capacity.Cpu(), object.Status.Allocatable.Memory()
	if cpus.Value() != 6 || memory.Value() != 63<<30 {
		c.t.Errorf("%s CPUs and %s of memory, want 6 and 63Gi", cpus, memory)
	}
	service := c.createWeb()
	pods := [2]*corev1.Pod{c.webPod(nodes[0], nil), c.webPod(nodes[1], nil)}
	c.checkTraffic(service, nodes, pods)
	c.checkLogs(nodes[0], pods[0])
	c.reportMemory(nodes[0])

	c.must(c.api.CoreV1().Pods("default").Delete(ctx, pods[0].Name, metav1.DeleteOptions{}))
	pods[0] = c.webPod(nodes[0], pods[0])
	c.checkTraffic(service, nodes, pods)

	c.kill(nodes[0])
	c.run(nodes[0])
	eventually.Succeeds(c.t, 60*time.Second, "the Pod continues", func(ctx context.Context) error {
		pod, err := c.api.CoreV1().Pods("default").Get(ctx, pods[0].Name, metav1.GetOptions{})
		if err == nil && (len(pod.Status.ContainerStatuses) != 1 || pod.Status.ContainerStatuses[0].RestartCount != 1) {
			err = fmt.Errorf("containers %+v", pod.Status.ContainerStatuses)
		}
		return err
	})
	pods[0] = c.webPod(nodes[0], nil)
	c.checkTraffic(service, nodes, pods)
}

// reportMemory logs the memory of a node's processes.
func (c *cluster) reportMemory(n *testNode) {
	status, err := n.Status(c.t.Context())
	c.must(err)
	names := map[int]string{}
	for _, p := range status.Processes {
		names[p.PID] = p.Name
	}
	for _, pid := range descendants(c.t, status.PID) {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(line, "Pss:") {
				comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
				c.t.Logf("%s %s %s", names[pid], strings.TrimSpace(string(comm)), strings.TrimSpace(line))
			}
		}
	}
}
