package cluster

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/plan/problem"
)

// CycleBy is how a change that only new nodes get reaches the existing ones.
type CycleBy string

// The ways of cycling (API, CycleMode).
const (
	Instance   CycleBy = "instance"    // another instance takes the node's place, perhaps in another availability domain
	BootVolume CycleBy = "boot-volume" // the instance stays, with its address and domain, and gets a new boot volume
)

// Defaults of OKE for a pool that cycles and sets only the other of the two (API, NodePoolCyclingDetails).
const (
	DefaultSurge       = "1"
	DefaultUnavailable = "0"
	// DefaultUnavailableByBootVolume is for cycling by boot volume, which adds no nodes (Oracle documentation, "Balancing
	// Service Availability and Cost When Cycling Managed Nodes in Node Pools", read 2026-11-28).
	DefaultUnavailableByBootVolume = "1"
)

// Cycles reports whether a change of image, version or shape replaces the pool's nodes, a few at a time.
func (p *NodePool) Cycles() bool {
	return p.MaxSurge != "" || p.MaxUnavailable != "" || p.CycleBy == BootVolume
}

// Steps returns how many nodes a step of cycling adds, and how many may be missing, as numbers or percentages. Surge is
// empty for cycling by boot volume.
func (p *NodePool) Steps() (surge, unavailable string) {
	if p.CycleBy == BootVolume {
		return "", cmp.Or(p.MaxUnavailable, DefaultUnavailableByBootVolume)
	}
	return cmp.Or(p.MaxSurge, DefaultSurge), cmp.Or(p.MaxUnavailable, DefaultUnavailable)
}

// Most returns the largest number of nodes that the pool has while it cycles.
func (p *NodePool) Most() int {
	if !p.Cycles() {
		return p.Largest()
	}
	surge, _ := p.Steps()
	return p.Largest() + nodes(surge, p.Largest())
}

// nodes reads a number of nodes, or a percentage of size, which is rounded up.
func nodes(text string, size int) int {
	number, isPercent := strings.CutSuffix(text, "%")
	n, _ := strconv.Atoi(number)
	if isPercent {
		return (size*n + 99) / 100
	}
	return n
}

func (p *NodePool) validateCycling(list *problem.List, key string, kind Type) {
	surgeKey, unavailableKey, byKey := key+".maxSurge", key+".maxUnavailable", key+".cycleBy"
	surge, unavailable := p.Steps()
	switch {
	case kind == Basic:
		for _, c := range []struct {
			key string
			set bool
		}{{surgeKey, p.MaxSurge != ""}, {unavailableKey, p.MaxUnavailable != ""}, {byKey, p.CycleBy == BootVolume}} {
			if c.set {
				list.Add(c.key, "needs clusterType enhanced: a basic cluster does not cycle nodes").DependsOn("clusterType")
			}
		}
	case p.CycleBy == BootVolume && p.MaxSurge != "":
		list.Add(surgeKey, "adds nodes, which cycling by boot volume does not: leave it out, and set maxUnavailable").
			DependsOn(byKey)
	case p.CycleBy == BootVolume && nodes(unavailable, maxNodes) == 0:
		list.Add(unavailableKey, "no node can get a new boot volume while it is 0: set it to 1 or more").DependsOn(byKey)
	case p.CycleBy != BootVolume && p.Cycles() && nodes(surge, maxNodes) == 0 && nodes(unavailable, maxNodes) == 0:
		list.Add(surgeKey, "no node can be replaced while maxUnavailable is 0 too: set one of the two to 1 or more").
			DependsOn(unavailableKey)
	}
	p.checkSteps(list, key)
}

// checkSteps adds numbers of nodes that the pool never has: "do not specify a number greater than the value of Node
// count" (Oracle documentation, "Performing an In-Place Worker Node Update by Cycling an Existing Node Pool", copy of
// March 2025, read 2026-11-29). A parked pool may have a step of one node, and one that an autoscaler of the user's
// resizes any number.
func (p *NodePool) checkSteps(list *problem.List, key string) {
	most := max(p.Largest(), 1)
	if p.Autoscaled {
		most = maxNodes
	}
	p.refuseSteps(list, key, most, "the pool can have")
}

