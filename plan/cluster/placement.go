package cluster

import (
	"maps"
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
)

// effectiveLabels are those of a pool's nodes, as far as they are known.
func (p *NodePool) effectiveLabels() map[string]string {
	labels := map[string]string{
		"kubernetes.io/arch": Architecture(p.Shape), "kubernetes.io/os": "linux",
		"node.kubernetes.io/instance-type": p.Shape,
	}
	maps.Copy(labels, p.Labels)
	return labels
}

// checkPlacement adds arguments by which no node takes the add-on's Pods: labels that some nodes have with other
// values, and requests above what any node has. Labels that no pool has may be OKE's own.
func (s *Spec) checkPlacement(list *problem.List, key string, arguments map[string]string) {
	wanted, _ := decodeDocument[map[string]any](arguments["nodeSelectors"])
	known := func(label string) bool {
		return slices.ContainsFunc(s.NodePools, func(p NodePool) bool { _, has := p.effectiveLabels()[label]; return has })
	}
	takes := func(p NodePool) bool {
		has := p.effectiveLabels()
		for label, value := range wanted {
			if known(label) && has[label] != value {
				return false
			}
		}
		return true
	}
	if len(s.NodePools) > 0 && !slices.ContainsFunc(s.NodePools, takes) {
		list.Add(key, "nodeSelectors %s are on no node of nodePools: the add-on's Pods would not start",
			arguments["nodeSelectors"]).DependsOn("nodePools")
	}
	rooms := s.Rooms(false)
	if len(rooms) == 0 || arguments["tolerations"] != "" { // they may get to nodes that repel others
		return
	}
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		if !strings.HasSuffix(name, ofContainer) && name != "coreDnsContainerResources" {
			continue
		}
		cpu, memory := requestsOf(arguments[name])
		if !slices.ContainsFunc(rooms, func(r PoolRoom) bool {
			return cpu*1000 <= float64(r.Node.CPUMillis) && memory/(1<<20) <= float64(r.Node.MemoryMB)
		}) {
			list.Add(key, "%s asks for more than any node has for Pods: %s", name, arguments[name]).DependsOn("nodePools")
		}
	}
}

// requestsOf returns the CPUs and bytes of memory that a container asks for, by its limits where it has no requests.
func requestsOf(argument string) (cpu, memory float64) {
	document, _ := decodeDocument[map[string]map[string]any](argument)
	of := func(resource string) float64 {
		n, ok := amount(document["requests"][resource])
		if !ok {
			n, _ = amount(document["limits"][resource])
		}
		return n
	}
	return of("cpu"), of("memory")
}
