// Package machine says whether this machine can have nodes that run Pods, and starts processes that are root of
// namespaces of their own: with root's privileges, or for an ordinary user in a user namespace with a range of ids.
//
// The launcher imports it and must compile in a second: it imports nothing but the standard library.
package machine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Namespaces are those that Start gives a process: all but that of control groups, which a process leaves when it has
// made some.
const Namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC |
	syscall.CLONE_NEWUTS

// needed are the capabilities without which no namespaces can be made (linux/capability.h).
const (
	capNetAdmin = 12
	capSysAdmin = 21
	needed      = 1<<capNetAdmin | 1<<capSysAdmin
)

// ordinaryUser reports whether this process has a user who is not root, and can make namespaces only in a user
// namespace.
func ordinaryUser() bool { return os.Geteuid() != 0 }

// privileged reports whether root has the capabilities that it needs, which it lacks in most containers.
func privileged() bool {
	has, err := strconv.ParseUint(field("/proc/self/status", "CapEff"), 16, 64)
	return err == nil && has&needed == needed
}

// InUserNamespace reports whether this process is in a user namespace other than the machine's first: it can have
// neither loop devices nor limits that are above those of its user.
func InUserNamespace() bool {
	text, err := os.ReadFile(uidMap)
	if err != nil {
		return false // a kernel without user namespaces
	}
	return !slices.Equal(strings.Fields(string(text)), []string{"0", "0", "4294967295"})
}

// uidMap has a line for each range of ids of this process's user namespace: first inside, first outside, count.
const uidMap = "/proc/self/uid_map"

// mappedIDs counts the ids of this process's user namespace.
func mappedIDs() (count int) {
	text, err := os.ReadFile(uidMap)
	if err != nil {
		return 1 << 32 // a kernel without user namespaces
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 {
			n, _ := strconv.Atoi(fields[2]) // the kernel writes numbers
			count += n
		}
	}
	return count
}

// field returns a field of a file with lines such as "CapEff:	000001ffffffffff", or "" without it.
func field(path, name string) string {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && key == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Start starts a command in new namespaces, as process 1 and root there. The environment and the files are the
// command's; for an ordinary user, the files must be at most five.
func Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Cloneflags |= Namespaces
	if !ordinaryUser() {
		return cmd.Start()
	}
	ids, err := idsOfUser()
	if err != nil {
		return err
	}
	return startMapped(cmd, ids.writeMaps)
}

// startMapped starts a command in a new user namespace, too. The command has no privileges before its ids are mapped,
// and those of root there only when it is executed afterwards: until then a shell waits in its place.
func startMapped(cmd *exec.Cmd, writeMaps func(pid int) error) error {
	const firstFile, files = 3, 10 // POSIX shells know files of one digit
	fd := firstFile + len(cmd.ExtraFiles)
	if fd >= files {
		return errors.New("too many files for a process in a user namespace")
	}
	wait, mapped, err := os.Pipe()
	if err != nil {
		return err
	}
	defer wait.Close()
	defer mapped.Close()
	script := fmt.Sprintf(`read -r _ <&%[1]d && exec %[1]d<&- && exec "$0" "$@"`, fd)
	cmd.Args = append([]string{"sh", "-c", script, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.ExtraFiles = append(slices.Clone(cmd.ExtraFiles), wait)
	cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
	if err := cmd.Start(); err != nil {
		return err
	}
	err = writeMaps(cmd.Process.Pid)
	if err == nil {
		_, err = io.WriteString(mapped, "\n")
	}
	if err != nil {
		return errors.Join(err, cmd.Process.Kill(), ignoreExit(cmd.Wait()))
	}
	return nil
}

// ignoreExit drops the error of a process that was killed on purpose.
func ignoreExit(err error) error {
	if errors.As(err, new(*exec.ExitError)) {
		return nil
	}
	return err
}

// RemoveAll removes a directory with all that is in it, also files of the ids that an ordinary user has in user
// namespaces.
func RemoveAll(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil || !ordinaryUser() || !errors.Is(err, os.ErrPermission) {
		return err
	}
	remove := exec.Command("rm", "-rf", "--", dir)
	var out bytes.Buffer
	remove.Stderr = &out
	if startErr := Start(remove); startErr != nil {
		return errors.Join(err, startErr)
	}
	if remove.Wait() != nil {
		return fmt.Errorf("%w; in a user namespace: %s", err, strings.TrimSpace(out.String()))
	}
	return nil
}

// Find looks for a program, also where an ordinary user's PATH does not lead.
func Find(name string) (path string, ok bool) {
	if path, err := exec.LookPath(name); err == nil {
		path, err = filepath.Abs(path)
		return path, err == nil
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, true
		}
	}
	return "", false
}
