package node

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// claimed is the group that Claim makes.
const claimed = "localcloud"

// hierarchy is a mounted hierarchy of control groups: the one of version 2, or one of version 1.
type hierarchy struct {
	path    string // where this process may make groups: where it is mounted, or below
	v2      bool
	options string // of version 1: the controllers, as in "cpu,cpuacct" or "none,name=systemd"
}

type hierarchies []hierarchy

// findCgroups returns the machine's hierarchies. If there are any of version 1, that of version 2 has no controllers
// that matter, and runtimes do without it.
func findCgroups() (hierarchies, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return nil, err
	}
	var v1, v2 hierarchies
	for _, m := range mounts {
		if m.FSType == "cgroup2" {
			v2 = append(v2, hierarchy{path: m.Mountpoint, v2: true})
			continue
		}
		options := controllers(m.VFSOptions)
		known := slices.ContainsFunc(v1, func(h hierarchy) bool { return h.options == options })
		if !known {
			v1 = append(v1, hierarchy{path: m.Mountpoint, options: options})
		}
	}
	switch {
	case len(v1) > 0:
		return v1, nil
	case len(v2) > 0:
		return v2[:1], nil
	}
	return nil, errors.New("none are mounted")
}

// usable returns the hierarchies in which this process may make groups: the machine's, or the part of that of version 2
// that Claim found; nil if there are none.
func usable() hierarchies {
	all, err := findCgroups()
	if err != nil {
		return nil
	}
	if !slices.ContainsFunc(all, func(h hierarchy) bool { return !h.mayDivide() }) {
		return all
	}
	own, parent, ok := all.ownGroup()
	if below := (hierarchy{path: parent, v2: true}); ok && filepath.Base(own) == claimed && below.mayDivide() {
		return hierarchies{below}
	}
	return nil
}

// neededControllers are those of version 2 without which runc cannot set the limits of Pods. Systemd gives them all to
// users from version 252 on; earlier ones keep cpu, unless user@.service has Delegate=cpu memory pids.
var neededControllers = []string{"cpu", "memory", "pids"}

// mayDivide reports whether this process may make groups, with the controllers that Pods need.
func (h hierarchy) mayDivide() bool {
	if unix.Access(h.path, unix.W_OK) != nil {
		return false
	}
	if !h.v2 {
		return true
	}
	has, err := os.ReadFile(filepath.Join(h.path, "cgroup.controllers"))
	return err == nil && !slices.ContainsFunc(neededControllers, func(name string) bool {
		return !slices.Contains(strings.Fields(string(has)), name)
	})
}

// ownGroup returns the directories of this process's group of version 2, and of the one above.
func (all hierarchies) ownGroup() (own, parent string, ok bool) {
	if !all[0].v2 {
		return "", "", false
	}
	text, err := os.ReadFile("/proc/self/cgroup") // "0::/user.slice/user-1000.slice/..."
	_, path, found := strings.Cut(strings.TrimSpace(string(text)), "::")
	if err != nil || !found {
		return "", "", false
	}
	own = filepath.Join(all[0].path, path)
	return own, filepath.Dir(own), true
}

// HaveCgroups reports whether nodes have control groups. Without them, Pods have no limits, and nothing measures them.
func HaveCgroups() bool { return usable() != nil }

// Claim makes room for nodes' control groups beside this process, if this process is alone in a group that its user may
// divide: one of systemd with Delegate=yes (systemd.resource-control(5)). Groups that have controllers for groups below
// them cannot have processes, so it moves down one level.
func Claim() error {
	if HaveCgroups() {
		return nil
	}
	all, err := findCgroups()
	if err != nil {
		return nil // then nodes have none
	}
	own, _, ok := all.ownGroup()
	if !ok || unix.Access(own, unix.W_OK) != nil {
		return nil
	}
	processes, err := os.ReadFile(filepath.Join(own, "cgroup.procs"))
	if err != nil || strings.TrimSpace(string(processes)) != strconv.Itoa(os.Getpid()) {
		return err
	}
	dir := filepath.Join(own, claimed)
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return join(dir)
}

// controllers picks the controllers from the options of a mount of version 1.
func controllers(options string) string {
	var names []string
	for _, o := range strings.Split(options, ",") {
		switch {
		case strings.HasPrefix(o, "name="):
			return "none," + o
		case o == "rw", o == "ro", o == "xattr", o == "noprefix", o == "clone_children", strings.Contains(o, "="):
		default:
			names = append(names, o)
		}
	}
	return strings.Join(names, ",")
}

// joinCgroups makes a control group in every hierarchy and moves this process there, and into a namespace of control
// groups of which it is the root. Together, what is in it can have so many bytes of memory, 0 for any number. Without a
// group it does nothing.
func joinCgroups(group string, memory int64) (hierarchies, error) {
	if group == "" {
		return nil, nil
	}
	all := usable()
	if all == nil {
		return nil, errors.New("this process may make none any more")
	}
	for _, h := range all {
		if err := h.make(group); err != nil {
			return nil, err
		}
		if err := h.limitMemory(group, memory); err != nil {
			return nil, err
		}
		if err := join(filepath.Join(h.path, group)); err != nil {
			return nil, err
		}
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return nil, fmt.Errorf("namespace: %w", err)
	}
	if !all[0].v2 {
		return all, nil
	}
	// A group of version 2 that has controllers for its children must not have processes.
	root := filepath.Join(all[0].path, group)
	leaf := filepath.Join(root, "init")
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	if err := join(leaf); err != nil {
		return nil, err
	}
	return all, enableControllers(root)
}

