package node

import (
	"errors"
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
	if groups, err := joinCgroups(""); groups != nil || err != nil {
		t.Errorf("%v, %v", groups, err)
	}
}

// TestEvacuate moves processes out of a group that cannot be divided while it has some.
func TestEvacuate(t *testing.T) {
	if os.Geteuid() != 0 || !onlyVersion2() {
		machinetest.Rerun(t, "TestEvacuate", machinetest.Machine{Version2: true})
		return
	}
	dir := filepath.Join(cgroupDir, "localcloud-test-full")
	must(t, os.Mkdir(dir, 0o755))
	process := exec.Command("sleep", "60")
	must(t, process.Start())
	defer func() {
		must(t, process.Process.Kill())
		_ = process.Wait()
		must(t, removeTree(dir))
	}()
	must(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), itoa(process.Process.Pid), 0))
	must(t, evacuate(dir))
	left, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	must(t, err)
	moved, err := os.ReadFile(filepath.Join(dir, claimed, "cgroup.procs"))
	must(t, err)
	if len(left) > 0 || string(moved) != string(itoa(process.Process.Pid))+"\n" {
		t.Errorf("left %q, moved %q", left, moved)
	}
}
