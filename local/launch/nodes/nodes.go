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

// Nodes chooses the kind of nodes, and where their images come from.
type Nodes struct {
	Choice   string // NODES
	Images   string // IMAGES
	KindFile string // remembers which kind the local cloud has, and where images come from
	Out      *progress.Printer

	Probe func() []string // says what this machine lacks for nodes that run Pods; default machine.Missing
	Root  string          // directory of the files that say how much memory is available; default /
}

// Choose reports whether nodes run Pods, and prints it. A local cloud keeps the kind of nodes that it began with. With
// NODES=auto nodes run Pods where the machine has all that they need; else it says what is missing.
func (n Nodes) Choose() (runPods bool, err error) {
	began, images, err := n.began()
	if err != nil {
		return false, err
	}
	const keeps = "%s=%s: this local cloud began with %[1]s=%[3]s and keeps its nodes until `make down`"
	kind := n.Choice
	if began != "" {
		if kind != environment.Auto && kind != began {
			return false, fmt.Errorf(keeps, "NODES", kind, began)
		}
		if began == environment.Real && n.Images != environment.Auto && n.Images != images {
			return false, fmt.Errorf(keeps, "IMAGES", n.Images, images)
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
	lacks := "this machine lacks: " + strings.Join(missing, "; ")
	switch {
	case len(missing) == 0:
		n.Out.Printf("  nodes: they run Pods on this machine, in namespaces of their own (NODES=simulated runs none)")
		return true, nil
	case kind == environment.Auto:
		n.Out.Printf("%s; to run Pods, %s", simulated, lacks)
		return false, nil
	case began != "":
		return false, fmt.Errorf("this local cloud began with NODES=real and keeps its nodes until `make down`; %s", lacks)
	}
	return false, fmt.Errorf("NODES=real: %s; or use NODES=simulated, which runs no Pods", lacks)
}

// began returns the kind of nodes that the local cloud began with, and where their images come from. Both are "" if it
// does not exist.
func (n Nodes) began() (kind, images string, err error) {
	text, err := os.ReadFile(n.KindFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	fields := strings.Fields(string(text))
	switch len(fields) {
	case 0:
		return "", "", nil
	case 1:
		return fields[0], environment.Auto, nil
	}
	return fields[0], fields[1], nil
}

func (n Nodes) missing() []string {
	if n.Probe == nil {
		return machine.Missing()
	}
	return n.Probe()
}

// Kind reports whether nodes run Pods in the local cloud that exists.
func (n Nodes) Kind() (runPods bool) {
	began, _, _ := n.began() // without the file they do not
	return began == environment.Real
}

// Source says where images come from: as before, or as is wanted for a local cloud that does not exist.
func (n Nodes) Source() string {
	_, images, _ := n.began()
	return cmp.Or(images, n.Images, environment.Auto)
}

// Remember makes later commands choose the same kind. It is for when the local cloud begins.
func (n Nodes) Remember(runPods bool) error {
	kind := environment.Simulated
	if runPods {
		kind = environment.Real
	}
	return os.WriteFile(n.KindFile, []byte(kind+" "+n.Source()+"\n"), 0o644)
}

// Forget lets the next local cloud choose again.
func (n Nodes) Forget() error { return os.RemoveAll(n.KindFile) }
