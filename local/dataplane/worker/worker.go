// Package worker runs nodes of a cluster: for each a containerd, kubelet and kube-proxy of its own, in namespaces of
// its own, on this machine.
//
// A node is one child process, the first of a PID namespace, that starts all others (package node). When it ends, or
// this process does, the kernel ends them, and the node's mounts and links with them. What the node keeps is below one
// directory.
package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"oke-guestbook/local/dataplane/worker/node"
	"oke-guestbook/local/dataplane/worker/podnet"
	"oke-guestbook/local/supervise"
)

// stopTimeout is how long Stop waits for a node to end its containers and processes.
const stopTimeout = 20 * time.Second

// Worker is a running node.
type Worker struct {
	cfg    Config
	cmd    *exec.Cmd
	client *rpc.Client
	log    string
	done   chan struct{}
	err    error // valid when done is closed
}

// Start starts a node. It returns when the node's first process has made its file systems and started the others; the
// Node is ready a second later if cfg.Pods is complete. Ctx limits the start only: the node runs until Stop, or until
// this process ends.
func Start(ctx context.Context, cfg Config) (*Worker, error) {
	if err := writeFiles(cfg); err != nil {
		return nil, fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	if err := node.RemoveCgroups(cfg.Cgroup); err != nil {
		return nil, fmt.Errorf("node %s: control groups that an earlier one has left: %w", cfg.Name, err)
	}
	w := &Worker{cfg: cfg, done: make(chan struct{}), log: filepath.Join(cfg.Dir, "logs", "node.log")}
	if err := w.launch(); err != nil {
		return nil, fmt.Errorf("node %s: %w", cfg.Name, err)
	}
	if err := w.call(ctx, "Update", cfg.Pods, &struct{}{}); err != nil {
		w.kill()
		return nil, fmt.Errorf("node %s: %w; the end of %s:\n%s", cfg.Name, err, w.log, supervise.LastLines(w.log, 15))
	}
	return w, nil
}

// launch starts the node's first process and connects to it.
func (w *Worker) launch() error {
	log, err := supervise.OpenLog(w.log)
	if err != nil {
		return err
	}
	defer log.Close()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "node"), os.NewFile(uintptr(fds[1]), "node")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return err
	}
	w.cmd = exec.Command(w.cfg.Init, node.Name, w.cfg.Dir, w.cfg.Init, w.cfg.Agents)
	w.cmd.Stdout, w.cmd.Stderr = log, log
	w.cmd.ExtraFiles = []*os.File{theirs}
	w.cmd.Env = []string{"PATH=" + node.SearchPath}
	w.cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:    true, // Ctrl-C is for the parent, which stops the node
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
	}
	if err := w.cfg.Network.Do(w.cmd.Start); err != nil {
		conn.Close()
		return err
	}
	w.client = rpc.NewClient(conn)
	go func() {
		defer close(w.done)
		defer w.client.Close()
		if w.err = w.cmd.Wait(); w.err == nil {
			w.err = errors.New("exit status 0")
		}
	}()
	return nil
}

// Update changes how Pods get addresses: the node's range, the other nodes, the interfaces for Pods. Running Pods keep
// their addresses.
func (w *Worker) Update(ctx context.Context, network podnet.Network) error {
	return w.call(ctx, "Update", network, &struct{}{})
}

// Status describes the node's processes.
func (w *Worker) Status(ctx context.Context) (Status, error) {
	s := Status{PID: w.cmd.Process.Pid}
	if err := w.call(ctx, "Status", struct{}{}, &s.Processes); err != nil {
		return Status{}, err
	}
	return s, translate(&s, w.cfg.Dir)
}

// Done is closed when the node has ended, by Stop or by itself.
func (w *Worker) Done() <-chan struct{} { return w.done }

// Err is why the node has ended by itself, after Done is closed.
func (w *Worker) Err() error {
	return fmt.Errorf("%w; the end of %s:\n%s", w.err, w.log, supervise.LastLines(w.log, 15))
}

// Stop ends the node and returns when nothing of it runs. Containers get SIGTERM first. The Node object stays.
func (w *Worker) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = w.call(ctx, "Stop", struct{}{}, &struct{}{}) // an error means that it has ended, or will be killed
	w.kill()
	_ = node.RemoveCgroups(w.cfg.Cgroup) // the next start tries again
}

func (w *Worker) kill() {
	_ = w.cmd.Process.Kill() // an error means that it has ended
	<-w.done
}

// call calls a method of the node's first process.
func (w *Worker) call(ctx context.Context, method string, args, reply any) error {
	call := w.client.Go(node.Service+"."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return call.Error
	case <-w.done:
		return fmt.Errorf("the node has ended: %w", w.err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RemoveCgroups removes what killed nodes have left of control groups: those whose Config.Cgroup is below the given
// one. It fails while such a node runs.
func RemoveCgroups(parent string) error { return node.RemoveCgroups(parent) }
