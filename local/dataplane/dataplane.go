// Package dataplane describes what shall run in the data plane of the local cloud, and what runs there: networks, load
// balancers, and nodes with their Pods. Package sandbox runs it.
package dataplane

import (
	"net/netip"
	"time"

	"oke-guestbook/local/cloud"
)

// State is all that there shall be.
type State struct {
	Network       cloud.Network
	LoadBalancers []cloud.LoadBalancer
	Clusters      map[string]Cluster // by OCID
	Services      Place              // Oracle's services
	Internet      Place
	Authority     []byte // PEM; has issued the certificates of both places, and every container trusts it
}

// Place is what nodes and Pods reach outside of the VCNs. The daemon serves it at port 443, by TLS.
type Place struct {
	Socket   string     // UNIX socket at which the daemon takes the connections
	Registry netip.Addr // of the container registries there
	// Registries are the names of those registries. The internet names none: it has all others.
	Registries []string
	// Domains are the addresses that the VCN resolver gives for names in a domain, "ocir.io". The longest decides.
	Domains map[string]netip.Addr
}

// Cluster is a cluster whose nodes run in the data plane.
type Cluster struct {
	cloud.Cluster
	CA        []byte // of the cluster, PEM
	DNS       string // address of the cluster's DNS Service
	APISocket string // UNIX socket at which the control plane takes connections for the API server
	// MetricsSocket is the UNIX socket at which it takes connections for the metrics server, port MetricsPort of the
	// endpoint.
	MetricsSocket string
	// IdentitySocket is the UNIX socket at which it takes connections for workload identity, port IdentityPort of the
	// endpoint.
	IdentitySocket string
	NodeSocket     string // UNIX socket at which the data plane takes CONNECT requests to nodes and Pods
	Nodes          []Node
}

// MetricsPort is the port of the metrics server at a cluster's endpoint.
const MetricsPort = 4443

// IdentityPort is the port of workload identity at a cluster's endpoint, which is fixed in Oracle's SDKs.
const IdentityPort = 12250

// Node is a node with its credentials.
type Node struct {
	cloud.Node
	// PodCIDR is the node's range of Pod addresses, of an overlay network.
	PodCIDR netip.Prefix
	// CPUs, MemoryBytes and DiskBytes are the capacity. ReservedCPU, in thousandths, and ReservedMemoryBytes are not for
	// Pods.
	CPUs                int
	MemoryBytes         int64
	DiskBytes           int64
	ReservedCPU         int64
	ReservedMemoryBytes int64
	// PressureTransition is how long the node's condition of little memory or space lasts after its cause.
	PressureTransition time.Duration

	Kubelet KeyPair // client certificate of the kubelet, user system:node:NAME
	Server  KeyPair // server certificate of the kubelet's API, for the node's address
	Proxy   KeyPair // client certificate of kube-proxy
}

// KeyPair is a certificate and its private key, PEM.
type KeyPair struct{ Cert, Key []byte }

// Status is what there is.
type Status struct {
	Nodes    []NodeStatus
	Problems []string // why something of the wanted state is not carried out
	// MemoryMB is the memory of all processes, those of Pods too: their proportional set size.
	MemoryMB int
}

// NodeStatus describes a node that runs.
type NodeStatus struct {
	ClusterID  string
	InstanceID string
	Name       string
	Processes  []Process
}

// Process is a process of a node. PID is its id in the data plane's namespace, 0 while it does not run.
type Process struct {
	Name     string
	PID      int
	Restarts int
	MemoryMB int    // proportional set size
	Log      string // file
}
