package nodes

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// neededMemory is what the local cloud takes with nodes that run Pods, and Pulumi while it runs, in bytes.
const neededMemory = 2 << 30

// A further node takes nodeMemory, without its Pods (proportional set size of its processes, as
// `go test -v -run TestOverlay ./dataplane/worker` reports it: 113 MB, 2026-11-29). The stack of a first `make up` has
// firstNodes.
const (
	nodeMemory = 110 << 20
	firstNodes = 2
)

// Available is how much memory this process may still take.
func Available() int64 { return Nodes{}.available() }

func (n Nodes) available() int64 { return min(n.machineMemory(), n.groupMemory()) }

// TooMany says that so many nodes that run Pods take more memory than was available when the local cloud began, or
// nothing.
func TooMany(count int, available int64) string {
	needed := int64(neededMemory + nodeMemory*max(0, count-firstNodes))
	if count <= firstNodes || needed <= available {
		return ""
	}
	return fmt.Sprintf("%d nodes that run Pods take %.1f GB of memory, and more with their Pods: %.1f GB were available "+
		"when the local cloud started (choose fewer nodes or end other programs; after make down, NODES=simulated)",
		count, float64(needed)/(1<<30), float64(available)/(1<<30))
}

// tooLittleMemory says that the machine has less memory to spare than the local cloud takes, if so.
func (n Nodes) tooLittleMemory() []string {
	available := n.available()
	if available >= neededMemory {
		return nil
	}
	return []string{fmt.Sprintf("memory: %.1f GB are available, 2 GB are needed (end other programs, give a container "+
		"more, or insist with NODES=real)", float64(available)/(1<<30))}
}

// read reads a file of the machine, or nothing.
func (n Nodes) read(elem ...string) string {
	text, _ := os.ReadFile(filepath.Join(append([]string{cmp.Or(n.Root, "/")}, elem...)...))
	return string(text)
}

// machineMemory is how much memory the machine has to spare. One that does not say has enough.
func (n Nodes) machineMemory() int64 {
	for line := range strings.Lines(n.read("proc/meminfo")) {
		var kB int64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kB); n == 1 {
			return kB << 10
		}
	}
	return math.MaxInt64
}

// groups are the names of a hierarchy of control groups that limits memory, by version (Linux, Documentation/
// admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst).
var groups = []struct{ controller, root, limit, usage, cache string }{
	{"", "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"},
	{"memory", "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
}

// groupMemory is how much memory the control groups of this process leave, such as a container's.
func (n Nodes) groupMemory() int64 {
	least := int64(math.MaxInt64)
	for line := range strings.Lines(n.read("proc/self/cgroup")) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(fields) < 3 {
			continue
		}
		for _, g := range groups {
			if fields[1] != g.controller {
				continue
			}
			// In a container the path may be the machine's, and only the root be there.
			for dir := filepath.Join("/", fields[2]); ; dir = filepath.Dir(dir) {
				limit, err := strconv.ParseInt(strings.TrimSpace(n.read(g.root, dir, g.limit)), 10, 64) // "max" is none
				if err == nil {
					usage, _ := strconv.ParseInt(strings.TrimSpace(n.read(g.root, dir, g.usage)), 10, 64)
					least = min(least, limit-usage+n.statistic(g.cache, g.root, dir, "memory.stat"))
				}
				if dir == "/" {
					break
				}
			}
		}
	}
	return max(0, least)
}

// statistic returns a number of a file with lines such as "inactive_file 4096", or 0.
func (n Nodes) statistic(key string, elem ...string) int64 {
	for line := range strings.Lines(n.read(elem...)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == key {
			number, _ := strconv.ParseInt(value, 10, 64)
			return number
		}
	}
	return 0
}
