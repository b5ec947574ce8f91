package node

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"oke-guestbook/local/dataplane/worker/runc"
)

// cgroupDir is where control groups are mounted.
const cgroupDir = "/sys/fs/cgroup"

// What of the machine is there on a node, read-only: programs, and what they need. A Pod that mounts a path of its node
// sees neither the rest of the machine nor can it change anything there.
var (
	programs = []string{"bin", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "sbin", "usr"}
	settings = []string{
		"alternatives", "ca-certificates", "group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "nsswitch.conf",
		"os-release", "passwd", "pki", "protocols", "services", "ssl",
	}
)

// enter joins the node's control groups, makes its root file system, and becomes node-init. Dir is the node's
// directory, init and agents are the executables that run containerd and the kubelet.
func enter(dir, init, agents string) error {
	spec, err := ReadSpec(filepath.Join(dir, specFile))
	if err != nil {
		return err
	}
	// The namespace of control groups is that of this thread, which therefore also replaces the process.
	runtime.LockOSThread()
	groups, err := joinCgroups(spec.Cgroup, spec.MemoryBytes)
	if err != nil {
		return fmt.Errorf("control groups: %w", err)
	}
	executables := map[string]string{
		Name: init, "containerd": init, "containerd-shim-runc-v2": init, "podnet": init,
		"kubelet": agents, "kube-proxy": agents, "nft": spec.Nft, "runc": spec.Runtime,
	}
	if spec.Cgroup == "" {
		executables[runc.Name], executables[runc.RealName] = init, spec.Runtime
	}
	if err := makeRoot(dir, spec.Volumes, executables, groups); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	self := filepath.Join(BinDir, Name)
	return fmt.Errorf("start %s: %w", self, unix.Exec(self, []string{self, initArg}, os.Environ()))
}

// makeRoot makes the node's root file system, and changes to it. What is written there goes to memory, or to dir.
func makeRoot(dir, volumes string, executables map[string]string, groups hierarchies) error {
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE); err != nil {
		return err
	}
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := mount("tmpfs", root, "tmpfs", 0); err != nil {
		return err
	}
	for _, name := range []string{
		"etc", "home", "media", "mnt", "opt", "root", "run/containerd", CNIConfDir, "srv", "var/tmp",
	} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink("/run", filepath.Join(root, "var/run")); err != nil {
		return err
	}
	if err := bindMachine(root); err != nil {
		return err
	}
	for target, source := range map[string]string{Dir: "", kubeletDir: "kubelet", logDir: "log"} {
		if err := bind(filepath.Join(dir, source), filepath.Join(root, target), 0, 0); err != nil {
			return err
		}
	}
	if volumes != "" {
		if err := bind(volumes, filepath.Join(root, volumesDir), 0, 0); err != nil {
			return err
		}
	}
	for name, path := range executables {
		if err := bind(path, filepath.Join(root, BinDir, name), 0, unix.MOUNT_ATTR_RDONLY); err != nil {
			return err
		}
	}
	if err := bind("/dev", filepath.Join(root, "dev"), unix.MS_REC, 0); err != nil {
		return err
	}
	if err := mountKernel(root, groups); err != nil {
		return err
	}
	if err := pivot(root); err != nil {
		return err
	}
	return protectSettings()
}

// bindMachine mounts what a node has of the machine.
func bindMachine(root string) error {
	var paths []string
	for _, name := range programs {
		paths = append(paths, "/"+name)
	}
	for _, name := range settings {
		paths = append(paths, "/etc/"+name)
	}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil {
			continue // this distribution does not have it
		}
		target := filepath.Join(root, path)
		if info.Mode()&os.ModeSymlink == 0 {
			err = bind(path, target, unix.MS_REC, unix.MOUNT_ATTR_RDONLY)
		} else if to, readErr := os.Readlink(path); readErr != nil {
			err = readErr
		} else {
			err = os.Symlink(to, target)
		}
		if err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(root, "etc/hosts"), []byte("127.0.0.1 localhost\n"), 0o644)
}

// pivot makes a directory the root, without the old one.
func pivot(root string) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change the root to %s: %w", root, err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the machine's root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	// Mounts in volumes must propagate to the containers that ask for it.
	return mount("", "/", "", unix.MS_REC|unix.MS_SHARED)
}

// kernelSettings are those that a kubelet sets, for the whole machine, unless they are as it wants them
// (setupKernelTunables in pkg/kubelet/cm of Kubernetes 1.36).
var kernelSettings = map[string]string{
	"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
	"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
}

// showKernelSettings puts files with the values that the kubelet wants over the kernel's.
func showKernelSettings() error {
	for name, value := range kernelSettings {
		target, file := filepath.Join("/proc/sys", name), filepath.Join("/run/sysctl", name)
		if _, err := os.Stat(target); err != nil {
			continue // not every kernel has it
		}
		if err := makeTarget(file, false); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := mount(file, target, "", unix.MS_BIND); err != nil {
			return err
		}
	}
	return nil
}

// mountKernel mounts the file systems of the kernel below a directory. In a user namespace that is only possible while
// the machine's are to be seen.
func mountKernel(root string, groups hierarchies) error {
	for _, m := range []struct {
		path, kind string
		flags      uintptr
	}{
		{"proc", "proc", 0},
		{"sys", "sysfs", unix.MS_RDONLY},
		{"tmp", "tmpfs", 0},
	} {
		target := filepath.Join(root, m.path)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := mount(m.kind, target, m.kind, m.flags|unix.MS_NOSUID|unix.MS_NODEV); err != nil {
			return err
		}
	}
	target := filepath.Join(root, cgroupDir)
	if groups == nil {
		// Programs look for it, although there is nothing that they may do.
		return mount(cgroupDir, target, "", unix.MS_BIND|unix.MS_REC)
	}
	if err := groups.mount(target); err != nil {
		return fmt.Errorf("control groups: %w", err)
	}
	return nil
}

// protectSettings makes the kernel's settings read-only, except the network namespace's own.
func protectSettings() error {
	paths, err := filepath.Glob("/proc/sys/*")
	if err != nil {
		return err
	}
	if err := showKernelSettings(); err != nil {
		return err
	}
	for _, path := range append(paths, "/proc/sysrq-trigger") {
		if _, err := os.Stat(path); err != nil || path == "/proc/sys/net" {
			continue // not every kernel has sysrq
		}
		if err := bind(path, path, unix.MS_REC, unix.MOUNT_ATTR_RDONLY); err != nil {
			return err
		}
	}
	return nil
}

// bind mounts a file or directory, also at a target that does not exist yet. Flags are 0 or MS_REC, for all that is
// mounted below it, too.
func bind(source, target string, flags uintptr, attributes uint64) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if source != target {
		if err := makeTarget(target, info.IsDir()); err != nil {
			return err
		}
	}
	if err := mount(source, target, "", unix.MS_BIND|flags); err != nil {
		return err
	}
	if attributes == 0 {
		return nil
	}
	attr := &unix.MountAttr{Attr_set: attributes}
	if err := unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_RECURSIVE, attr); err != nil {
		return fmt.Errorf("make %s read-only, which needs Linux 5.12: %w", target, err)
	}
	return nil
}

// makeTarget makes a directory or an empty file.
func makeTarget(path string, dir bool) error {
	if dir {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, nil, 0o644)
}

func mount(source, target, kind string, flags uintptr) error {
	if err := unix.Mount(source, target, kind, flags, ""); err != nil {
		return fmt.Errorf("mount %s %s on %s: %w", kind, source, target, err)
	}
	return nil
}
