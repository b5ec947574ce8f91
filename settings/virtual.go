package settings

import (
	"fmt"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
)

// addVirtual adds what virtual nodes need of the network.
func (s *Settings) addVirtual(need *layout.Capacity) {
	for i, p := range s.Cluster.VirtualNodePools {
		need.VirtualPools = append(need.VirtualPools, layout.Pool{Nodes: p.Size, PodsPerNode: p.PodsPerNode})
		for _, field := range []string{"size", "podsPerNode"} {
			need.PoolSettings = append(need.PoolSettings, fmt.Sprintf("virtualNodePools[%d].%s", i, field))
		}
	}
}

// validateVirtualNodes checks the network of virtual nodes (Oracle, "Comparing Virtual Nodes with Managed Nodes", row
// "Pod Networking", of 2024-10-28, read 2026-11-29).
func (s *Settings) validateVirtualNodes(list *problem.List) {
	switch {
	case len(s.Cluster.VirtualNodePools) == 0:
	case s.Network.PodNetwork != layout.VCNNative:
		list.Add("virtualNodePools", "need podNetwork %s", layout.VCNNative).DependsOn("podNetwork")
	case s.Network.InternetEgress != layout.EgressWorkersAndPods:
		list.Add("virtualNodePools", "need internetEgress %s: OKE wants a route from the Pods' subnet to a NAT gateway",
			layout.EgressWorkersAndPods).DependsOn("internetEgress")
	}
}