func join(dir string) error { return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0) }

// make makes a group, and those above it.
func (h hierarchy) make(group string) error {
	if h.v2 {
		unlock, err := h.lock()
		if err != nil {
			return err
		}
		defer unlock()
		if err := h.divide(); err != nil {
			return err
		}
	}
	dir := h.path
	for _, name := range strings.Split(strings.Trim(group, "/"), "/") {
		if h.v2 && dir != h.path {
			if err := enableControllers(dir); err != nil {
				return err
			}
		}
		parent := dir
		dir = filepath.Join(dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if slices.Contains(strings.Split(h.options, ","), "cpuset") {
			// A new group has none of either, and no process may join it.
			if err := errors.Join(inherit(parent, dir, "cpuset.cpus"), inherit(parent, dir, "cpuset.mems")); err != nil {
				return err
			}
		}
	}
	return nil
}

// limitMemory limits the memory of a group, caches of files included: without a limit of the node's, they would grow as
// far as the machine has memory, and count as used. The kubelet's limit of all Pods is below it.
func (h hierarchy) limitMemory(group string, limit int64) error {
	file := "memory.max"
	if !h.v2 {
		file = "memory.limit_in_bytes"
	}
	holdsMemory := h.v2 || slices.Contains(strings.Split(h.options, ","), "memory")
	if !holdsMemory || limit == 0 {
		return nil
	}
	return os.WriteFile(filepath.Join(h.path, group, file), []byte(strconv.FormatInt(limit, 10)), 0)
}

// inherit copies a group's setting from the one above it.
func inherit(parent, dir, file string) error {
	data, err := os.ReadFile(filepath.Join(parent, file))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, file), data, 0)
}

// wantedControllers are those of version 2 that kubelet and runc use.
var wantedControllers = []string{"cpu", "cpuset", "hugetlb", "io", "memory", "pids"}

// missingControllers returns those of the wanted controllers that a group of version 2 has, and those below it lack.
func missingControllers(dir string) (names []string, err error) {
	has, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return nil, err
	}
	given, err := os.ReadFile(filepath.Join(dir, subtreeControl))
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Fields(string(has)) {
		if slices.Contains(wantedControllers, name) && !slices.Contains(strings.Fields(string(given)), name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// subtreeControl is the file of a group of version 2 with the controllers of those below.
const subtreeControl = "cgroup.subtree_control"

// enableControllers gives the children of a group of version 2 those of the wanted controllers that the group has.
func enableControllers(dir string) error {
	names, err := missingControllers(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, subtreeControl), []byte("+"+name), 0); err != nil {
			return fmt.Errorf("enable controller %s: %w", name, err)
		}
	}
	return nil
}

// moveProcesses moves the processes of a group of version 2 to another one.
func moveProcesses(dir, to string) error {
	const rounds = 100 // processes start others meanwhile
	for range rounds {
		processes, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			return err
		}
		if len(processes) == 0 {
			return nil
		}
		for _, pid := range bytes.Fields(processes) {
			err := os.WriteFile(filepath.Join(to, "cgroup.procs"), pid, 0)
			if err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("move process %s out of control group %s: %w", pid, dir, err)
			}
		}
	}
	return fmt.Errorf("control group %s: new processes keep coming", dir)
}

// mount mounts the hierarchies as this process's namespace sees them.
func (all hierarchies) mount(target string) error {
	if all[0].v2 {
		return mount("cgroup", target, "cgroup2", 0)
	}
	if err := mount("cgroup", target, "tmpfs", 0); err != nil {
		return err
	}
	for _, h := range all {
		base := filepath.Base(h.path)
		dir := filepath.Join(target, base)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("cgroup", dir, "cgroup", 0, h.options); err != nil {
			return fmt.Errorf("mount %s on %s: %w", h.options, dir, err)
		}
		for _, name := range strings.Split(base, ",") {
			if name == base {
				continue
			}
			if err := os.Symlink(base, filepath.Join(target, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// RemoveCgroups removes a control group with all below it from every hierarchy, which is no error if it does not exist.
// It fails while processes are in one of them.
func RemoveCgroups(group string) error {
	var errs []error
	for _, h := range usable() {
		errs = append(errs, h.remove(group))
	}
	return errors.Join(errs...)
}

func (h hierarchy) remove(group string) error {
	if err := removeTree(filepath.Join(h.path, group)); err != nil || !h.v2 {
		return err
	}
	unlock, err := h.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return h.restore()
}

// removeTree removes the directories of a tree. The files of control groups cannot be removed.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return unix.Rmdir(dir)
}
