package kube

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/tunnel"
)

// DataPlane runs nodes: a sandbox.Sandbox.
type DataPlane interface {
	// Dir is a directory that both sides see, for UNIX sockets.
	Dir() string
	// Update changes what shall run. It does not wait until it does.
	Update(change func(*dataplane.State))
	// Status returns what runs.
	Status(ctx context.Context) (dataplane.Status, error)
}

const (
	workerTimeout = 3 * time.Minute // for a node to become ready, or to end; on an idle machine it takes seconds
	workerPoll    = 200 * time.Millisecond
)

const (
	// pressureTransition is how long a node keeps the condition MemoryPressure or DiskPressure after its cause has gone
	// (evictionPressureTransitionPeriod of a kubelet, default 5m).
	pressureTransition = 5 * time.Minute
	// shortestPressureTransition is more than the 10 s after which a kubelet reports conditions: a shorter one could be
	// missed by the scheduler, and the Pod that took too much come back at once.
	shortestPressureTransition = 15 * time.Second
)

func (c *cluster) egressPath() string { return filepath.Join(c.dir, "egress.yaml") }

// socketPath returns the path of one of the cluster's sockets, which must be short.
func (c *cluster) socketPath(name string) string {
	return filepath.Join(c.cfg.DataPlane.Dir(), cloud.ClusterName(c.state.Cluster.ID)+"-"+name+".sock")
}

// prepareWorkers writes the files that a control plane needs to reach nodes: the API server connects to them through
// the data plane.
func (c *cluster) prepareWorkers() error {
	if c.cfg.DataPlane == nil {
		return nil
	}
	if _, err := netip.ParseAddrPort(c.state.Cluster.PrivateEndpoint); err != nil {
		return fmt.Errorf("private endpoint: %w", err)
	}
	return os.WriteFile(c.egressPath(), fmt.Appendf(nil, `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection: {proxyProtocol: HTTPConnect, transport: {uds: {udsName: %q}}}
`, c.socketPath("nodes")), 0o600)
}

// hasKubelet reports whether a node runs Pods by a kubelet: kwok plays the others.
func (c *cluster) hasKubelet(n cloud.Node) bool { return c.cfg.DataPlane != nil && !n.Virtual }

// forwardAPI takes the connections of nodes and Pods for the API server and for workload identity, and its own for the
// metrics server, which the data plane brings, until the control plane stops.
func (c *cluster) forwardAPI() error {
	metrics := fmt.Sprintf("127.0.0.1:%d", c.state.MetricsPort)
	for name, address := range map[string]string{"api": c.address(), "metrics": metrics} {
		listener, err := tunnel.Listen(c.socketPath(name))
		if err != nil {
			return err
		}
		c.controllers.Go(func() {
			<-c.ctx.Done()
			listener.Close()
		})
		go tunnel.Forward(listener, func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		})
	}
	if err := c.serveIdentity(); err != nil {
		return err
	}
	return c.publish()
}

// publish tells the data plane what of the cluster shall run.
func (c *cluster) publish() error {
	ca, err := os.ReadFile(c.pkiPath("ca.crt"))
	if err != nil {
		return err
	}
	c.workersMu.Lock()
	defer c.workersMu.Unlock()
	byName := func(a, b dataplane.Node) int { return strings.Compare(a.Name, b.Name) }
	nodes := slices.SortedFunc(maps.Values(c.workers), byName)
	shown := dataplane.Cluster{
		Cluster: c.state.Cluster, CA: ca, DNS: dnsIP(c.state.Cluster.ServicesCIDR),
		APISocket: c.socketPath("api"), MetricsSocket: c.socketPath("metrics"), NodeSocket: c.socketPath("nodes"),
		IdentitySocket: c.socketPath("identity"), Nodes: nodes,
	}
	c.cfg.DataPlane.Update(func(s *dataplane.State) {
		clusters := maps.Clone(s.Clusters)
		if clusters == nil {
			clusters = map[string]dataplane.Cluster{}
		}
		clusters[shown.ID] = shown
		s.Clusters = clusters
	})
	return nil
}

// withdraw ends the cluster's part of the data plane.
func (c *cluster) withdraw() {
	if c.cfg.DataPlane == nil {
		return
	}
	c.cfg.DataPlane.Update(func(s *dataplane.State) {
		clusters := maps.Clone(s.Clusters)
		delete(clusters, c.state.Cluster.ID)
		s.Clusters = clusters
	})
}

// nodeObject returns the Node that the cloud controller expects for an instance.
func (c *cluster) nodeObject(n cloud.Node) *corev1.Node {
	if n.Virtual {
		return virtualNodeObject(n, c.state.Cluster, c.cfg.Region)
	}
	node := nodeObject(n, c.state.Cluster, c.cfg.Region)
	if c.cfg.DataPlane != nil {
		// Its containers run on this machine, whatever the shape's processor is.
		node.Labels["kubernetes.io/arch"], node.Labels["beta.kubernetes.io/arch"] = runtime.GOARCH, runtime.GOARCH
		node.Status.NodeInfo.Architecture = runtime.GOARCH
	}
	return node
}

