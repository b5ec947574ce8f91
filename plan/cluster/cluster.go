// Package cluster plans an OKE cluster and its node pools: settings, defaults and validation, and the choice of Kubernetes
// version, shape and node image.
package cluster

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/plan/problem"
)

// Cluster types, as the setting clusterType spells them.
const (
	Basic    = "basic"
	Enhanced = "enhanced"
)

// Spec is the cluster and its node pools.
type Spec struct {
	KubernetesVersion   string     `json:"kubernetesVersion" help:"Kubernetes version of the control plane, in full. One minor version at a time; never down"`
	ClusterType         string     `json:"clusterType" help:"basic (free control plane) or enhanced (node cycling, workload identity, service level agreement)"`
	KMSKeyID            string     `json:"kmsKeyId" help:"OCID of a Vault key that encrypts Kubernetes secrets; empty for Oracle's own. A change replaces the cluster"`
	AvailabilityDomains []int      `json:"availabilityDomains" help:"Numbers of the availability domains to place nodes in, such as [1, 3]; empty for all that the region has"`
	NodeImageRelease    string     `json:"nodeImageRelease" help:"Any text. Nodes keep the OKE image that was newest when this text was set; change it to move to today's newest"`
	Addons              []string   `json:"addons" help:"Cluster add-ons, each after the one before it, such as CertManager and KubernetesMetricsServer, which the autoscaler of Pods needs (enhanced)"`
	NodePools           []NodePool `json:"nodePools" help:"Node pools: name, size, shape, ocpus, memoryGb, bootVolumeGb, labels, kubernetesVersion, imageId, availabilityDomains, faultDomains, maxPodsPerNode, autoscaled, maxSurge, maxUnavailable, evictionGraceMinutes, preemptible"`
}

// NodePool is a set of equal worker nodes.
type NodePool struct {
	Name                 string            `json:"name"`                           // required, unique, kept for life
	Size                 int               `json:"size"`                           // nodes; required
	Shape                string            `json:"shape,omitempty"`                // default VM.Standard.A1.Flex
	OCPUs                float64           `json:"ocpus,omitempty"`                // of a flexible shape
	MemoryGB             float64           `json:"memoryGb,omitempty"`             // of a flexible shape, 1 to 64 for each OCPU
	BootVolumeGB         int               `json:"bootVolumeGb,omitempty"`         // default 50, the smallest
	Labels               map[string]string `json:"labels,omitempty"`               // of the Kubernetes nodes
	KubernetesVersion    string            `json:"kubernetesVersion,omitempty"`    // default the control plane's
	ImageID              string            `json:"imageId,omitempty"`              // default the newest OKE image that suits version and shape
	AvailabilityDomains  []int             `json:"availabilityDomains,omitempty"`  // default the stack's
	FaultDomains         []int             `json:"faultDomains,omitempty"`         // 1 to 3; default all
	MaxPodsPerNode       int               `json:"maxPodsPerNode,omitempty"`       // with podNetwork vcn-native; default 31
	Autoscaled           bool              `json:"autoscaled,omitempty"`           // the size is the initial one; an autoscaler changes it
	MaxSurge             string            `json:"maxSurge,omitempty"`             // nodes added while cycling, number or percent; enhanced clusters
	MaxUnavailable       string            `json:"maxUnavailable,omitempty"`       // nodes missing while cycling, number or percent; enhanced clusters
	EvictionGraceMinutes int               `json:"evictionGraceMinutes,omitempty"` // 0 to 60, default 15: how long a drain may take
	Preemptible          bool              `json:"preemptible,omitempty"`          // cheaper; Oracle may take the nodes back
}

// UnmarshalJSON fills in the defaults of what the pool does not say.
func (p *NodePool) UnmarshalJSON(data []byte) error {
	*p = NodePool{Shape: "VM.Standard.A1.Flex", BootVolumeGB: minBootVolumeGB, MaxPodsPerNode: 31, EvictionGraceMinutes: 15}
	type plain NodePool // without this method
	return json.Unmarshal(data, (*plain)(p))
}

