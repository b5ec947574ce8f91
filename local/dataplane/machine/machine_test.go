package machine_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/dataplane/machinetest"
)

// restrict makes this executable a process that prints what it misses. Its value is "seccomp", "old" or "plain".
const restrict = "MACHINE_TEST_RESTRICT"

func TestMain(m *testing.M) {
	switch os.Getenv(restrict) {
	case "seccomp":
		if err := forbidNamespaces(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "old":
		// mount_setattr(2) does not exist.
		err := filterCalls([]unix.SockFilter{
			load(number), jump(unix.SYS_MOUNT_SETATTR, 0, 1), answer(uint32(unix.ENOSYS)), allow,
		})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "plain":
	default:
		os.Exit(m.Run())
	}
	for _, lack := range machine.Missing() {
		fmt.Println(lack)
	}
}

// forbidNamespaces installs a filter of system calls as containers have: no clone with namespaces, no unshare, and no
// mount.
func forbidNamespaces() error {
	const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWUSER
	return filterCalls([]unix.SockFilter{
		load(number),
		jump(unix.SYS_UNSHARE, 4, 0),
		jump(unix.SYS_MOUNT, 3, 0),
		jump(unix.SYS_CLONE, 0, 3),
		load(firstArgument),
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: namespaces, Jt: 0, Jf: 1},
		answer(uint32(unix.EPERM)),
		allow,
	})
}

const number, firstArgument = 0, 16 // offsets in struct seccomp_data

// Instructions of a filter of system calls.
var allow = unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}

func answer(errno uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | errno}
}

func jump(value uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jt: yes, Jf: no}
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

// filterCalls installs a filter of system calls.
func filterCalls(filter []unix.SockFilter) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}

// canRunNodes skips the test where nodes cannot run. CI must run them.
func canRunNodes(t *testing.T) {
	t.Helper()
	began := time.Now()
	missing := machine.Missing()
	t.Logf("the probe took %s", time.Since(began))
	if len(missing) == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("CI must run nodes; this machine lacks ", strings.Join(missing, "; "))
	}
	t.Skip("this machine lacks ", strings.Join(missing, "; "))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// output starts a shell script by machine.Start and returns what it prints.
func output(t *testing.T, script string, args ...string) string {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-c", script}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, machine.Start(cmd))
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	return out.String()
}

func TestOrdinaryUser(t *testing.T) {
	machinetest.Rerun(t, "TestStart", machinetest.Machine{User: true})
}

// TestStart is also for an ordinary user. Started processes are root of their namespaces, with all ids that Pods use.
func TestStart(t *testing.T) {
	canRunNodes(t)
	if got := output(t, "echo $$ $(id -u)"); got != "1 0\n" {
		t.Errorf("process and user %q, want 1 and 0", got)
	}
	user := os.Getenv(machinetest.Inside)
	if user != "" && (fmt.Sprint(os.Getuid()) != user || machine.InUserNamespace()) {
		t.Errorf("user %d, want %s", os.Getuid(), user)
	}
	dir := filepath.Join(t.TempDir(), "files")
	output(t, `mkdir -p "$0/other" && touch "$0/other/file" && chmod 700 "$0/other" && chown -R 65535:999 "$0/other"`, dir)
	err := os.RemoveAll(dir)
	if ordinary := os.Getenv(machinetest.Inside) != ""; ordinary != errors.Is(err, os.ErrPermission) {
		t.Errorf("remove files of another id: %v", err)
	}
	must(t, machine.RemoveAll(dir))
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", dir, err)
	}
}

func TestFilesOfAStartedProcess(t *testing.T) {
	canRunNodes(t)
	read, write, err := os.Pipe()
	must(t, err)
	defer read.Close()
	cmd := exec.Command("/bin/sh", "-c", `echo "$0" >&3; ls /proc/self/fd >&3`, "text")
	cmd.ExtraFiles = []*os.File{write}
	must(t, machine.Start(cmd))
	must(t, write.Close())
	must(t, cmd.Wait())
	text := make([]byte, 100)
	n, err := read.Read(text)
	must(t, err)
	if !strings.HasPrefix(string(text[:n]), "text\n") {
		t.Errorf("%q", text[:n])
	}
}

