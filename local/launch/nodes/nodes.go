// Package nodes chooses whether the local cloud's nodes run Pods on this machine, or are simulated.
package nodes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/launch/progress"
)

// Nodes chooses the kind of nodes.
type Nodes struct {
	Choice   string // NODES
	KindFile string // remembers which kind the local cloud has
	Out      *progress.Printer
	Probe    func() []string // says what this machine lacks for nodes that run Pods; default Missing
}

// Choose reports whether nodes run Pods, and prints it. A local cloud keeps the kind of nodes that it began with.
// NODES=auto is simulated: on machines with version 2 of control groups only, nodes that run Pods have not been tried.
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
	probe := n.Probe
	if probe == nil {
		probe = Missing
	}
	if kind != environment.Real {
		n.Out.Printf("  nodes: simulated, so that no container runs%s", hint(kind, probe))
		return false, nil
	}
	if missing := probe(); len(missing) > 0 {
		return false, fmt.Errorf("NODES=real: this machine lacks %s", strings.Join(missing, "; "))
	}
	n.Out.Printf("  nodes: they run Pods on this machine, in namespaces of their own")
	return true, nil
}

// hint says whether the machine can run Pods, to a user who has not chosen the kind of nodes.
func hint(kind string, probe func() []string) string {
	if kind != environment.Auto {
		return ""
	}
	if missing := probe(); len(missing) > 0 {
		return "; NODES=real runs them, and needs here " + strings.Join(missing, "; ")
	}
	return "; make up NODES=real runs them on this machine"
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

// Missing says what this machine lacks for nodes that run Pods, each with how to get it, in a few milliseconds. The
// daemon tries more when it starts.
func Missing() []string {
	var missing []string
	for program, name := range map[string]string{"runc": "runc", "nft": "nftables"} {
		if !found(program) {
			missing = append(missing, fmt.Sprintf("the program %s (apt-get install %s)", program, name))
		}
	}
	const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC
	try := exec.Command("true")
	try.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	if err := try.Run(); err != nil {
		missing = append(missing, fmt.Sprintf("the right to make namespaces (run make as root; in a container, "+
			"give it --privileged): %v", err))
	}
	return missing
}

// found looks for a program, also where an ordinary user's PATH does not lead.
func found(program string) bool {
	for _, path := range []string{program, "/usr/local/sbin/" + program, "/usr/sbin/" + program, "/sbin/" + program} {
		if _, err := exec.LookPath(path); err == nil {
			return true
		}
	}
	return false
}
