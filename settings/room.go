package settings

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/workload"
)

// validateRoom refuses Pods that no node has room for, and guestbooks that all nodes together have no room for. What
// enforces network policies is counted. OKE's own daemons, DNS and log agents need room too, and are not: what passes
// here may still wait for a node.
func (s *Settings) validateRoom(list *problem.List) {
	rooms := s.Cluster.Rooms(s.Network.PodNetwork == layout.VCNNative)
	if s.Policies == workload.Enforced {
		for i := range rooms {
			rooms[i].Node.CPUMillis -= workload.Enforcer.CPUMillis
			rooms[i].Node.MemoryMB -= workload.Enforcer.MemoryMB
			rooms[i].Node.Pods -= workload.Enforcer.Pods
		}
	}
	for i := range s.Guestbooks {
		s.validateMembers(list, i, rooms)
	}
	if len(rooms) == 0 {
		return // a shape of unknown size, or no pool that takes the Pods
	}
	fits := true
	for i := range s.Guestbooks {
		fits = s.validatePods(list, i, rooms) && fits
	}
	if _, more := s.Cluster.Nodes(); fits && !more {
		s.validateSum(list, rooms)
	}
}

// maxBackends is how many backends the set of a port has, of a load balancer and of a network load balancer (Oracle
// documentation, "Overview of Load Balancer" and "Overview of Network Load Balancer", read 2026-11-29). How many a load
// balancer has in all its sets, 512 or 1,024, copies of the first do not agree upon.
const maxBackends = 512

// validateBackends refuses more nodes than a load balancer has backends, and none: OKE's cloud controller makes every
// node one, those that repel Pods too, but those whose label excludes them. Virtual nodes' Pods are backends, too
// (docs/nodes.md).
func (s *Settings) validateBackends(list *problem.List) {
	nodes, some := 0, false
	for i := range s.Cluster.NodePools {
		if p := &s.Cluster.NodePools[i]; !p.Excluded() {
			nodes += p.Most()
			some = true
		}
	}
	i := slices.IndexFunc(s.Guestbooks, func(g workload.Guestbook) bool { return g.Balanced() })
	if i < 0 {
		return
	}
	exposure, name := s.policy(i).DependsOn("exposure"), s.Guestbooks[i].Name
	switch {
	case !some && len(s.Cluster.NodePools) > 0 && len(s.Cluster.VirtualNodePools) == 0:
		list.Add("nodePools[0].labels", "%s is on all node pools, and leaves guestbook %s's load balancer without a "+
			"backend: leave it out of one", cluster.ExcludeBalancers, name).DependsOn("nodePools").DependsOn(exposure...)
	case nodes > maxBackends:
		list.Add("nodePools", "have %d nodes together, those that cycling adds included, and each is a backend of guestbook "+
			"%s's load balancer, which takes %d: use fewer, larger nodes, or set exposure to %s or %s", nodes, name, maxBackends,
			workload.NodePort, workload.None).DependsOn(exposure...)
	}
}

// validateMembers refuses a database with more members than nodes: each is on a node of its own, one that takes any Pod
// and has room for it. Rooms are none where a shape has an unknown size: then all nodes count. That no node has room is
// for validatePods to say.
func (s *Settings) validateMembers(list *problem.List, i int, rooms []cluster.PoolRoom) {
	g := s.Guestbooks[i]
	member := cluster.Room{CPUMillis: g.MongoCPUMillis, MemoryMB: g.MongoMemoryMB}
	nodes, roomy := 0, 0
	for _, p := range s.Cluster.NodePools {
		if p.Autoscaled {
			return // there may be more
		}
		if p.Open() {
			nodes += p.Largest()
		}
	}
	for _, r := range rooms {
		if r.Node.Holds(member) {
			roomy += r.Nodes
		}
	}
	if roomy > 0 {
		nodes = roomy
	}
	if g.Hardened() && g.OwnDatabase() && g.MongoReplicas > max(nodes, 1) { // others have one member
		s.policy(i).Add(list, "mongoReplicas", []string{"profile", "externalDatabase", "mongoCpuMillis", "mongoMemoryMb"},
			"%d members need a node each, without taints and with room for %d MiB and %d thousandths of a CPU: "+
				"nodePools have %d such nodes", g.MongoReplicas, g.MongoMemoryMB, g.MongoCPUMillis, nodes).
			DependsOn("nodePools", "networkPolicies")
	}
}