// missing runs this executable as a restricted process, and returns what it misses.
func missing(t *testing.T, kind string, prefix ...string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can take rights away")
	}
	dir, err := os.MkdirTemp("", "machine")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	binary, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	copied := filepath.Join(dir, "test") // the executable is where other users cannot go
	must(t, os.WriteFile(copied, binary, 0o755))
	args := slices.Concat(prefix, []string{copied})
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), restrict+"="+kind)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// nftRefuses begins a command for which nft refuses rules that match a pattern of the shell, as it does where a kernel
// lacks their kind.
func nftRefuses(pattern string) []string {
	return []string{"unshare", "--mount", "sh", "-c", `mount --make-rprivate /
		mount -t tmpfs tmpfs /mnt; cp "$(command -v nft)" /mnt/real
		cat > /mnt/nft <<- 'END'
			#!/bin/sh
			[ "$1" != --version ] || exec /mnt/real --version
			rules=$(cat)
			case $rules in ` + pattern + `) echo "Error: Could not process rule: No such file or directory"; exit 1;; esac
			echo "$rules" | exec /mnt/real "$@"
		END
		chmod +x /mnt/nft; mount --bind /mnt/nft "$(command -v nft)"; exec "$0"`}
}

// TestMissing provokes what can be missing. Each is one line that says what to do.
func TestMissing(t *testing.T) {
	user := []string{"setpriv", "--reuid=54322", "--regid=54322", "--clear-groups"}
	for name, tc := range map[string]struct {
		kind   string
		prefix []string
		want   []string
	}{
		"no programs": {
			"plain",
			[]string{"unshare", "--mount", "sh", "-c", `mount --make-rprivate /
				for p in runc nft; do for d in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
				[ ! -e $d/$p ] || mount --bind /dev/null $d/$p; done; done; exec "$0"`},
			[]string{"runc, nft (apt-get install runc nftables)"},
		},
		"programs that do not work": {
			"plain",
			[]string{"unshare", "--mount", "sh", "-c", `mount --make-rprivate /
				mount --bind /bin/false "$(command -v runc)"; mount --bind /bin/false "$(command -v nft)"; exec "$0"`},
			[]string{"a runc that works: ", "exit status 1", "apt-get install --reinstall runc", "a nft that works: "},
		},
		"no file systems for volumes": {
			"plain",
			[]string{"unshare", "--mount", "sh", "-c", `mount --make-rprivate /
				mount --bind /dev/null "$(command -v mkfs.ext4)"; mount --bind /dev/null /dev/loop-control; exec "$0"`},
			[]string{"mkfs.ext4 (apt-get install e2fsprogs)", "loop devices for block volumes (modprobe loop"},
		},
		"a kernel without kinds of rules": {
			"plain", nftRefuses("*numgen*|*reject*"),
			[]string{"nftables with numgen, reject in the kernel (sudo modprobe nft_numgen nft_reject_ipv4 nft_reject_ipv6): " +
				"Error: Could not process rule"},
		},
		"a kernel without nftables": {
			"plain", nftRefuses("*"),
			[]string{"nftables with tables of IPv4 and IPv6 in the kernel (sudo modprobe nf_tables): Error"},
		},
		"Linux before 5.12": {"old", nil, []string{"Linux 5.12 or newer", "function not implemented"}},
		"an ordinary user without ids": {
			"plain", user, []string{"/etc/subuid", "sudo usermod --add-subuids"},
		},
		"a container without capabilities": {
			"plain",
			[]string{"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"},
			[]string{"SYS_ADMIN", "--privileged"},
		},
		"a seccomp filter": {"seccomp", nil, []string{"seccomp", "--privileged"}},
		"a seccomp filter for a user": {
			"seccomp", user, []string{"user namespaces", "seccomp", "--privileged"},
		},
		"a user namespace with one id": {
			"plain",
			[]string{"unshare", "--user", "--map-root-user"},
			[]string{"a range of ids in this user namespace"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := missing(t, tc.kind, tc.prefix...)
			t.Logf("%s", got)
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("want %q in\n%s", want, got)
				}
			}
		})
	}
}

// TestWhyNoNamespaces is about settings of the whole machine, which no test may change.
func TestWhyNoNamespaces(t *testing.T) {
	if os.Geteuid() == 0 {
		machinetest.Rerun(t, "TestWhyNoNamespaces", machinetest.Machine{User: true})
		return
	}
	for name, tc := range map[string]struct {
		err      error
		settings map[string]string
		want     string
	}{
		"Debian before 11": {
			syscall.EPERM,
			map[string]string{"/proc/sys/kernel/unprivileged_userns_clone": "0"},
			"sudo sysctl kernel.unprivileged_userns_clone=1",
		},
		"Ubuntu from 24.04 on": {
			syscall.EPERM,
			map[string]string{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"},
			"sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
		},
		"none allowed": {syscall.ENOSPC, nil, "sudo sysctl user.max_user_namespaces=15000"},
		"none in it":   {syscall.EINVAL, nil, "in this kernel"},
		"a container":  {syscall.EPERM, nil, "--privileged"},
		"other":        {syscall.EIO, nil, "input/output error"},
	} {
		got := machine.WhyNoNamespaces(tc.err, func(path string) string { return tc.settings[path] })
		if !strings.Contains(got, "user namespaces") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q in it", name, got, tc.want)
		}
	}
}
