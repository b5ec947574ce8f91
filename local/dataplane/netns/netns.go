// Package netns makes unnamed network namespaces and runs functions, listeners and connections in them. A namespace
// without a name leaves nothing behind: it ends with the last process, socket and descriptor that uses it.
package netns

import (
	"context"
	"fmt"
	"net"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Namespace is a network namespace. It is held by a file descriptor until Close.
type Namespace struct {
	handle netns.NsHandle
}

// New makes a namespace, in which only the loopback interface exists and is up. It needs CAP_SYS_ADMIN.
func New() (*Namespace, error) {
	var made *Namespace
	err := onOwnThread(func() error {
		// The thread ends with the goroutine, because it is not unlocked, so that nothing else runs in the namespace.
		handle, err := netns.New()
		if err != nil {
			return err
		}
		made = &Namespace{handle}
		loopback, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(loopback)
	})
	if err != nil {
		if made != nil {
			made.Close()
		}
		return nil, fmt.Errorf("new network namespace: %w", err)
	}
	return made, nil
}

// Current returns the namespace of the calling process.
func Current() (*Namespace, error) {
	handle, err := netns.Get()
	if err != nil {
		return nil, fmt.Errorf("this process's network namespace: %w", err)
	}
	return &Namespace{handle}, nil
}

// FD returns the descriptor, as netlink.LinkSetNsFd takes it.
func (n *Namespace) FD() int { return int(n.handle) }

// Path returns the namespace's file in /proc, valid in this process and its children's mount namespaces that have the
// same /proc.
func (n *Namespace) Path() string { return fmt.Sprintf("/proc/self/fd/%d", n.FD()) }

// Close releases the namespace.
func (n *Namespace) Close() error { return n.handle.Close() }

// Do runs a function in the namespace, on a thread of its own. Goroutines that the function starts run outside.
func (n *Namespace) Do(f func() error) error {
	return onOwnThread(func() error {
		if err := netns.Set(n.handle); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return f()
	})
}

// Dial connects from the namespace. Name it as the context dialer of a client; address must not need a name server.
func (n *Namespace) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = n.Do(func() error {
		// Without this, a dialer tries both families of addresses in goroutines, which run outside.
		dialer := net.Dialer{FallbackDelay: -1}
		conn, err = dialer.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens in the namespace.
func (n *Namespace) Listen(ctx context.Context, network, address string) (listener net.Listener, err error) {
	err = n.Do(func() error {
		listener, err = new(net.ListenConfig).Listen(ctx, network, address)
		return err
	})
	return listener, err
}

// Netlink returns a netlink client of the namespace. The caller closes it. It is made inside, because NewHandleAt
// returns to the thread's old namespace, which an ordinary user's process may not enter again.
func (n *Namespace) Netlink() (client *netlink.Handle, err error) {
	err = n.Do(func() error {
		client, err = netlink.NewHandle()
		return err
	})
	return client, err
}

// onOwnThread runs a function on a thread that ends with it.
func onOwnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}
