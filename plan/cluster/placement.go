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
// values, and requests above the size of any node. Labels that no pool has may be OKE's own, and which ones virtual
// nodes have is not known.
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
	if len(s.NodePools) > 0 && len(s.VirtualNodePools) == 0 && !slices.ContainsFunc(s.NodePools, takes) {
		list.Add(key, "nodeSelectors %s are on no node of nodePools: the add-on's Pods would not start",
			arguments["nodeSelectors"]).DependsOn("nodePools")
	}
	if arguments["tolerations"] != "" { // they may get to nodes that repel others
		return
	}
	var open []NodePool
	for _, p := range s.NodePools {
		if p.Open() {
			open = append(open, p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		if !strings.HasSuffix(name, ofContainer) && name != "coreDnsContainerResources" {
			continue
		}
		cpu, memory := requestsOf(arguments[name])
		holds := func(p NodePool) bool {
			cpus, known := p.cpus()
			return !known || cpu <= cpus && memory <= p.MemoryGB*(1<<30)
		}
		if len(open) > 0 && !slices.ContainsFunc(open, holds) {
			list.Add(key, "%s asks for more than any node has: %s", name, arguments[name]).DependsOn("nodePools")
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
