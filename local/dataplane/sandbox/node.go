package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/images"
	"oke-guestbook/local/dataplane/worker"
	"oke-guestbook/local/dataplane/worker/podnet"
)

// nodeTimeout limits what a node is asked: it answers in milliseconds.
const nodeTimeout = 30 * time.Second

// runningNode is a node that runs.
type runningNode struct {
	name    string
	dir     string
	worker  *worker.Worker
	network podnet.Network
	dns     *resolver
	stopped bool // on purpose
}

// VolumesDir is the directory of block volumes' data in a sandbox's.
func VolumesDir(dir string) string { return filepath.Join(dir, "volumes") }

// startNode starts a node in its instance's network namespace. Its files stay in its directory, so that it continues
// where an earlier process was killed.
func startNode(
	ctx context.Context, s *server, c dataplane.Cluster, n dataplane.Node, network podnet.Network,
) (*runningNode, error) {
	host, err := s.host(n.InstanceID)
	if err != nil {
		return nil, err
	}
	address, err := netip.ParseAddr(n.PrivateIP)
	if err != nil {
		return nil, err
	}
	dns, err := netip.ParseAddr(c.DNS)
	if err != nil {
		return nil, fmt.Errorf("address of the cluster's DNS: %w", err)
	}
	id := cloud.InstanceName(n.InstanceID)
	out := &runningNode{name: n.Name, dir: filepath.Join(s.dir, "nodes", id), network: network}
	ctx, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	if out.dns, err = startResolver(host, s.want.Services.Domains); err != nil {
		return nil, fmt.Errorf("VCN resolver: %w", err)
	}
	out.worker, err = worker.Start(ctx, worker.Config{
		Name: n.Name, Address: address, Dir: out.dir, Cgroup: cgroup(s.dir) + "/" + id,
		Agents: s.agents, Init: s.init, Network: host,
		Server: "https://" + c.PrivateEndpoint, CA: c.CA,
		Kubelet:   worker.KeyPair{CertPEM: n.Kubelet.Cert, KeyPEM: n.Kubelet.Key},
		Serving:   worker.KeyPair{CertPEM: n.Server.Cert, KeyPEM: n.Server.Key},
		KubeProxy: worker.KeyPair{CertPEM: n.Proxy.Cert, KeyPEM: n.Proxy.Key},
		Pods:      network, ClusterDNS: dns, PauseImage: images.PauseImage,
		Mirrors: mirrors(s.want), Authority: s.want.Authority,
		Volumes: VolumesDir(s.dir), Zone: cloud.Zone(n.AvailabilityDomain),
		ProviderID: n.InstanceID, MaxPods: maxPods(n, network), CPUs: n.CPUs, MemoryBytes: n.MemoryBytes,
		ReservedCPU: n.ReservedCPU, ReservedMemoryBytes: n.ReservedMemoryBytes,
		DiskBytes: n.DiskBytes, PressureTransition: n.PressureTransition,
	})
	if err != nil {
		return nil, errors.Join(err, out.dns.close())
	}
	return out, nil
}

// maxPods is how many Pods a node can have: with VCN-native pod networking as many as there are addresses for them.
func maxPods(n dataplane.Node, network podnet.Network) int {
	if len(network.VNICs) == 0 {
		return n.MaxPods
	}
	count := 0
	for _, v := range network.VNICs {
		count += len(v.Addresses)
	}
	return min(n.MaxPods, count)
}

// update changes how the node's Pods get addresses.
func (n *runningNode) update(ctx context.Context, network podnet.Network) error {
	if reflect.DeepEqual(network, n.network) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	if err := n.worker.Update(ctx, network); err != nil {
		return err
	}
	n.network = network
	return nil
}

// err returns why the node has ended by itself, or nil while it runs.
func (n *runningNode) err() error {
	select {
	case <-n.worker.Done():
		return n.worker.Err()
	default:
		return nil
	}
}

func (n *runningNode) status(ctx context.Context) dataplane.NodeStatus {
	ctx, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	out := dataplane.NodeStatus{Name: n.name}
	status, err := n.worker.Status(ctx)
	if err != nil {
		return out // it ends just now
	}
	for _, p := range status.Processes {
		out.Processes = append(out.Processes, dataplane.Process{Name: p.Name, PID: p.PID, Restarts: p.Restarts, Log: p.Log})
	}
	return out
}

// podNetwork describes how the Pods of a node get addresses: of the cluster's overlay network, or of the instance's
// secondary VNICs.
func podNetwork(c dataplane.Cluster, n dataplane.Node, network cloud.Network) (podnet.Network, error) {
	if c.PodsCIDR != "" {
		return overlay(c, n)
	}
	var out podnet.Network
	for _, v := range network.VNICs {
		if v.Host != n.InstanceID || v.Primary {
			continue
		}
		i := slices.IndexFunc(network.Subnets, func(s cloud.Subnet) bool { return s.ID == v.SubnetID })
		if i < 0 || len(v.Addresses) == 0 {
			continue
		}
		subnet := network.Subnets[i].CIDR
		out.VNICs = append(out.VNICs, podnet.VNIC{
			Interface: fmt.Sprintf("eth%d", len(out.VNICs)+1), Subnet: subnet, Gateway: subnet.Masked().Addr().Next(),
			Addresses: v.Addresses[1:],
		})
	}
	return out, nil
}

func overlay(c dataplane.Cluster, n dataplane.Node) (podnet.Network, error) {
	var out podnet.Network
	var err error
	if out.Cluster, err = netip.ParsePrefix(c.PodsCIDR); err != nil {
		return out, fmt.Errorf("range of Pod addresses: %w", err)
	}
	out.Range = n.PodCIDR
	for _, other := range c.Nodes {
		address, err := netip.ParseAddr(other.PrivateIP)
		if err == nil && other.InstanceID != n.InstanceID && other.PodCIDR.IsValid() {
			out.Peers = append(out.Peers, podnet.Peer{Address: address, Range: other.PodCIDR})
		}
	}
	return out, nil
}
