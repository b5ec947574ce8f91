// Package machinetest runs tests once more as on another machine: as an ordinary user, or with control groups of
// version 2 only. User and mounts exist in a mount namespace; the machine keeps what it has.
package machinetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/repository"
)

// Inside is a variable of the tests that Rerun runs as an ordinary user: its id.
const Inside = "TEST_OF_AN_ORDINARY_USER"

// The user and the ids that it may map in user namespaces.
const (
	name    = "ordinary"
	id      = 54321
	entries = name + ":1000000:65536\n"
)

// Machine is how the other machine differs.
type Machine struct {
	User     bool // an ordinary user, not root
	Version2 bool // control groups of version 2 only; what controllers they have depends on this machine
	// Delegated gives the user a control group, as systemd does. With User and Version2.
	Delegated bool
}

// script makes the machine and becomes its user. Its arguments are a directory with files, which of these to do, the
// user's id, this repository and the folder of the test in it, the executable and its arguments. Where the user may not
// see the repository, it is mounted again, entry by entry, in place of the folder that is closed. As process 1 of no
// namespace the script leaves nothing but a control group.
const script = `set -e
dir=$0 user=$1 version2=$2 group=$3 id=$4 root=$5 folder=$6
shift 2
become=
[ "$user" != true ] || become="setpriv --reuid=$id --regid=$id --clear-groups"
mount --make-rprivate /
closed= above=$root
while [ "$above" != / ]; do
	$become test -x "$above" || closed=$above
	above=$(dirname "$above")
done
if [ -n "$closed" ]; then
	mount --bind "$root" "$dir/repository"
	mount -t tmpfs -o mode=755 tmpfs "$closed"
	mkdir -p "$root"
	for entry in "$dir"/repository/* "$dir"/repository/.local; do
		[ -e "$entry" ] || continue
		there=$root/${entry##*/}
		if [ -d "$entry" ]; then mkdir "$there"; else : > "$there"; fi
		mount --bind "$entry" "$there"
	done
fi
cd "$root/$folder"
if [ "$version2" = true ]; then
	umount --lazy --recursive /sys/fs/cgroup
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
mount --bind "$5" "$dir/test"
shift 5
if [ -n "$group" ]; then
	mkdir "/sys/fs/cgroup/$group"
	chown "$id" "/sys/fs/cgroup/$group" /sys/fs/cgroup/$group/cgroup.procs /sys/fs/cgroup/$group/cgroup.subtree_control
	echo $$ > "/sys/fs/cgroup/$group/cgroup.procs"
fi
if [ "$user" = true ]; then
	for file in passwd group subuid subgid; do mount --bind "$dir/$file" /etc/$file; done
fi
exec $become "$dir/test" "$@"
`

// Scripts with the hierarchy of version 2 at /mnt: they tell which controllers are turned on for groups, and turn all
// others off, after a group was removed with those below it.
const (
	version2    = `mount --make-rprivate / && mount -t cgroup2 cgroup2 /mnt && `
	controllers = version2 + `cat /mnt/cgroup.subtree_control`
	restore     = version2 + `{ [ -z "$0" ] || [ ! -d "/mnt/$0" ] || find "/mnt/$0" -depth -type d -exec rmdir {} +; } &&
	for c in $(cat /mnt/cgroup.subtree_control); do
		case " $1 " in *" $c "*) ;; *) echo "-$c" > /mnt/cgroup.subtree_control;; esac
	done`
)

// keepVersion2 restores control groups of version 2 when a test has ended.
func keepVersion2(t *testing.T, group string) {
	t.Helper()
	before, err := exec.Command("unshare", "--mount", "sh", "-c", controllers).Output()
	must(t, err)
	t.Cleanup(func() {
		restoring := exec.Command("unshare", "--mount", "sh", "-c", restore, group, strings.TrimSpace(string(before)))
		if out, err := restoring.CombinedOutput(); err != nil {
			t.Errorf("restore control groups: %v: %s", err, out)
		}
	})
}

// Rerun runs the test of this name once more on another machine, with a directory of its own as home and for temporary
// files, and these variables in addition. Where that is impossible it skips the test; in CI it fails.
func Rerun(t *testing.T, test string, m Machine, variables ...string) {
	t.Helper()
	dir := prepare(t, m)
	self, err := os.Executable()
	must(t, err)
	root, err := repository.Find()
	must(t, err)
	working, err := os.Getwd()
	must(t, err)
	folder, err := filepath.Rel(root, working)
	must(t, err)
	group := ""
	if m.Delegated {
		group = "localcloud-test-" + filepath.Base(dir)
	}
	if m.Version2 {
		keepVersion2(t, group)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", script, dir, strconv.FormatBool(m.User),
		strconv.FormatBool(m.Version2), group, strconv.Itoa(id), root, folder, self,
		"-test.run=^"+test+"$", "-test.v", "-test.timeout=20m", "-test.count=1")
	home := filepath.Join(dir, "home")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "CI=" + os.Getenv("CI")}
	if m.User {
		cmd.Env = append(cmd.Env, "USER="+name, fmt.Sprint(Inside, "=", id))
	}
	cmd.Env = append(cmd.Env, variables...)
	out, err := cmd.CombinedOutput()
	t.Logf("%+v:\n%s", m, out)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "--- PASS: "+test) {
		t.Error("the test did not run")
	}
}

// prepare makes the files of a machine in a directory, and a home in it.
func prepare(t *testing.T, m Machine) string {
	t.Helper()
	if os.Geteuid() != 0 {
		skip(t, "only root can make another machine")
	}
	needed := []string{"unshare", "setpriv"}
	if m.User {
		needed = append(needed, "newuidmap", "newgidmap")
	}
	for _, program := range needed {
		if _, ok := machine.Find(program); !ok {
			skip(t, program+" is missing (apt-get install uidmap util-linux)")
		}
	}
	dir, err := os.MkdirTemp("", "m") // short, for sockets
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755))
	for file, more := range map[string]string{
		"passwd": fmt.Sprintf("%s:x:%d:%[2]d::%s/home:/bin/sh\n", name, id, dir),
		"group":  fmt.Sprintf("%s:x:%d:\n", name, id),
		"subuid": entries, "subgid": entries,
	} {
		now, err := os.ReadFile(filepath.Join("/etc", file))
		if err != nil {
			skip(t, err.Error())
		}
		must(t, os.WriteFile(filepath.Join(dir, file), append(now, more...), 0o644))
	}
	must(t, os.WriteFile(filepath.Join(dir, "test"), nil, 0o755))
	must(t, os.Mkdir(filepath.Join(dir, "repository"), 0o755))
	home := filepath.Join(dir, "home")
	must(t, os.Mkdir(home, 0o700))
	if m.User {
		must(t, os.Chown(home, id, id))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func skip(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("CI must run this on another machine: ", reason)
	}
	t.Skip("runs on another machine: ", reason)
}
