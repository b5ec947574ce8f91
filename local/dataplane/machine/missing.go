package machine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// probeVariable makes a process of this executable the one that tries what nodes need, in namespaces of its own.
const probeVariable = "LOCALCLOUD_PROBE"

// Programs that nodes need, and Debian's packages of them.
var packages = map[string]string{
	"runc": "runc", "nft": "nftables", "newuidmap": "uidmap", "newgidmap": "uidmap",
	"mkfs.ext4": "e2fsprogs", // of block volumes, for who has loop devices
}

// Missing says what this machine lacks for nodes that run Pods, each with how to get it. It tries, in about a tenth of
// a second, and leaves nothing behind.
func Missing() []string {
	missing := missingPrograms()
	var maps ids
	switch {
	case ordinaryUser():
		var err error
		if maps, err = idsOfUser(); err != nil {
			missing = append(missing, err.Error())
		}
	case !privileged():
		return append(missing, "the capabilities SYS_ADMIN and NET_ADMIN (in a container: start it with --privileged)")
	case mappedIDs() < minIDs:
		missing = append(missing, "a range of ids in this user namespace (map 65536)")
	}
	return append(missing, tryNamespaces(maps, len(missing) == 0)...)
}

// missingPrograms names all programs that are absent in one, and those that do not work.
func missingPrograms() []string {
	wanted := []string{"runc", "nft"}
	if ordinaryUser() {
		wanted = append(wanted, "newuidmap", "newgidmap")
	} else if !InUserNamespace() {
		wanted = append(wanted, "mkfs.ext4")
	}
	var broken []string
	for _, name := range []string{"runc", "nft"} {
		if path, ok := Find(name); ok {
			if out, err := exec.Command(path, "--version").CombinedOutput(); err != nil {
				broken = append(broken, fmt.Sprintf("a %s that works: %s: %v: %s (%sapt-get install --reinstall %s)",
					name, path, err, firstLine(out), sudo(), packages[name]))
			}
		}
	}
	wanted = slices.DeleteFunc(wanted, func(name string) bool {
		_, ok := Find(name)
		return ok
	})
	if len(wanted) == 0 {
		return broken
	}
	var install []string
	for _, name := range wanted {
		if !slices.Contains(install, packages[name]) {
			install = append(install, packages[name])
		}
	}
	absent := fmt.Sprintf("%s (%sapt-get install %s)", strings.Join(wanted, ", "), sudo(), strings.Join(install, " "))
	return append([]string{absent}, broken...)
}

// sudo begins a command that only root may run.
func sudo() string {
	if ordinaryUser() {
		return "sudo "
	}
	return ""
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// tryNamespaces tries what nodes need in namespaces like those of the data plane. Where a range of ids cannot be
// mapped, it maps the user alone, to find out about the rest.
func tryNamespaces(maps ids, mapRange bool) []string {
	self, err := os.Executable()
	if err != nil {
		return []string{err.Error()}
	}
	probe := exec.Command(self)
	probe.Env = append(os.Environ(), probeVariable+"=1")
	var out, failure strings.Builder
	probe.Stdout, probe.Stderr = &out, &failure
	probe.SysProcAttr = &syscall.SysProcAttr{Cloneflags: Namespaces}
	switch {
	case !ordinaryUser():
		err = probe.Start()
	case mapRange:
		err = startMapped(probe, maps.writeMaps)
	default:
		err = startMapped(probe, writeOwnMap)
	}
	if err != nil {
		return []string{whyNoNamespaces(err, readSetting)}
	}
	if err := probe.Wait(); err != nil {
		return []string{fmt.Sprintf("a process in namespaces of its own: %v: %s", err, failure.String())}
	}
	return slices.Collect(strings.FieldsFuncSeq(out.String(), func(r rune) bool { return r == '\n' }))
}

// writeOwnMap maps the user and its group to root, which needs no program.
func writeOwnMap(pid int) error {
	dir := fmt.Sprintf("/proc/%d/", pid)
	for file, text := range map[string]string{
		"setgroups": "deny", "uid_map": fmt.Sprintf("0 %d 1", os.Getuid()),
	} {
		if err := os.WriteFile(dir+file, []byte(text), 0); err != nil {
			return err
		}
	}
	return os.WriteFile(dir+"gid_map", fmt.Appendf(nil, "0 %d 1", os.Getgid()), 0)
}

// readSetting returns the text of a file of the kernel, "" if it has none.
func readSetting(path string) string {
	text, _ := os.ReadFile(path)
	return strings.TrimSpace(string(text))
}

// Settings of the kernel, and of Debian's and Ubuntu's, that keep namespaces from ordinary users.
const (
	debianClone  = "/proc/sys/kernel/unprivileged_userns_clone"
	maxUsers     = "/proc/sys/user/max_user_namespaces"
	appArmor     = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
	seccompField = "Seccomp"
)

// whyNoNamespaces says what is missing if a process cannot be started in namespaces.
func whyNoNamespaces(err error, setting func(path string) string) string {
	kind := "namespaces"
	if ordinaryUser() {
		kind = "user namespaces"
	}
	switch {
	case ordinaryUser() && setting(debianClone) == "0":
		return kind + " (sudo sysctl kernel.unprivileged_userns_clone=1)"
	case errors.Is(err, syscall.ENOSPC):
		return kind + ", of which this user may make no more (sudo sysctl user.max_user_namespaces=15000)"
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOSYS):
		return kind + " in this kernel"
	case errors.Is(err, syscall.EPERM):
		return whyForbidden(kind, setting)
	}
	return fmt.Sprintf("%s: %v", kind, err)
}

// whyForbidden says what is missing if the kernel forbids something to root of a namespace.
func whyForbidden(what string, setting func(path string) string) string {
	switch {
	case setting(appArmor) == "1" && (ordinaryUser() || InUserNamespace()):
		return what + ", which AppArmor forbids (sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
	case field("/proc/self/status", seccompField) == "2":
		return what + ", which a seccomp filter forbids (in a container: start it with --privileged)"
	}
	return what + " (run make as root; in a container: start it with --privileged)"
}