// Defaults returns the cluster of a stack that says nothing: two nodes within the Always Free allowance.
func Defaults() Spec {
	return Spec{
		KubernetesVersion:   "v1.36.3",
		ClusterType:         Basic,
		AvailabilityDomains: []int{},
		Addons:              []string{},
		NodePools: []NodePool{{
			Name: "workers", Size: 2, Shape: "VM.Standard.A1.Flex", OCPUs: 2, MemoryGB: 12,
			BootVolumeGB: minBootVolumeGB, MaxPodsPerNode: 31, EvictionGraceMinutes: 15,
		}},
	}
}

// What OKE takes for a pool that cycles and says only the other of the two (API, NodePoolCyclingDetails).
const (
	DefaultSurge       = "1"
	DefaultUnavailable = "0"
)

// VersionOf returns the Kubernetes version of a pool's nodes.
func (s *Spec) VersionOf(p NodePool) string {
	if p.KubernetesVersion != "" {
		return p.KubernetesVersion
	}
	return s.KubernetesVersion
}

// Nodes returns how many nodes the pools have together, and whether an autoscaler may add more.
func (s *Spec) Nodes() (n int, more bool) {
	for _, p := range s.NodePools {
		n += p.Size
		more = more || p.Autoscaled
	}
	return n, more
}

// Cycles reports whether a change of image, version or shape replaces the pool's nodes, a few at a time.
func (p *NodePool) Cycles() bool { return p.MaxSurge != "" || p.MaxUnavailable != "" }

// Most returns the largest number of nodes that the pool has while it cycles.
func (p *NodePool) Most() int {
	if !p.Cycles() {
		return p.Size
	}
	return p.Size + portion(cmp.Or(p.MaxSurge, DefaultSurge), p.Size)
}

// portion returns how many nodes a number is, or a percentage of size, rounded up.
func portion(text string, size int) int {
	number, isPercent := strings.CutSuffix(text, "%")
	n, _ := strconv.Atoi(number)
	if isPercent {
		return (size*n + 99) / 100
	}
	return n
}

// Limits of a node pool (Oracle documentation, "CreateNodePoolDetails" and "Creating Node Pools").
const (
	minBootVolumeGB = 50
	maxBootVolumeGB = 32768
	maxNodes        = 1000
	maxPodsPerNode  = 110
)

var (
	// poolName also has to suit the names of Pulumi resources and node labels.
	poolName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$`)
	surge    = regexp.MustCompile(`^(\d{1,4}|\d{1,2}%|100%)$`)
	kmsKey   = regexp.MustCompile(`^ocid1\.key\.`)
	addon    = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{1,63}$`)
	imageID  = regexp.MustCompile(`^ocid1\.image\.`)
)

// Validate adds every problem of the settings to list.
func (s *Spec) Validate(list *problem.List) {
	versionErr := CheckVersion(s.KubernetesVersion)
	if versionErr != nil {
		list.Add("kubernetesVersion", "%v", versionErr)
	}
	if s.ClusterType != Basic && s.ClusterType != Enhanced {
		list.Add("clusterType", "%q is not one of basic, enhanced", s.ClusterType)
	}
	if s.KMSKeyID != "" && !kmsKey.MatchString(s.KMSKeyID) {
		list.Add("kmsKeyId", "%q is not the OCID of a key (ocid1.key...)", s.KMSKeyID)
	}
	checkDomains(list, "availabilityDomains", s.AvailabilityDomains)
	if len(s.Addons) > 0 && s.ClusterType == Basic {
		list.Add("addons", "need clusterType enhanced")
	}
	for i, name := range s.Addons {
		if !addon.MatchString(name) || slices.Contains(s.Addons[:i], name) {
			list.Add("addons", "%q is named twice or is no name of an add-on such as KubernetesMetricsServer", name)
		}
	}
	if len(s.NodePools) == 0 {
		list.Add("nodePools", "needs at least one node pool")
	}
	seen := map[string]int{}
	for i := range s.NodePools {
		p := &s.NodePools[i]
		key := fmt.Sprintf("nodePools[%d]", i)
		if first, twice := seen[p.Name]; twice {
			list.Add(key+".name", "%q is the name of nodePools[%d] too", p.Name, first)
		}
		seen[p.Name] = i
		p.validate(list, key, s, versionErr == nil)
	}
}

