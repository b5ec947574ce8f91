package worker

import (
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"

	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/worker/podnet"
	"oke-guestbook/local/supervise"
)

// AnyRegistry is the key in Config.Mirrors for the registries that it does not name (containerd, docs/hosts.md).
const AnyRegistry = "_default"

// Config describes a node. Every field without "optional" is required.
type Config struct {
	// Name is the name of the Node object: on OKE the primary private address. The certificate in Kubelet is for the user
	// "system:node:" and this name.
	Name string
	// Address is the node's internal address. An interface of Network has it.
	Address netip.Addr
	// Dir is the absolute path of a directory for all of the node's files: images, containers, volumes, logs. A node that
	// is started on the directory of an earlier one continues with its Pods.
	Dir string
	// Cgroup is the path of the node's control group below the root of the hierarchies, "/localcloud/10.0.64.2": one
	// parent for all nodes of a local cloud, so that RemoveCgroups finds what a killed one has left.
	Cgroup string
	// Agents is the executable of kubelet and kube-proxy, localcloudd; Init that of the node's other processes, localnode.
	// The name of the process is the first argument.
	Agents, Init string
	// Network is the node's network namespace. Its interfaces are up, with addresses, MTU and a default route.
	Network *netns.Namespace

	Server    string  // URL of the API server within the VCN: "https://10.0.0.2:6443"
	CA        []byte  // PEM of the authority of the API server, and of the clients that the kubelet accepts
	Kubelet   KeyPair // client certificate: CN "system:node:NAME", O "system:nodes"
	Serving   KeyPair // server certificate of the kubelet's API, for Address
	KubeProxy KeyPair // client certificate: CN "system:kube-proxy"

	// Pods is how Pods get addresses. Update changes it.
	Pods podnet.Network
	// ClusterDNS is the address of the Service kube-dns.
	ClusterDNS netip.Addr
	// Resolver is the name server for what is not in the cluster's domain. Optional: 169.254.169.254, the VCN's.
	Resolver netip.Addr
	// Mirrors are the URLs that images are pulled from, "https://10.0.0.2:5000", by the registry that an image names,
	// which they get in the query parameter ns. That of AnyRegistry is for all others.
	Mirrors map[string]string
	// Authority is the PEM of the authority of the mirrors, and of the services that Pods reach. Each container has it as
	// a file in /etc/ssl/certs, where Go and OpenSSL look for authorities. Optional.
	Authority []byte
	// PauseImage is the image of the container that holds a Pod's namespaces.
	PauseImage string

	// Volumes is the directory of the block volumes' data, the same for all nodes. Optional: without, the node has no
	// driver for block volumes.
	Volumes string
	Zone    string // availability domain, as the label topology.kubernetes.io/zone has it; with Volumes

	ProviderID string            // optional
	Labels     map[string]string // optional; of those with kubernetes.io in their prefix, only what NodeRestriction allows
	Taints     []corev1.Taint    // optional; for a Node that does not exist yet
	MaxPods    int               // optional: 110
	// DiskBytes is how much the node's file system holds: Dir, without what is mounted there. Nothing keeps Pods from
	// writing more, but the kubelet evicts them before.
	DiskBytes int64
	// PressureTransition is how long a node keeps the condition MemoryPressure or DiskPressure after its cause has gone.
	// Optional: the kubelet's default, 5 minutes.
	PressureTransition time.Duration
	// CPUs and MemoryBytes are the node's capacity, which may exceed this machine's. ReservedCPU (in thousandths) and
	// ReservedMemoryBytes are taken off for what is allocatable, of which the kubelet keeps 100 MiB free at least.
	// Optional: this machine's, and nothing reserved.
	CPUs                int
	MemoryBytes         int64
	ReservedCPU         int64
	ReservedMemoryBytes int64
}

// KeyPair is a certificate with its private key.
type KeyPair struct {
	CertPEM, KeyPEM []byte
}

// Status describes a node's processes. Their ids are those of this process's PID namespace.
type Status struct {
	PID       int // of the node's first process
	Processes []supervise.Status
}