// worker describes a node that is to run, without its credentials.
func (cfg Config) worker(n cloud.Node) dataplane.Node {
	capacity, allocatable := resources(n, architecture(n))
	memory := capacity.Memory().Value()
	return dataplane.Node{
		Node: n, CPUs: int(capacity.Cpu().Value()), MemoryBytes: memory,
		DiskBytes:           capacity.StorageEphemeral().Value(),
		ReservedCPU:         capacity.Cpu().MilliValue() - allocatable.Cpu().MilliValue(),
		ReservedMemoryBytes: memory - allocatable.Memory().Value(),
		PressureTransition:  cfg.scaled(pressureTransition, shortestPressureTransition),
	}
}

// addWorker makes a registered node run, with credentials of its own.
func (c *cluster) addWorker(ctx context.Context, n cloud.Node) error {
	if !c.hasKubelet(n) {
		return nil
	}
	worker := c.cfg.worker(n)
	var err error
	if worker.PodCIDR, err = c.podCIDR(ctx, n.Name); err != nil {
		return err
	}
	if err := c.writeNodePKI(n); err != nil {
		return err
	}
	for file, pair := range map[string]*dataplane.KeyPair{
		filepath.Join(c.nodeDir(n), "kubelet"): &worker.Kubelet,
		filepath.Join(c.nodeDir(n), "server"):  &worker.Server,
		c.pkiPath("kube-proxy"):                &worker.Proxy,
	} {
		if *pair, err = readKeyPair(file); err != nil {
			return err
		}
	}
	c.workersMu.Lock()
	c.workers[n.Name] = worker
	c.workersMu.Unlock()
	return c.publish()
}

// podCIDR waits for a node's range of Pod addresses, and returns none for a cluster with VCN-native pod networking.
func (c *cluster) podCIDR(ctx context.Context, name string) (netip.Prefix, error) {
	var out netip.Prefix
	if c.state.Cluster.PodsCIDR == "" {
		return out, nil
	}
	err := c.waitFor(ctx, "the controller manager to assign a range of Pod addresses",
		func(ctx context.Context) (bool, error) {
			node, err := c.api.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
			if err != nil || node.Spec.PodCIDR == "" {
				return false, err
			}
			out, err = netip.ParsePrefix(node.Spec.PodCIDR)
			return err == nil, err
		})
	return out, err
}

// awaitWorkers waits until the kubelets of new nodes are ready, and then tells which instances they are: from then on
// load balancers have them as backends. Before, their health checks would fail.
func (c *cluster) awaitWorkers(ctx context.Context, nodes []cloud.Node) error {
	if c.cfg.DataPlane == nil {
		return nil
	}
	for _, n := range nodes {
		name, state := n.Name, ""
		err := wait.PollUntilContextTimeout(ctx, workerPoll, workerTimeout, true, func(ctx context.Context) (bool, error) {
			node, err := c.api.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			for _, condition := range node.Status.Conditions {
				if condition.Type == corev1.NodeReady {
					state = condition.Message
					return condition.Status == corev1.ConditionTrue, nil
				}
			}
			return false, nil
		})
		if err != nil {
			return fmt.Errorf("node %s is not ready: %s: %w; %s", name, state, err, c.problems(ctx))
		}
		patch := fmt.Appendf(nil, `{"spec":{"providerID":%q}}`, n.InstanceID)
		_, err = c.api.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
		if err != nil {
			return fmt.Errorf("node %s: %w", name, err)
		}
	}
	return nil
}

// problems says what the data plane cannot do.
func (c *cluster) problems(ctx context.Context) string {
	status, err := c.cfg.DataPlane.Status(ctx)
	if err != nil {
		return "data plane: " + err.Error()
	}
	return "data plane: " + strings.Join(append(status.Problems, "logs in "+c.cfg.DataPlane.Dir()), "; ")
}

// removeWorker ends a node with its Pods, and waits until it has ended.
func (c *cluster) removeWorker(ctx context.Context, name string) error {
	if c.cfg.DataPlane == nil {
		return nil
	}
	c.workersMu.Lock()
	worker, ok := c.workers[name]
	delete(c.workers, name)
	c.workersMu.Unlock()
	if !ok {
		return nil
	}
	if err := c.publish(); err != nil {
		return err
	}
	err := wait.PollUntilContextTimeout(ctx, workerPoll, workerTimeout, true, func(ctx context.Context) (bool, error) {
		status, err := c.cfg.DataPlane.Status(ctx)
		isIt := func(n dataplane.NodeStatus) bool { return n.InstanceID == worker.InstanceID }
		return err == nil && !slices.ContainsFunc(status.Nodes, isIt), nil
	})
	if err != nil {
		return fmt.Errorf("end of the node: %w; %s", err, c.problems(ctx))
	}
	return os.RemoveAll(c.nodeDir(worker.Node))
}
