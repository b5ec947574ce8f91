package e2e

import (
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// kills is the variable with the number of moments at which surviveKills kills the local cloud, 3 by default.
const kills = "E2E_KILLS"

// onMachine describes what the local cloud must not change on the machine: mounts, interfaces, tables of nftables. Of
// mounts it has those of the stack's directory, because other tests mount.
func (s *stack) onMachine() string {
	s.t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	s.must(err)
	var text strings.Builder
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, s.o.Dir) {
			text.WriteString(line)
		}
	}
	interfaces, err := net.Interfaces()
	s.must(err)
	for _, i := range interfaces {
		fmt.Fprintln(&text, "interface", i.Name)
	}
	tables, err := exec.Command("nft", "list", "tables").CombinedOutput()
	fmt.Fprintf(&text, "%s%v\n", tables, err)
	return text.String()
}

// controlGroups returns the control groups of the stack's data plane, which package sandbox names after its directory.
func (s *stack) controlGroups() []string {
	s.t.Helper()
	name := fmt.Sprintf("/localcloud-%x", sha256.Sum256([]byte(filepath.Join(s.o.Dir, "dataplane"))))[:22]
	var all []string
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		found, err := filepath.Glob(pattern + name)
		s.must(err)
		all = append(all, found...)
	}
	return all
}

// surviveKills kills the whole local cloud, with the `make up` that starts it, at moments that are spread over its
// start. Each time nothing is left but files in its directory, and empty control groups. Then the page is where it was,
// with its entry.
func (s *stack) surviveKills(page, machine string) {
	s.t.Helper()
	moments := 3
	if n, err := strconv.Atoi(os.Getenv(kills)); err == nil {
		moments = n
	}
	s.kill()
	s.nothingRuns(machine)
	began := time.Now()
	s.up()
	s.hasEntry(page)
	took := time.Since(began)
	s.kill()
	for i := range moments {
		s.killUpAfter(took * time.Duration(i+1) / time.Duration(moments+1))
		s.nothingRuns(machine)
	}
	s.up()
	if now := s.pageURL(); now != page {
		s.t.Errorf("the page was at %s and is at %s", page, now)
	}
	s.hasEntry(page)
	s.t.Logf("killed at %d moments of the %s that a start takes, page included", moments, took.Round(time.Second/10))
}

// killUpAfter runs `make up` and kills it with all that it has started.
func (s *stack) killUpAfter(moment time.Duration) {
	s.t.Helper()
	cmd := s.upCommand(s.o)
	s.must(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-time.After(moment):
	case err := <-ended: // on a machine that is less busy now, it is ready
		s.must(err)
		ended <- nil
	}
	s.kill()
	if err := <-ended; err != nil {
		s.t.Logf("make up: %v", err)
	}
}

// kill kills all processes of this stack, again until there are none: they start others meanwhile.
func (s *stack) kill() {
	s.t.Helper()
	s.eventually(shortly, "nothing runs", func() (bool, string) {
		left := s.processes()
		for _, p := range left {
			var pid int
			if _, err := fmt.Sscanf(p, "%d:", &pid); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // an error means that it has ended with another one
			}
		}
		return len(left) == 0, strings.Join(left, "\n")
	})
}

// nothingRuns asserts that nothing of a killed local cloud is left on the machine.
func (s *stack) nothingRuns(machine string) {
	s.t.Helper()
	if now := s.onMachine(); now != machine {
		s.t.Errorf("the machine had\n%s\nand has\n%s", machine, now)
	}
	s.eventually(shortly, "no process is in a control group", func() (bool, string) {
		for _, group := range s.controlGroups() {
			err := filepath.WalkDir(group, func(path string, _ os.DirEntry, err error) error {
				if err != nil || filepath.Base(path) != "cgroup.procs" {
					return err
				}
				if processes, err := os.ReadFile(path); err != nil || len(processes) > 0 {
					return fmt.Errorf("%s: processes %s, %w", path, processes, err)
				}
				return nil
			})
			if err != nil {
				return false, err.Error()
			}
		}
		return true, ""
	})
}