// validatePods refuses a kind of Pod of guestbook i that no node holds. It reports whether all fit.
func (s *Settings) validatePods(list *problem.List, i int, rooms []cluster.PoolRoom) bool {
	g, policy, fits := s.Guestbooks[i], s.policy(i), true
	check := func(cpuKey, memoryKey string, cpu, memory int) {
		holds := func(need cluster.Room) bool {
			return slices.ContainsFunc(rooms, func(r cluster.PoolRoom) bool { return r.Node.Holds(need) })
		}
		largest := rooms[0]
		for _, r := range rooms {
			if r.Node.MemoryMB > largest.Node.MemoryMB {
				largest = r
			}
		}
		switch {
		case holds(cluster.Room{CPUMillis: cpu, MemoryMB: memory}):
			return
		case holds(cluster.Room{CPUMillis: cpu}):
			policy.Add(list, memoryKey, []string{"profile", cpuKey}, "%d MiB are more than a node has for Pods: "+
				"of its %v GB, %s leaves %d MiB", memory, largest.MemoryGB, largest.Shape, largest.Node.MemoryMB).
				DependsOn("nodePools")
		default:
			policy.Add(list, cpuKey, []string{"profile", memoryKey}, "%d thousandths of a CPU are more than a node has for "+
				"Pods: %s has %d", cpu, largest.Shape, largest.Node.CPUMillis).DependsOn("nodePools")
		}
		fits = false
	}
	check("frontendCpuMillis", "frontendMemoryMb", g.FrontendCPUMillis, g.FrontendMemoryMB)
	if g.OwnDatabase() {
		check("mongoCpuMillis", "mongoMemoryMb", g.MongoCPUMillis, g.MongoMemoryMB)
	}
	return fits
}

// validateSum refuses guestbooks that ask for more than all nodes have.
func (s *Settings) validateSum(list *problem.List, rooms []cluster.PoolRoom) {
	var room, need cluster.Room
	for _, r := range rooms {
		room.CPUMillis += r.Nodes * r.Node.CPUMillis
		room.MemoryMB += r.Nodes * r.Node.MemoryMB
		room.Pods += r.Nodes * r.Node.Pods
	}
	var dependsOn, cpus, memories []string
	for i := range s.Guestbooks {
		g := &s.Guestbooks[i]
		steady, frontends := g.Steady()
		need.CPUMillis += steady.CPUMillis
		need.MemoryMB += steady.MemoryMB
		need.Pods += steady.Pods
		cpus = append(cpus, sum(g, frontends, g.FrontendCPUMillis, g.MongoCPUMillis, workload.Helper.CPUMillis))
		memories = append(memories, sum(g, frontends, g.FrontendMemoryMB, g.MongoMemoryMB, workload.Helper.MemoryMB))
		dependsOn = append(dependsOn, s.policy(i).DependsOn("profile", "frontendReplicas", "frontendMinReplicas",
			"frontendCpuMillis", "frontendMemoryMb", "mongoReplicas", "mongoCpuMillis", "mongoMemoryMb", "externalDatabase")...)
	}
	const advice = "; add nodes, or lower frontendReplicas or what a Pod asks for"
	add := func(format string, args ...any) {
		list.Add("nodePools", format+advice, args...).DependsOn(dependsOn...)
	}
	switch {
	case need.CPUMillis > room.CPUMillis:
		add("the guestbooks' Pods ask for %d thousandths of a CPU, and all nodes together have %d for Pods: %s",
			need.CPUMillis, room.CPUMillis, strings.Join(cpus, "; "))
	case need.MemoryMB > room.MemoryMB:
		add("the guestbooks' Pods ask for %d MiB, and all nodes together have %d for Pods: %s",
			need.MemoryMB, room.MemoryMB, strings.Join(memories, "; "))
	case need.Pods > room.Pods:
		add("the guestbooks have %d Pods, and all nodes together take %d", need.Pods, room.Pods)
	}
}

// sum says what a guestbook's Pods ask for.
func sum(g *workload.Guestbook, frontends, frontend, database, job int) string {
	text := fmt.Sprintf("%s, frontends %d * %d, one more while they are updated", g.Name, frontends, frontend)
	if g.OwnDatabase() {
		text += fmt.Sprintf(", database %d * %d", g.MongoReplicas, database)
		if g.Hardened() {
			text += fmt.Sprintf(", a job %d", job)
		}
	}
	return text
}
