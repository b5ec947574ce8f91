// Package nodes chooses whether the local cloud's nodes run Pods on this machine, or are simulated.
package nodes

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/launch/progress"
)

// Nodes chooses the kind of nodes.
type Nodes struct {
	Choice   string // NODES
	KindFile string // remembers which kind the local cloud has
	Out      *progress.Printer

	Probe      func() []string // says what this machine lacks for nodes that run Pods; default machine.Missing
	MemoryFile string          // how much memory is available; default /proc/meminfo
}

// Choose reports whether nodes run Pods, and prints it. A local cloud keeps the kind of nodes that it began with. With
// NODES=auto nodes run Pods where the machine has all that they need; else it says what is missing.
func (n Nodes) Choose() (runPods bool, err error) {
	kind := n.Choice
	before, err := os.ReadFile(n.KindFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if began := strings.TrimSpace(string(before)); began != "" {
		if kind != environment.Auto && kind != began {
			return false, fmt.Errorf("NODES=%s: this local cloud began with NODES=%s and keeps its nodes until `make down`",
				kind, began)
		}
		kind = began
	}
	const simulated = "  nodes: simulated, so that no container runs"
	if kind == environment.Simulated {
		n.Out.Printf(simulated)
		return false, nil
	}
	missing := n.missing()
	if kind == environment.Auto {
		missing = append(missing, n.tooLittleMemory()...)
	}
	switch {
	case len(missing) == 0:
		n.Out.Printf("  nodes: they run Pods on this machine, in namespaces of their own (NODES=simulated runs none)")
		return true, nil
	case kind == environment.Auto:
		n.Out.Printf("%s; to run Pods, this machine lacks: %s", simulated, strings.Join(missing, "; "))
		return false, nil
	}
	return false, fmt.Errorf("NODES=real: this machine lacks: %s; or use NODES=simulated, which runs no Pods",
		strings.Join(missing, "; "))
}

func (n Nodes) missing() []string {
	if n.Probe == nil {
		return machine.Missing()
	}
	return n.Probe()
}

// neededMemory is what the local cloud takes with nodes that run Pods, and Pulumi while it runs, in kB.
const neededMemory = 2 << 20

// tooLittleMemory says that the machine has less memory to spare than the local cloud takes, if so.
func (n Nodes) tooLittleMemory() []string {
	text, err := os.ReadFile(cmp.Or(n.MemoryFile, "/proc/meminfo"))
	if err != nil {
		return nil // the machine does not say
	}
	for line := range strings.Lines(string(text)) {
		var available int
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &available); n == 1 && available < neededMemory {
			return []string{fmt.Sprintf("memory: %.1f GB are available, 2 GB are needed (end other programs, or insist with "+
				"NODES=real)", float64(available)/(1<<20))}
		}
	}
	return nil
}

// Kind reports whether nodes run Pods in the local cloud that exists.
func (n Nodes) Kind() (runPods bool) {
	began, _ := os.ReadFile(n.KindFile) // without the file they do not
	return strings.TrimSpace(string(began)) == environment.Real
}

// Remember makes later commands choose the same kind. It is for when the local cloud begins.
func (n Nodes) Remember(runPods bool) error {
	kind := environment.Simulated
	if runPods {
		kind = environment.Real
	}
	return os.WriteFile(n.KindFile, []byte(kind+"\n"), 0o644)
}

// Forget lets the next local cloud choose again.
func (n Nodes) Forget() error { return os.RemoveAll(n.KindFile) }
