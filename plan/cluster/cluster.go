// Package cluster plans an OKE cluster and its node pools: settings, defaults and validation, and the choice of
// Kubernetes version, shape and node image.
package cluster

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
)

// Type is a kind of OKE cluster.
type Type string

// The kinds of cluster.
const (
	Basic    Type = "basic"    // free control plane
	Enhanced Type = "enhanced" // node cycling, workload identity, add-ons, service level agreement
)

// Spec is the cluster and its node pools. Settings documents the fields.
type Spec struct {
	KubernetesVersion   string
	ClusterType         Type
	KMSKeyID            string
	VaultIDs            []string
	ImageKeys           []string
	OIDCIssuers         []OIDCIssuer
	OIDCDiscovery       bool
	AvailabilityDomains []int
	// AllowStrandedVolumes lets nodes leave an availability domain although the stack has volumes there.
	AllowStrandedVolumes bool
	NodeImageRelease     string
	Addons               []string
	AddonOptions         map[string]AddonOptions
	AutoscalerPolicy     bool
	ClusterPolicy        bool
	PolicyWaitSeconds    int // for ClusterPolicy
	NodePools            []NodePool
	VirtualNodePools     []VirtualNodePool
}

// NodePool is a set of equal worker nodes.
type NodePool struct {
	Name                 string
	Size                 int
	Shape                string
	OCPUs                float64
	MemoryGB             float64
	BootVolumeGB         int
	Labels               map[string]string
	KubernetesVersion    string
	ImageID              string
	AvailabilityDomains  []int
	FaultDomains         []int
	MaxPodsPerNode       int
	Autoscaled           bool
	MinSize              int
	MaxSize              int
	CycleBy              CycleBy
	MaxSurge             string
	MaxUnavailable       string
	EvictionGraceMinutes int
	Preemptible          bool
	CloudInit            string
	Taints               []string

	SSHPublicKey          string
	CapacityReservationID string
	BootVolumeKMSKeyID    string
	NSGIDs                []string
}

// Nodes returns how many nodes the pools have together at most, and whether an autoscaler of the user's may add more.
func (s *Spec) Nodes() (n int, more bool) {
	for _, p := range s.NodePools {
		n += p.Largest()
		more = more || p.Autoscaled
	}
	return n, more
}

// Least returns how many nodes the pool has at least. One that an autoscaler of the user's resizes may have none.
func (p *NodePool) Least() int {
	switch {
	case p.Autoscaled:
		return 0
	case p.MaxSize > 0:
		return p.MinSize
	}
	return p.Size
}

// Largest is the number of nodes that the pool has at most, except while it cycles.
func (p *NodePool) Largest() int { return max(p.Size, p.MaxSize) }

// Validate adds every problem of the settings to list.
func (s *Spec) Validate(list *problem.List) {
	s.Settings().Check(list, "")
	s.validateAddons(list)
	s.validateArguments(list)
	s.validateAutoscaler(list)
	s.validateOpenID(list)
	s.validateVirtual(list)
	s.validateKeys(list)
	seen := map[string]int{}
	for i := range s.NodePools {
		p := &s.NodePools[i]
		key := fmt.Sprintf("nodePools[%d]", i)
		if first, twice := seen[p.Name]; twice {
			list.Add(key+".name", "%q is the name of nodePools[%d] too", p.Name, first).
				DependsOn(fmt.Sprintf("nodePools[%d].name", first))
		}
		seen[p.Name] = i
		p.validate(list, key, s)
	}
	if len(s.NodePools) > 0 && !slices.ContainsFunc(s.NodePools, func(p NodePool) bool { return !p.repels() }) {
		list.Add("nodePools[0]."+s.NodePools[0].repelledBy(), "all node pools repel Pods without a toleration, such as the "+
			"guestbook's and OKE's own, by taints, which OKE sets by itself on preemptible nodes and on those with GPUs: add "+
			"a pool without, or use PreferNoSchedule").DependsOn("nodePools")
	} else if !slices.ContainsFunc(s.NodePools, func(p NodePool) bool { return !p.repels() && p.keepsNodes() }) {
		list.Add("nodePools[0].size", "no node pool that takes any Pod keeps a node: set the size of one, and the minSize "+
			"of an autoscaled one, to 1 or more").DependsOn("nodePools")
	}
}

// keepsNodes reports whether the pool always has nodes.
func (p *NodePool) keepsNodes() bool { return p.Size > 0 && (p.MaxSize == 0 || p.MinSize > 0) }

// Open reports whether the pool can have nodes that take any Pod.
func (p *NodePool) Open() bool { return !p.repels() && (p.Largest() > 0 || p.Autoscaled) }

// ExcludeBalancers is the label, with any value, of nodes that are no backends of load balancers (Kubernetes
// documentation, "Well-Known Labels, Annotations and Taints").
const ExcludeBalancers = "node.kubernetes.io/exclude-from-external-load-balancers"

// Excluded reports whether the pool's nodes are no backends of load balancers.
func (p *NodePool) Excluded() bool {
	_, excluded := p.Labels[ExcludeBalancers]
	return excluded
}

// repels reports whether the pool's nodes take no Pods without a toleration.
func (p *NodePool) repels() bool { return p.repelledBy() != "" }

