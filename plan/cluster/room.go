package cluster

import (
	"math"
	"strings"
)

// Room is what the Pods of a node may request together.
type Room struct {
	CPUMillis int // thousandths of a CPU
	MemoryMB  int // MiB
	Pods      int
}

// Holds reports whether the room has as much of everything as other.
func (r Room) Holds(other Room) bool {
	return r.CPUMillis >= other.CPUMillis && r.MemoryMB >= other.MemoryMB && r.Pods >= other.Pods
}

// tier reserves a share of the next amount of a resource. The last tier has no limit.
type tier struct{ amount, share float64 }

// A node reserves a part of its CPUs and memory for Kubernetes, in the tiers that managed Kubernetes services use. Also
// reserved are 100 millicores and 100 MiB for the system, and 100 MiB as the kubelet's eviction threshold. Oracle
// documents no figures. Package catalog has the sums that the local cloud's nodes agree with.
var (
	cpuTiers    = []tier{{1, 0.06}, {1, 0.01}, {2, 0.005}, {1e6, 0.0025}}           // CPUs
	memoryTiers = []tier{{4, 0.25}, {4, 0.20}, {8, 0.10}, {112, 0.06}, {1e6, 0.02}} // GiB
)

// usableMemory is the share of the memory that firmware and kernel leave.
const usableMemory = 0.97

// cpus returns the CPUs of a node of the pool, and whether they are known: those of a fixed shape are not, and a bad
// one has none.
func (p *NodePool) cpus() (n float64, known bool) {
	if !flexibleShape(p.Shape) || CheckShape(p.Shape, p.OCPUs, p.MemoryGB) != nil {
		return 0, false
	}
	if strings.Contains(p.Shape, ".A1.") { // an OCPU is a core: one CPU on Ampere A1, two on all other shapes
		return p.OCPUs, true
	}
	return 2 * p.OCPUs, true
}

// Room returns what a node of the pool has for Pods, OKE's own included, and whether it is known.
func (p *NodePool) Room(podNetworkNative bool) (r Room, known bool) {
	cpus, known := p.cpus()
	if !known {
		return Room{}, false
	}
	memory := p.MemoryGB * usableMemory
	r = Room{
		CPUMillis: int(math.Round((cpus - reserved(cpus, cpuTiers) - 0.1) * 1000)),
		MemoryMB:  int((memory-reserved(memory, memoryTiers))*1024) - 200,
		Pods:      maxPodsPerNode,
	}
	if podNetworkNative {
		r.Pods = p.MaxPodsPerNode
	}
	return r, true
}

// reserved returns the part of the total that the tiers reserve.
func reserved(total float64, tiers []tier) float64 {
	var sum float64
	for _, t := range tiers {
		part := min(total, t.amount)
		sum += part * t.share
		total -= part
	}
	return sum
}

// Rooms are the rooms of the nodes that take any Pod. It returns none if not all are known.
func (s *Spec) Rooms(podNetworkNative bool) []PoolRoom {
	var rooms []PoolRoom
	for i := range s.NodePools {
		p := &s.NodePools[i]
		if !p.Open() {
			continue
		}
		room, known := p.Room(podNetworkNative)
		if !known {
			return nil
		}
		rooms = append(rooms, PoolRoom{Node: room, Nodes: p.Largest(), Shape: p.shapeName(), MemoryGB: p.MemoryGB})
	}
	return rooms
}

// PoolRoom is the room of each node of a pool.
type PoolRoom struct {
	Node     Room
	Nodes    int
	Shape    string // with its OCPUs
	MemoryGB float64
}
