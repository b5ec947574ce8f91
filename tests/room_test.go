package tests

import (
	"testing"

	"oke-guestbook/catalog"
	"oke-guestbook/plan/cluster"
)

// TestNodeRooms expects the figures that the local cloud's nodes have, too.
func TestNodeRooms(t *testing.T) {
	for _, want := range catalog.NodeRooms() {
		p := cluster.NodePool{Shape: want.Shape, OCPUs: want.OCPUs, MemoryGB: want.MemoryGB, MaxPodsPerNode: 31}
		got, known := p.Room(true)
		if !known || got != (cluster.Room{CPUMillis: want.CPUMillis, MemoryMB: want.MemoryMB, Pods: 31}) {
			t.Errorf("%s with %v OCPUs and %v GB: %+v, %t; want %+v", want.Shape, want.OCPUs, want.MemoryGB, got, known, want)
		}
	}
	p := cluster.NodePool{Shape: "BM.Standard.E5.192"}
	if room, known := p.Room(false); known {
		t.Errorf("a fixed shape: %+v", room)
	}
}