// repelledBy returns the setting for which the pool's nodes take no Pods without a toleration; "" if they take any. OKE
// itself taints preemptible nodes, oci.oraclecloud.com/oke-is-preemptible (Oracle documentation, "Using Preemptible
// Capacity to Provision Worker Nodes"), and those with GPUs, nvidia.com/gpu or amd.com/gpu ("Using Karpenter Provider
// for OCI (KPO)", section "Required Taints and Tolerations", which calls them taints of OKE's bootstrapping). Their
// effect, NoSchedule, is in oracle/karpenter-provider-oci, docs, FAQs. All read 2026-11-29.
func (p *NodePool) repelledBy() string {
	switch {
	case slices.ContainsFunc(p.Taints, repels):
		return "taints"
	case p.Preemptible:
		return "preemptible"
	case GPUShape(p.Shape):
		return "shape"
	}
	return ""
}

// ValidateNativePods adds the pools whose nodes cannot give so many Pods an address of the VCN: MIN((VNICs - 1) * 31,
// 110), the first VNIC being the node's (Oracle documentation, "Using the OCI VCN-Native Pod Networking CNI plugin for
// pod networking", as of September 2026). A shape whose VNICs are not known here passes.
func (s *Spec) ValidateNativePods(list *problem.List) {
	for i, p := range s.NodePools {
		vnics, known := VNICs(p.Shape, p.OCPUs)
		if most := (vnics - 1) * podsPerVNIC; known && p.MaxPodsPerNode > most && p.MaxPodsPerNode <= maxPodsPerNode {
			key := fmt.Sprintf("nodePools[%d]", i)
			list.Add(key+".maxPodsPerNode", "%d are more than the %d that %s has addresses for: %d for each of its %d VNICs "+
				"but the first, which is the node's", p.MaxPodsPerNode, most, p.shapeName(), podsPerVNIC, vnics).
				DependsOn("podNetwork", key+".shape", key+".ocpus")
		}
	}
}

// ValidateNodes adds that the pools have more nodes together than a cluster takes (Oracle documentation, "Service
// Limits", section "Kubernetes Engine Limits", copy of March 2025; read 2026-11-29). The limit of 2000 with VCN-native
// Pods can be raised, and is not judged.
func (s *Spec) ValidateNodes(list *problem.List, native bool) {
	nodes, _ := s.Nodes()
	switch {
	case s.ClusterType == Basic && nodes > maxNodesBasic:
		list.Add("nodePools", "have %d nodes together, and a basic cluster takes %d", nodes, maxNodesBasic).
			DependsOn("clusterType")
	case !native && nodes > maxNodesFlannel:
		list.Add("nodePools", "have %d nodes together, and a cluster with flannel takes %d", nodes, maxNodesFlannel).
			DependsOn("podNetwork")
	}
}

const (
	maxNodesBasic   = 1000
	maxNodesFlannel = 5000
)

// shapeName describes the pool's shape with its size.
func (p *NodePool) shapeName() string {
	if p.OCPUs == 0 {
		return p.Shape
	}
	return fmt.Sprintf("%s with ocpus %v", p.Shape, p.OCPUs)
}

// validate checks what the settings of a pool must satisfy together, and with those of the cluster.
func (p *NodePool) validate(list *problem.List, key string, s *Spec) {
	if field, err := checkSize(p.Shape, p.OCPUs, p.MemoryGB); err != nil {
		list.Add(key+"."+field, "%v", err).DependsOn(key+".shape", key+".ocpus", key+".memoryGb")
	}
	if s.KubernetesVersion != "" && p.KubernetesVersion != "" {
		if err := CheckNodeVersion(s.KubernetesVersion, p.KubernetesVersion); err != nil {
			list.Add(key+".kubernetesVersion", "%v", err).DependsOn("kubernetesVersion")
		}
	}
	if err := p.checkUserData(); err != nil {
		field := ".cloudInit"
		if p.CloudInit == "" {
			field = ".taints" // the only other part of it
		}
		list.Add(key+field, "%v", err)
	}
	p.validateCycling(list, key, s.ClusterType)
	p.validateBounds(list, key, s.ClusterType)
	p.validateReservation(list, key, s)
	if err := p.checkPreemptible(); err != nil {
		list.Add(key+".preemptible", "%v", err).
			DependsOn(key+".shape", key+".ocpus", key+".memoryGb", key+".cycleBy")
	}
}

// validateReservation checks what a capacity reservation, which is of one availability domain and one size of machine,
// allows (Oracle documentation, "Using Capacity Reservations to Provision Managed Nodes", read in part, 2026-11-28).
func (p *NodePool) validateReservation(list *problem.List, key string, s *Spec) {
	if p.CapacityReservationID == "" {
		return
	}
	domains := len(p.AvailabilityDomains)
	if domains == 0 {
		domains = len(s.AvailabilityDomains)
	}
	key += ".capacityReservationId"
	if domains != 1 {
		list.Add(key, "a reservation is in one availability domain: set the pool's availabilityDomains to that one").
			DependsOn("availabilityDomains", strings.TrimSuffix(key, "capacityReservationId")+"availabilityDomains")
	}
	if p.Preemptible {
		list.Add(key, "preemptible nodes do not use reserved capacity: leave one of the two out")
	}
}

// Metrics reports whether the cluster has the metrics of its Pods. OKE installs no metrics server by itself.
func (s Spec) Metrics() bool { return slices.Contains(s.Addons, "KubernetesMetricsServer") }
