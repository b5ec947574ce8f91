// Package cloud holds what the OCI emulator and the Kubernetes control plane of
// the local cloud say to each other. It imports neither.
package cloud

import "context"

// Cluster is what a control plane needs to know of an OKE cluster.
type Cluster struct {
	ID            string // OCID
	Name          string
	Version       string // "v1.36.3"
	CompartmentID string
	VcnID         string
	PodsCIDR      string
	ServicesCIDR  string
	// ServiceLBSubnetIDs are the subnets for load balancers that a Service does not place itself, in order of preference.
	ServiceLBSubnetIDs []string
}

// Node is a worker of a node pool: a compute instance that is to join the cluster.
type Node struct {
	InstanceID         string // OCID; the node's provider id
	Name               string // the primary private address, as on OKE
	PoolID             string
	PoolName           string
	Version            string // kubelet version, "v1.36.3"
	Shape              string
	OCPUs              float64
	MemoryGB           float64
	BootVolumeGB       int64
	AvailabilityDomain string // "Uocm:PHX-AD-1"
	FaultDomain        string // "FAULT-DOMAIN-1"
	SubnetID           string
	PrivateIP          string
	ImageName          string            // carries the architecture: "aarch64" in it means arm64
	Labels             map[string]string // the pool's initial node labels
}

// Endpoints is where a running control plane is reached.
type Endpoints struct {
	Address string // "127.0.0.1:40123": the API server's, with TLS
	CA      []byte // PEM
}

// ControlPlane runs what OKE manages for its users' clusters. The emulator
// calls it; calls for different clusters may overlap.
type ControlPlane interface {
	// Start brings the cluster's control plane up, or up again after a restart or with another version,
	// and returns when its API answers.
	Start(ctx context.Context, c Cluster) (Endpoints, error)
	// Stop ends the cluster's processes and forgets its data. A cluster that does not run is no error.
	Stop(ctx context.Context, clusterID string) error
	// Kubeconfig returns a kubeconfig for the cluster's administrator, the same bytes for as long as the cluster lives.
	Kubeconfig(ctx context.Context, clusterID string) ([]byte, error)
	// SyncNodes makes the cluster's Node objects those given: it registers new ones, and cordons, drains and removes
	// the others. It returns when that is done.
	SyncNodes(ctx context.Context, clusterID string, nodes []Node) error
}
