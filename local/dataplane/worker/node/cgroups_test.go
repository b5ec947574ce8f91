package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"oke-guestbook/local/dataplane/machinetest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// anyControllers lets tests use control groups of version 2 on a machine that has their controllers in version 1.
func anyControllers(t *testing.T) {
	was := neededControllers
	neededControllers = nil
	t.Cleanup(func() { neededControllers = was })
}

func itoa(n int) []byte { return []byte(strconv.Itoa(n)) }

// TestClaim divides a control group of version 2 that an ordinary user was given, as systemd gives one.
func TestClaim(t *testing.T) {
	if os.Geteuid() == 0 {
		machinetest.Rerun(t, "TestClaim", machinetest.Machine{User: true, Version2: true, Delegated: true})
		return
	}
	anyControllers(t)
	if HaveCgroups() {
		t.Error("there are control groups before the claim")
	}
	// It must not move down while other processes are in the group.
	other := exec.Command("sleep", "60")
	must(t, other.Start())
	must(t, Claim())
	if HaveCgroups() {
		t.Error("a group with other processes was claimed")
	}
	must(t, other.Process.Kill())
	_ = other.Wait()
	for range 2 { // also again
		must(t, Claim())
		if !HaveCgroups() {
			t.Fatal("no control groups after the claim")
		}
	}
	checkGroups(t)
}

// checkGroups makes a group for a node with another one in it, with a process, and removes them when it has ended.
func checkGroups(t *testing.T) {
	t.Helper()
	const parent, group = "/localcloud-test", "/localcloud-test/node"
	all := usable()
	before := given(t, all)
	for _, h := range all {
		must(t, h.make(group))
		must(t, h.make(group))
	}
	t.Cleanup(func() { must(t, RemoveCgroups(parent)) })
	process := exec.Command("sleep", "60")
	must(t, process.Start())
	for _, h := range all {
		procs := filepath.Join(h.path, group, "cgroup.procs")
		must(t, os.WriteFile(procs, itoa(process.Process.Pid), 0))
	}
	if err := RemoveCgroups(parent); err == nil {
		t.Error("groups with a process were removed")
	}
	must(t, process.Process.Kill())
	_ = process.Wait()
	must(t, RemoveCgroups(parent))
	must(t, RemoveCgroups(parent))
	for _, h := range all {
		if _, err := os.Stat(filepath.Join(h.path, parent)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left in %s: %v", parent, h.path, err)
		}
	}
	if after := given(t, all); after != before {
		t.Errorf("the machine had %s and has %s", before, after)
	}
}

// given describes what control groups of version 2 pass on to those below, and the groups of local clouds there.
func given(t *testing.T, all hierarchies) (text string) {
	t.Helper()
	for _, h := range all {
		if h.v2 {
			controllers, err := os.ReadFile(filepath.Join(h.path, subtreeControl))
			must(t, err)
			groups, err := filepath.Glob(filepath.Join(h.path, prefix+"*"))
			must(t, err)
			text += fmt.Sprintf("%s: controllers %q, groups %q; ", h.path, controllers, groups)
		}
	}
	return text
}

// TestVersion2 has only control groups of version 2.
func TestVersion2(t *testing.T) {
	if os.Geteuid() != 0 || !onlyVersion2() {
		machinetest.Rerun(t, "TestVersion2", machinetest.Machine{Version2: true})
		return
	}
	anyControllers(t)
	all := usable()
	if len(all) != 1 || !all[0].v2 {
		t.Fatalf("hierarchies %+v", all)
	}
	checkGroups(t)
}

func onlyVersion2() bool {
	_, err := os.Stat(cgroupDir + "/cgroup.controllers")
	return err == nil
}

// TestAnOrdinaryUserWithoutAGroup has none, and says so.
func TestAnOrdinaryUserWithoutAGroup(t *testing.T) {
	if os.Geteuid() == 0 {
		machinetest.Rerun(t, "TestAnOrdinaryUserWithoutAGroup", machinetest.Machine{User: true})
		return
	}
	must(t, Claim())
	if HaveCgroups() {
		t.Error("there are control groups")
	}
	must(t, RemoveCgroups("/localcloud-test"))
	if groups, err := joinCgroups("", 0); groups != nil || err != nil {
		t.Errorf("%v, %v", groups, err)
	}
}

// TestRestore divides a group as that of a container, which has processes and gives no controllers to those below, for
// two local clouds. When both have ended, it is as before.
func TestRestore(t *testing.T) {
	if os.Geteuid() != 0 || !onlyVersion2() {
		machinetest.Rerun(t, "TestRestore", machinetest.Machine{Version2: true})
		return
	}
	anyControllers(t)
	root := hierarchy{path: cgroupDir, v2: true}
	must(t, root.make("/localcloud-test")) // gives controllers to the container
	container := hierarchy{path: filepath.Join(cgroupDir, "localcloud-test", "container"), v2: true}
	must(t, os.Mkdir(container.path, 0o755))
	must(t, enableControllers(filepath.Dir(container.path)))
	missing, err := missingControllers(container.path)
	must(t, err)
	process := exec.Command("sleep", "60")
	must(t, process.Start())
	t.Cleanup(func() {
		must(t, process.Process.Kill())
		_ = process.Wait()
		must(t, root.remove("/localcloud-test"))
	})
	procs := func(group ...string) string {
		file := append(append([]string{container.path}, group...), "cgroup.procs")
		text, err := os.ReadFile(filepath.Join(file...))
		must(t, err)
		return string(text)
	}
	must(t, os.WriteFile(filepath.Join(container.path, "cgroup.procs"), itoa(process.Process.Pid), 0))
	inside, before := procs(), given(t, hierarchies{container})
	must(t, container.make("/localcloud-one/node"))
	must(t, container.make("/localcloud-two/node"))
	if len(missing) == 0 {
		t.Log("this kernel has no controller of version 2 for groups: none is turned on")
	} else if moved := procs(changes, evacuated); moved != inside || procs() != "" {
		t.Errorf("processes %q are in the group, and %q have moved", procs(), moved)
	}
	must(t, container.remove("/localcloud-one"))
	if left, err := missingControllers(container.path); err != nil || len(left) > 0 {
		t.Errorf("without one of two, controllers %q are off, %v", left, err)
	}
	must(t, container.remove("/localcloud-two"))
	if after := given(t, hierarchies{container}); after != before || procs() != inside {
		t.Errorf("it had %s, processes %q, and has %s, %q", before, inside, after, procs())
	}
}
