package node

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// hierarchy is a mounted hierarchy of control groups: the one of version 2, or one of version 1.
type hierarchy struct {
	path    string // where it is mounted
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
// groups of which it is the root.
func joinCgroups(group string) (hierarchies, error) {
	all, err := findCgroups()
	if err != nil {
		return nil, err
	}
	for _, h := range all {
		if err := h.make(group); err != nil {
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
	dir := h.path
	for _, name := range strings.Split(strings.Trim(group, "/"), "/") {
		if h.v2 {
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

// inherit copies a group's setting from the one above it.
func inherit(parent, dir, file string) error {
	data, err := os.ReadFile(filepath.Join(parent, file))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, file), data, 0)
}

// enableControllers gives the children of a group of version 2 all controllers that the group has.
func enableControllers(dir string) error {
	names, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, name := range bytes.Fields(names) {
		err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), append([]byte("+"), name...), 0)
		if err != nil {
			return fmt.Errorf("enable controller %s: %w", name, err)
		}
	}
	return nil
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
	all, err := findCgroups()
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range all {
		errs = append(errs, removeTree(filepath.Join(h.path, group)))
	}
	return errors.Join(errs...)
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

// CheckCgroups reports whether control groups can be made in every hierarchy.
func CheckCgroups() error {
	all, err := findCgroups()
	if err != nil {
		return err
	}
	for _, h := range all {
		if err := unix.Access(h.path, unix.W_OK); err != nil {
			return fmt.Errorf("%s: %w", h.path, err)
		}
	}
	return nil
}
