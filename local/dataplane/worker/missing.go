package worker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/worker/node"
)

// Missing says what this machine lacks for nodes that run Pods, each with how to get it. It tries, within two tenths of
// a second, and leaves nothing behind.
func Missing() []string {
	var missing []string
	for _, probe := range []func() error{probeTool(findNft), probeTool(findRuntime), probeMounts, probeNetwork} {
		if err := probe(); err != nil {
			missing = append(missing, err.Error())
		}
	}
	return missing
}

func probeTool(find func() (string, error)) func() error {
	return func() error {
		_, err := find()
		return err
	}
}

func findNft() (string, error) {
	return find("the program nft, of the package nftables: apt install nftables", "nft")
}

func findRuntime() (string, error) {
	return find("an OCI runtime, of the package runc: apt install runc", "runc")
}

// find looks for a program, also where an ordinary user's PATH does not lead.
func find(what, name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", errors.New(what)
}

// probeNetwork makes a network namespace with what nodes have in it.
func probeNetwork() error {
	namespace, err := netns.New()
	if err != nil {
		return fmt.Errorf("the right to make network namespaces: run as root, with CAP_SYS_ADMIN and CAP_NET_ADMIN: %w", err)
	}
	defer namespace.Close()
	return namespace.Do(func() error {
		vxlan := &netlink.Vxlan{LinkAttrs: netlink.LinkAttrs{Name: "vxlan"}, VxlanId: 1, Port: 8472}
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "veth"}, PeerName: "peer"}
		for _, link := range []netlink.Link{veth, vxlan} {
			if err := netlink.LinkAdd(link); err != nil {
				return fmt.Errorf("network interfaces of type %s: modprobe %[1]s: %[2]w", link.Type(), err)
			}
		}
		nft, err := findNft()
		if err != nil {
			return nil // another probe says so
		}
		// The kinds of rules that kube-proxy and package podnet make.
		cmd := exec.Command(nft, "-f", "-")
		const rules = "table ip t { chain c { type nat hook postrouting priority 100; ct state new masquerade; }; }\n"
		cmd.Stdin = strings.NewReader(rules)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("nftables in the kernel: modprobe nf_tables nft_masq nft_ct: %w: %s", err, out)
		}
		return nil
	})
}

// probeMounts makes a mount namespace with what nodes have in it.
func probeMounts() error {
	if err := node.CheckCgroups(); err != nil {
		return fmt.Errorf("control groups that can be made: run as root: %w", err)
	}
	return inMountNamespace(func() error {
		return tryOverlay(os.TempDir(), true)
	})
}

// snapshotter returns the containerd plugin that keeps images and containers in a directory: overlayfs, or where its
// file system is none on which overlays can be, as in a container, copies.
func snapshotter(dir string) string {
	if err := inMountNamespace(func() error { return tryOverlay(dir, false) }); err != nil {
		return "native"
	}
	return "overlayfs"
}

// tryOverlay mounts an overlay in a directory, or in a file system in memory over it.
func tryOverlay(dir string, memory bool) error {
	if memory {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			return fmt.Errorf("the right to mount: run as root, with CAP_SYS_ADMIN: %w", err)
		}
	}
	base, err := os.MkdirTemp(dir, "overlay")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	var paths []any
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		path := filepath.Join(base, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		paths = append(paths, path)
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", paths[:3]...)
	if err := unix.Mount("overlay", filepath.Join(base, "merged"), "overlay", 0, options); err != nil {
		return fmt.Errorf("the file system overlay: modprobe overlay: %w", err)
	}
	return unix.Unmount(filepath.Join(base, "merged"), 0)
}

// inMountNamespace runs a function on a thread with a mount namespace of its own. Both end with it.
func inMountNamespace(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			done <- fmt.Errorf("the right to make mount namespaces: run as root, with CAP_SYS_ADMIN: %w", err)
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			done <- fmt.Errorf("the right to mount: run as root, with CAP_SYS_ADMIN: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}
