package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
)

// Autoscaler is the name of the add-on that changes the sizes of node pools.
const Autoscaler = "ClusterAutoscaler"

// Bounds are those of a node pool that the autoscaler changes.
type Bounds struct {
	Pool     string // its name
	Min, Max int
}

// Bounded returns the pools that the program has the autoscaler add-on change, in the order of the settings.
func (s *Spec) Bounded() (bounds []Bounds) {
	for _, p := range s.NodePools {
		if p.MaxSize > 0 {
			bounds = append(bounds, Bounds{p.Name, p.MinSize, p.MaxSize})
		}
	}
	return bounds
}

// Resized reports whether the number of the pool's nodes changes without the program, so that size is the first one.
func (p *NodePool) Resized() bool { return p.Autoscaled || p.MaxSize > 0 }

func (p *NodePool) validateBounds(list *problem.List, key string, kind Type) {
	minKey, maxKey := key+".minSize", key+".maxSize"
	switch {
	case p.MaxSize == 0 && p.MinSize > 0:
		list.Add(minKey, "needs maxSize, which has the autoscaler change the number of nodes").DependsOn(maxKey)
	case p.MaxSize == 0:
	case kind == Basic:
		list.Add(maxKey, "needs clusterType enhanced: a basic cluster takes no add-ons, such as the autoscaler. "+
			"There, run the cluster autoscaler as a program of your own, and set autoscaled instead").DependsOn("clusterType")
	case p.Autoscaled:
		list.Add(key+".autoscaled", "is for an autoscaler of your own, which would work against the add-on that maxSize "+
			"installs: leave one of the two out").DependsOn(maxKey)
	case p.MinSize > p.MaxSize:
		list.Add(minKey, "%d is above maxSize, %d", p.MinSize, p.MaxSize).DependsOn(maxKey)
	case p.Size < p.MinSize || p.Size > p.MaxSize:
		list.Add(key+".size", "the first number of nodes, %d, must be from minSize, %d, to maxSize, %d",
			p.Size, p.MinSize, p.MaxSize).DependsOn(minKey, maxKey)
	}
}

// AutoscalerNodes is the argument nodes of the add-on: minimum, maximum and OCID of each pool. IDs are by name.
func AutoscalerNodes(bounds []Bounds, ids map[string]string) string {
	parts := make([]string, len(bounds))
	for i, b := range bounds {
		parts[i] = fmt.Sprintf("%d:%d:%s", b.Min, b.Max, ids[b.Pool])
	}
	return strings.Join(parts, ", ")
}

// autoscalerArguments are those that the program sets, with their reasons. Oracle advises two replicas or more, and 25
// minutes ("Using the Kubernetes Cluster Autoscaler", section "Recommendations", and "Cluster Autoscaler", arguments of
// the add-on, both 2026-09-05).
var autoscalerArguments = map[string]string{
	"authType":                 "workload",
	"balanceSimilarNodeGroups": "true", // pools of one availability domain each are such groups
	"maxNodeProvisionTime":     "25m",
	"numOfReplicas":            "2",
}

// AutoscalerConfiguration returns the add-on's arguments besides nodes: the program's, and those of addonOptions.
func (s *Spec) AutoscalerConfiguration() map[string]string {
	arguments := maps.Clone(autoscalerArguments)
	maps.Copy(arguments, s.AddonOptions[Autoscaler].Configuration)
	return arguments
}

// validateAutoscaler checks who installs the autoscaler, and that it is told which pools to change.
func (s *Spec) validateAutoscaler(list *problem.List) {
	configuration := s.AddonOptions[Autoscaler].Configuration
	const path = "addonOptions." + Autoscaler + ".configuration"
	if len(s.Bounded()) == 0 {
		if slices.Contains(s.Addons, Autoscaler) && configuration["nodes"] == "" &&
			configuration["nodeGroupAutoDiscovery"] == "" {
			list.Add("addons", "%s needs to know which pools to change: leave it out, and set minSize and maxSize of the "+
				"pools; or set nodes in %s", Autoscaler, path).DependsOn("addonOptions", "nodePools")
		}
		return
	}
	if slices.Contains(s.Addons, Autoscaler) {
		list.Add("addons", "%s is installed for the pools that have maxSize: leave it out", Autoscaler).DependsOn("nodePools")
	}
	for _, key := range []string{"nodes", "nodeGroupAutoDiscovery", "authType"} {
		if configuration[key] != "" {
			list.Add(path, "%s follows from the pools' minSize and maxSize: leave it out", key).DependsOn("nodePools")
		}
	}
}