// checkStepsNow adds numbers of nodes above those of a pool that an autoscaler resizes: above its first ones, or above
// those that are left of a running pool if the update changes its nodes or the numbers. Another image that the program
// chooses is not seen: only the state knows it.
func (p *NodePool) checkStepsNow(list *problem.List, key string, now RunningPool, version string) {
	if !p.Resized() || !p.Cycles() {
		return
	}
	if now.Version == "" {
		p.refuseSteps(list, key, max(p.Size, 1), "the pool begins with")
		return
	}
	now.NodeVersions = nil // nodes that an update has left behind are no change
	surge, unavailable := p.Steps()
	fields := slices.Concat(p.newInstances(now), p.newBootVolumes(now, version), changed(
		change{"maxSurge", now.MaxSurge != "" && surge != now.MaxSurge},
		change{"maxUnavailable", now.MaxUnavailable != "" && unavailable != now.MaxUnavailable},
	))
	if len(fields) > 0 {
		p.refuseSteps(list, key, max(now.Size, 1), "the autoscaler has left of the pool, and the update changes "+
			strings.Join(fields, ", "))
	}
}

// refuseSteps adds numbers of nodes above most, which is what the pool has. Percentages pass.
func (p *NodePool) refuseSteps(list *problem.List, key string, most int, has string) {
	for _, step := range []struct{ field, text string }{
		{"maxSurge", p.MaxSurge}, {"maxUnavailable", p.MaxUnavailable},
	} {
		if n, err := strconv.Atoi(step.text); err == nil && n > most {
			list.Add(key+"."+step.field, "%d nodes are more than the %d that %s: set a smaller number, or a percentage such as "+
				"50%%, which is rounded up", n, most, has).DependsOn(key+".size", key+".maxSize", key+".autoscaled").
				Invalidates(key + "." + step.field)
		}
	}
}

// checkCycling adds a change that the nodes of a pool can only get on new instances, where the pool cycles by boot
// volume: OKE fails for nodes that need more than a new boot volume brings (SDK 65.129, CycleMode).
func (p *NodePool) checkCycling(list *problem.List, key string, now RunningPool) {
	if p.CycleBy != BootVolume || now.Version == "" {
		return
	}
	for _, field := range p.newInstances(now) {
		list.Add(key+".cycleBy", "a change of %s needs new instances, and boot-volume keeps them: set instance for this "+
			"update. New nodes may be in other availability domains than the volumes of Pods", field)
	}
}

// change is a field of a node pool, and whether an update changes it.
type change struct {
	field   string
	changes bool
}

// newInstances returns the fields that an update of a running pool changes, and that only new instances get.
func (p *NodePool) newInstances(now RunningPool) []string {
	return changed(
		change{"shape", p.Shape != now.Shape},
		change{"ocpus", now.OCPUs != 0 && p.OCPUs != 0 && p.OCPUs != now.OCPUs},
		change{"memoryGb", now.MemoryGB != 0 && p.MemoryGB != 0 && p.MemoryGB != now.MemoryGB},
		change{"labels", now.Labels != nil && !maps.Equal(p.Labels, now.Labels)},
	)
}

// newBootVolumes returns the fields that an update to a version changes for nodes, and that new boot volumes bring, too
// (Oracle documentation, "Updating Worker Nodes in an Existing Node Pool by Replacing Boot Volumes", read 2026-11-29).
// An image that the program has chosen is not among them: the state keeps it.
func (p *NodePool) newBootVolumes(now RunningPool, version string) []string {
	older := func(node string) bool { return node != version }
	taints, cloudInit, script := p.newUserData(now.UserData)
	return changed(
		change{"kubernetesVersion", version != now.Version || slices.ContainsFunc(now.NodeVersions, older)},
		change{"imageId", p.ImageID != "" && p.ImageID != now.ImageID},
		change{"bootVolumeGb", now.BootVolumeGB != 0 && p.BootVolumeGB != now.BootVolumeGB},
		change{"bootVolumeKmsKeyId", p.BootVolumeKMSKeyID != now.BootVolumeKMSKeyID},
		change{"taints", taints},
		change{"cloudInit", cloudInit},
		change{ownScript, script},
		change{"sshPublicKey", p.SSHPublicKey != now.SSHPublicKey},
	)
}

// ownScript stands for the program's script in a pool's user_data, which is not a field.
const ownScript = "the program's own script for nodes"

func changed(list ...change) (fields []string) {
	for _, c := range list {
		if c.changes {
			fields = append(fields, c.field)
		}
	}
	return fields
}
