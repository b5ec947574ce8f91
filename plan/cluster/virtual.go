package cluster

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/setting"
)

// VirtualNodePool is a set of virtual nodes: Oracle runs each of their Pods on a machine of its own. What they are, and
// what they cannot do: Oracle documentation, "Comparing Virtual Nodes with Managed Nodes", of 2024-10-28, read
// 2026-11-29. docs/nodes.md says more.
type VirtualNodePool struct {
	Name                string
	Size                int
	PodShape            string
	PodsPerNode         int
	Labels              map[string]string
	Taints              []string
	AvailabilityDomains []int
	FaultDomains        []int
}

// podShapes are the shapes of Pods on virtual nodes (Oracle documentation, "Supported Images (Including Custom Images)
// and Shapes for Worker Nodes", as quoted by public courses on it, read 2026-11-29).
var podShapes = []string{"Pod.Standard.E4.Flex", "Pod.Standard.E3.Flex", "Pod.Standard.A1.Flex"}

// maxPodsPerVirtualNode is how many Pods a virtual node takes ("Comparing Virtual Nodes with Managed Nodes").
const maxPodsPerVirtualNode = 500

func (p *VirtualNodePool) settings() setting.Group {
	return setting.Group{
		setting.Of(&p.Name, "name", "", "Name, unique among all node pools", poolName),
		setting.Of(&p.Size, "size", 1, "Number of virtual nodes", setting.Range(0, maxNodes)),
		setting.Of(&p.PodShape, "podShape", podShapes[0], "Shape of the Pods. A change replaces the pool",
			setting.OneOf(podShapes...)),
		setting.Of(&p.PodsPerNode, "podsPerNode", maxPodsPerVirtualNode,
			"Most Pods on a node that the Pods' subnet must have addresses for. It limits nothing: OKE's own limit is 500",
			setting.Range(1, maxPodsPerVirtualNode)),
		setting.Texts(&p.Labels, "labels", "Labels of the Kubernetes nodes. A change replaces the pool", nodeLabels),
		setting.List(&p.Taints, "taints", []string{"virtual-node=true:NoSchedule"},
			"Taints of the Kubernetes nodes, which keep away the Pods that virtual nodes cannot run, such as the guestbook's. "+
				"A change replaces the pool",
			setting.Each(taint), oneTaint),
		setting.List(&p.AvailabilityDomains, "availabilityDomains", nil,
			"Numbers of availability domains. Empty for the stack's",
			domains, setting.Unique[int]()),
		setting.List(&p.FaultDomains, "faultDomains", nil, "Numbers of fault domains. Empty for all",
			domains, setting.Unique[int]()),
	}
}

// validateVirtual checks that the cluster takes virtual nodes, and that only those Pods get there that ask for it.
func (s *Spec) validateVirtual(list *problem.List) {
	if len(s.VirtualNodePools) == 0 {
		return
	}
	if s.ClusterType == Basic {
		list.Add("virtualNodePools", "need clusterType enhanced").DependsOn("clusterType")
	}
	for i := range s.VirtualNodePools {
		p := &s.VirtualNodePools[i]
		key := fmt.Sprintf("virtualNodePools[%d]", i)
		if other := s.namedBefore(i); other != "" {
			list.Add(key+".name", "%q is the name of %s too", p.Name, other).DependsOn(other + ".name")
		}
		if !slices.ContainsFunc(p.Taints, repels) {
			list.Add(key+".taints", "need one with NoSchedule or NoExecute: otherwise Pods get there that use what virtual "+
				"nodes do not have, such as volumes and init containers, and never start")
		}
	}
}

// namedBefore returns the key of an earlier pool of the same name as the virtual node pool i, or nothing.
func (s *Spec) namedBefore(i int) string {
	name := s.VirtualNodePools[i].Name
	if n := slices.IndexFunc(s.NodePools, func(p NodePool) bool { return p.Name == name }); n >= 0 {
		return fmt.Sprintf("nodePools[%d]", n)
	}
	n := slices.IndexFunc(s.VirtualNodePools, func(p VirtualNodePool) bool { return p.Name == name })
	if n < i {
		return fmt.Sprintf("virtualNodePools[%d]", n)
	}
	return ""
}

// repels reports whether a taint keeps Pods without a toleration away.
func repels(taint string) bool { return !strings.HasSuffix(taint, ":PreferNoSchedule") }

// VirtualTaint is a taint of a virtual node pool, in the parts that the API has it in.
type VirtualTaint struct{ Key, Value, Effect string }

// TaintParts returns the pool's taints. They must be valid.
func (p *VirtualNodePool) TaintParts() []VirtualTaint {
	parts := make([]VirtualTaint, len(p.Taints))
	for i, text := range p.Taints {
		pair, effect, _ := strings.Cut(text, ":")
		key, value, _ := strings.Cut(pair, "=")
		parts[i] = VirtualTaint{key, value, effect}
	}
	return parts
}
