// Package cloud is the interface between the OCI emulator and the Kubernetes side of the local cloud. It imports
// neither.
package cloud

import (
	"context"
	"strings"
)

// Cluster describes an OKE cluster.
type Cluster struct {
	ID            string // OCID
	Name          string
	Version       string // "v1.36.4"
	CompartmentID string
	VcnID         string
	PodsCIDR      string // empty with VCN-native pod networking
	ServicesCIDR  string
	// ServiceLBSubnetIDs are the subnets for the load balancers of Services that name none, in order of preference.
	ServiceLBSubnetIDs []string
	Addons             []string // installed ones: "KubernetesMetricsServer"
	PrivateEndpoint    string   // address and port of the API server in the VCN: "10.0.0.2:6443"
	Authentication     Authentication
	Session            string // security token by which the cluster's controllers act as the cluster
}

// Authentication says whose tokens the API server accepts beside its own, and who issues its own. A change restarts it.
type Authentication struct {
	Issuer  *TokenIssuer `json:",omitempty"` // nil: none
	Config  []byte       `json:",omitempty"` // an AuthenticationConfiguration of Kubernetes, instead of Issuer
	OwnName string       `json:",omitempty"` // the issuer that service accounts' tokens name; empty: the cluster's default
}

// TokenIssuer is an OpenID Connect issuer, with the meaning of the API server's flags --oidc-*. Empty fields are unset.
type TokenIssuer struct {
	URL, ClientID                 string
	UsernameClaim, UsernamePrefix string
	GroupsClaim, GroupsPrefix     string
	RequiredClaims                []string // "claim=value"
	CA                            []byte   // PEM
	SigningAlgorithms             []string
}

// Node is a compute instance of a node pool, or a virtual node, that is to join the cluster.
type Node struct {
	InstanceID         string // OCID; the node's provider id
	Virtual            bool   // it is a virtual node, and Shape that of its Pods
	Terminated         bool   // its instance is gone: its Pods have ended, and there is nothing to drain
	Name               string // the primary private address, as on OKE
	PoolID             string
	PoolName           string
	Version            string // kubelet version, "v1.36.4"
	Shape              string
	OCPUs              float64
	MemoryGB           float64
	BootVolumeGB       int64
	MaxPods            int    // 0: as many as with an overlay network
	RootGrown          bool   // the root file system has the whole boot volume, not the image's size
	AvailabilityDomain string // "Uocm:PHX-AD-1"
	FaultDomain        string // "FAULT-DOMAIN-1"
	SubnetID           string
	PrivateIP          string
	Taints             []string          // that the kubelet registers the node with: "team=web:NoSchedule"
	ImageName          string            // arm64 if it contains "aarch64", else amd64
	Labels             map[string]string // the pool's initial node labels
}

// VolumeDriver is the name of the CSI driver for block volumes.
const VolumeDriver = "blockvolume.csi.oraclecloud.com"

// VolumeSizeKey is the key of a block volume's size in GB, in what the attachment of a volume tells the node.
const VolumeSizeKey = "sizeInGBs"

// Endpoints tells how to reach a running control plane.
type Endpoints struct {
	Address string // of the API server, which uses TLS: "127.0.0.1:40123"
	CA      []byte // PEM
}

// ControlPlane runs what OKE manages for a cluster. The emulator calls it; calls for different clusters may overlap.
type ControlPlane interface {
	// Start starts the cluster's control plane, also after a restart, for an upgrade or a change of add-ons. It returns
	// when the API answers.
	Start(ctx context.Context, c Cluster) (Endpoints, error)
	// Stop ends the cluster's processes and deletes its data. It is no error if the cluster does not run.
	Stop(ctx context.Context, clusterID string) error
	// SyncNodes registers the given nodes, and cordons, drains and removes all others. It returns when that is done.
	SyncNodes(ctx context.Context, clusterID string, nodes []Node) error
	// ReadyNodes returns the OCIDs of the instances whose nodes are ready, as the API server has it.
	ReadyNodes(ctx context.Context, clusterID string) ([]string, error)
}

// Zone returns an availability domain as nodes are labelled with it: "PHX-AD-1" for "Uocm:PHX-AD-1".
func Zone(availabilityDomain string) string {
	return availabilityDomain[strings.LastIndex(availabilityDomain, ":")+1:]
}

// ClusterName is what OKE's kubeconfigs name a cluster, its user and its context after.
func ClusterName(ocid string) string { return "c" + tail(ocid) }

// InstanceName names an instance's directories and control group.
func InstanceName(ocid string) string { return "n" + tail(ocid) }

// tail is the end of an OCID's last part.
func tail(ocid string) string {
	name := ocid[strings.LastIndex(ocid, ".")+1:]
	return name[max(0, len(name)-10):]
}
