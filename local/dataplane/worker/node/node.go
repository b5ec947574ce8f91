// Package node is the first process of a node: it makes the node's file systems and control groups, starts containerd,
// kubelet and kube-proxy, and takes commands from the process that started it. When that process ends, so does it, and
// with it all that runs on the node.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/rpc"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/dataplane/volume"
	"oke-guestbook/local/dataplane/worker/podnet"
	"oke-guestbook/local/supervise"
)

// Name is the name of this package's process.
const Name = "node"

// initArg is its argument once the file systems are made.
const initArg = "init"

// Service is the name under which the node's methods are called.
const Service = "Node"

// socketTimeout is how long containerd may take to start, with all other nodes of a large cluster at the same time.
const socketTimeout = 30 * time.Second

// control is the descriptor of the connection to the process that started this one.
const control = 3

// Main runs the first process of a node and returns the exit status. Args are the node's directory, the executable that
// runs containerd, and the one that runs the kubelet.
func Main(args []string) int {
	err := fmt.Errorf("want 3 arguments, got %q", args)
	switch {
	case len(args) == 3:
		err = enter(args[0], args[1], args[2]) // returns only an error
	case len(args) == 1 && args[0] == initArg:
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		return 1
	}
	return 0
}

// run starts the node's processes and serves commands until the connection ends.
func run() error {
	spec, err := ReadSpec(filepath.Join(Dir, specFile))
	if err != nil {
		return err
	}
	file := os.NewFile(control, "control")
	conn, err := net.FileConn(file)
	if err != nil {
		return fmt.Errorf("this process is started by package worker only: %w", err)
	}
	if err := file.Close(); err != nil {
		return err
	}
	go reap()
	if spec.Volumes != "" {
		go serveVolumes(spec)
	}
	n := &Node{spec: spec, processes: spec.supervised()}
	for _, p := range n.processes {
		p.Start()
		if p.Name != containerdName {
			continue
		}
		// The kubelet ends if it is too early.
		if err := waitForSocket(ContainerdSocket); err != nil {
			return fmt.Errorf("%w; %s", err, p.LogEnd())
		}
	}
	server := rpc.NewServer()
	if err := server.RegisterName(Service, n); err != nil {
		return err
	}
	server.ServeConn(conn)
	return nil // the kernel ends all processes of the node
}

// serveVolumes runs the driver for block volumes as long as the node.
func serveVolumes(spec Spec) {
	err := volume.Serve(context.Background(), volume.Options{
		NodeName: spec.Hostname, Zone: spec.Zone, Dir: volumesDir, KubeletDir: kubeletDir,
		Loop: !machine.InUserNamespace(), Log: slog.Default(),
	})
	slog.Error("Pods on this node cannot mount block volumes any more", "error", err)
}

// waitForSocket waits until a UNIX socket takes connections.
func waitForSocket(path string) error {
	err := wait.PollUntilContextTimeout(context.Background(), 20*time.Millisecond, socketTimeout, true,
		func(context.Context) (bool, error) {
			conn, err := net.Dial("unix", path)
			if err != nil {
				return false, nil
			}
			return true, conn.Close()
		})
	if wait.Interrupted(err) {
		return fmt.Errorf("nothing listens at %s after %s", path, socketTimeout)
	}
	return err
}

// Node has the methods that are called over the connection.
type Node struct {
	spec      Spec
	processes []*supervise.Process

	mu sync.Mutex // one change at a time
}

// Update sets up the Pod network.
func (n *Node) Update(network podnet.Network, _ *struct{}) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	address, err := netip.ParseAddr(n.spec.Address)
	if err != nil {
		return err
	}
	return podnet.Apply(address, network, CNIConfDir, filepath.Join(Dir, "cni"))
}

// Status describes the processes, with process ids of the node.
func (n *Node) Status(_ struct{}, all *[]supervise.Status) error {
	for _, p := range n.processes {
		*all = append(*all, p.Status())
	}
	return nil
}

// Stop ends the agents, then gives the containers their time to end by SIGTERM, then ends containerd.
func (n *Node) Stop(struct{}, *struct{}) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var stopped sync.WaitGroup
	for _, p := range n.processes[1:] {
		stopped.Go(p.Stop)
	}
	stopped.Wait()
	terminateContainers()
	err := wait.PollUntilContextTimeout(context.Background(), 20*time.Millisecond, n.spec.ContainerGrace, true,
		func(context.Context) (bool, error) {
			left, err := containers()
			return len(left) == 0, err
		})
	n.processes[0].Stop()
	if wait.Interrupted(err) {
		return nil // what still runs is killed with this process
	}
	return err
}

// terminateContainers sends SIGTERM to the containers' processes.
func terminateContainers() {
	pids, err := containers()
	if err != nil {
		slog.Error("containers", "error", err)
	}
	for _, pid := range pids {
		if err := unix.Kill(pid, unix.SIGTERM); err != nil && !errors.Is(err, unix.ESRCH) {
			slog.Error("SIGTERM", "pid", pid, "error", err)
		}
	}
}