func (p *NodePool) validate(list *problem.List, key string, s *Spec, clusterVersionOK bool) {
	if !poolName.MatchString(p.Name) {
		list.Add(key+".name", "%q is not a name of 1 to 32 lower-case letters, digits and hyphens that begins with a letter", p.Name)
	}
	checkRange(list, key+".size", p.Size, 1, maxNodes)
	checkRange(list, key+".bootVolumeGb", p.BootVolumeGB, minBootVolumeGB, maxBootVolumeGB)
	checkRange(list, key+".evictionGraceMinutes", p.EvictionGraceMinutes, 0, 60)
	checkRange(list, key+".maxPodsPerNode", p.MaxPodsPerNode, 1, maxPodsPerNode)
	if err := CheckShape(p.Shape, p.OCPUs, p.MemoryGB); err != nil {
		list.Add(key+".shape", "%v", err)
	}
	if p.KubernetesVersion != "" {
		err := CheckVersion(p.KubernetesVersion)
		if err == nil && clusterVersionOK {
			err = CheckNodeVersion(s.KubernetesVersion, p.KubernetesVersion)
		}
		if err != nil {
			list.Add(key+".kubernetesVersion", "%v", err)
		}
	}
	if p.ImageID != "" && !imageID.MatchString(p.ImageID) {
		list.Add(key+".imageId", "%q is not the OCID of an image (ocid1.image...)", p.ImageID)
	}
	checkDomains(list, key+".availabilityDomains", p.AvailabilityDomains)
	checkDomains(list, key+".faultDomains", p.FaultDomains)
	cycles := p.Cycles()
	for _, c := range []struct{ key, value string }{{"maxSurge", p.MaxSurge}, {"maxUnavailable", p.MaxUnavailable}} {
		switch {
		case c.value == "":
		case s.ClusterType == Basic:
			list.Add(key+"."+c.key, "needs clusterType enhanced: a basic cluster does not cycle nodes")
			cycles = false
		case !surge.MatchString(c.value):
			list.Add(key+"."+c.key, "%q is neither a number of nodes nor a percentage such as 25%%", c.value)
			cycles = false
		}
	}
	if cycles && portion(cmp.Or(p.MaxSurge, DefaultSurge), maxNodes) == 0 && portion(cmp.Or(p.MaxUnavailable, DefaultUnavailable), maxNodes) == 0 {
		list.Add(key+".maxSurge", "no node can be replaced while maxUnavailable is 0 too: set one of the two to 1 or more")
	}
	checkLabels(list, key+".labels", p.Labels)
}

func checkRange(list *problem.List, key string, got, low, high int) {
	if got < low || got > high {
		list.Add(key, "must be from %d to %d (got %d)", low, high, got)
	}
}

// checkDomains checks the numbers of availability domains or fault domains: a region has at most three of either.
func checkDomains(list *problem.List, key string, numbers []int) {
	for i, n := range numbers {
		if n < 1 || n > 3 {
			list.Add(key, "must hold numbers from 1 to 3 (got %d)", n)
		} else if slices.Contains(numbers[:i], n) {
			list.Add(key, "holds %d twice", n)
		}
	}
}

// A label's key is an optional DNS prefix and a name, its value is empty or a name
// (Kubernetes documentation, "Labels and Selectors", section "Syntax and character set").
var (
	labelKey   = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`)
)

func checkLabels(list *problem.List, key string, labels map[string]string) {
	keys := make([]string, 0, len(labels))
	for k := range labels {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if !labelKey.MatchString(k) || !labelValue.MatchString(labels[k]) {
			list.Add(key, "%s=%s is not a Kubernetes label", k, labels[k])
		}
	}
}
