package sandbox

import (
	"github.com/prometheus/procfs"

	"oke-guestbook/local/dataplane"
)

// measure adds the memory of the processes. They are all that this process sees. One that ends just now counts nothing.
func measure(status *dataplane.Status) {
	all, err := procfs.AllProcs()
	if err != nil {
		return
	}
	bytes, total := map[int]uint64{}, uint64(0)
	for _, p := range all {
		if maps, err := p.ProcSMapsRollup(); err == nil {
			bytes[p.PID] = maps.Pss
			total += maps.Pss
		}
	}
	status.MemoryMB = int(total >> 20)
	for _, n := range status.Nodes {
		for i := range n.Processes {
			n.Processes[i].MemoryMB = int(bytes[n.Processes[i].PID] >> 20)
		}
	}
}
