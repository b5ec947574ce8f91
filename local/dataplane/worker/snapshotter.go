package worker

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"oke-guestbook/local/dataplane/machine"
)

// snapshotter returns the containerd plugin that keeps images and containers in a directory: overlayfs, or where its
// file system is none on which overlays can be, as in a container, copies.
func snapshotter(dir string) string {
	if err := inMountNamespace(func() error { return machine.TryOverlay(dir) }); err != nil {
		return "native"
	}
	return "overlayfs"
}

// inMountNamespace runs a function on a thread with a mount namespace of its own. Both end with it.
func inMountNamespace(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			done <- fmt.Errorf("mount namespace: %w", err)
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			done <- fmt.Errorf("keep mounts apart from others: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}
