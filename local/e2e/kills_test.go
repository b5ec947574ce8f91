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

	"github.com/vishvananda/netlink"
)

// kills is the variable with the number of moments at which surviveKills kills the local cloud, 3 by default.
const kills = "E2E_KILLS"

// onMachine describes what the local cloud must not change on the machine. Of mounts and loop devices it has those of
// the stack's directory, because other tests have some.
func (s *stack) onMachine() string {
	s.t.Helper()
	var text strings.Builder
	mounts, err := os.ReadFile("/proc/self/mounts")
	s.must(err)
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, s.o.Dir) {
			text.WriteString(line)
		}
	}
	loops, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	s.must(err)
	for _, path := range loops {
		if file, err := os.ReadFile(path); err == nil && strings.Contains(string(file), s.o.Dir) {
			fmt.Fprintf(&text, "%s: %s", path, file)
		}
	}
	s.describeNetwork(&text)
	group, err := os.ReadFile("/proc/self/cgroup")
	s.must(err)
	text.Write(group)
	describeFiles(&text)
	return text.String()
}

// describeNetwork describes the network namespace of this process: interfaces, routes, rules, tables of nftables and
// settings.
func (s *stack) describeNetwork(text *strings.Builder) {
	s.t.Helper()
	interfaces, err := net.Interfaces()
	s.must(err)
	for _, i := range interfaces {
		fmt.Fprintln(text, "interface", i.Name)
	}
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{}, netlink.RT_FILTER_TABLE)
	s.must(err)
	for _, r := range routes {
		fmt.Fprintln(text, "route", r)
	}
	rules, err := netlink.RuleList(netlink.FAMILY_ALL)
	s.must(err)
	for _, r := range rules {
		fmt.Fprintln(text, r)
	}
	tables, err := exec.Command("nft", "list", "tables").CombinedOutput()
	fmt.Fprintf(text, "%s%v\n", tables, err)
	err = filepath.WalkDir("/proc/sys/net", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_count") { // of connections
			return err
		}
		if value, err := os.ReadFile(path); err == nil { // some can only be written
			fmt.Fprintf(text, "%s = %s", path, value)
		}
		return nil
	})
	s.must(err)
}

// describeFiles lists what is in directories where a kubelet, containerd and CNI plugins usually put files, and in the
// home directory where Pulumi and clients do.
func describeFiles(text *strings.Builder) {
	home, _ := os.UserHomeDir()
	for _, dir := range []string{
		"/etc", "/etc/cni", "/etc/kubernetes", "/etc/containerd", "/run", "/run/netns", "/run/containerd", "/var/lib",
		"/var/lib/kubelet", "/var/lib/containerd", "/var/lib/cni", "/var/log", "/opt", "/opt/cni", "/dev/mapper",
		filepath.Join(home, ".pulumi"), filepath.Join(home, ".kube"), filepath.Join(home, ".oci"),
	} {
		entries, _ := os.ReadDir(dir) // most do not exist
		for _, e := range entries {
			fmt.Fprintln(text, filepath.Join(dir, e.Name()))
		}
	}
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
// with its entry: after the last kill, or after each one if the number of moments was chosen.
func (s *stack) surviveKills(page, machine string) {
	s.t.Helper()
	moments, chosen := 3, false
	if n, err := strconv.Atoi(os.Getenv(kills)); err == nil {
		moments, chosen = n, true
	}
	start := func() {
		s.up()
		if now := s.pageURL(); now != page {
			s.t.Errorf("the page was at %s and is at %s", page, now)
		}
		s.hasEntry(page)
	}
	s.kill()
	s.nothingRuns(machine)
	began := time.Now()
	start()
	took := time.Since(began)
	s.kill()
	for i := range moments {
		moment := took * time.Duration(i+1) / time.Duration(moments+1)
		s.killUpAfter(moment)
		s.nothingRuns(machine)
		if chosen && i < moments-1 {
			start()
			s.kill()
			s.nothingRuns(machine)
			s.t.Logf("killed after %s; the page has its entry after the next start", moment.Round(time.Second/10))
		}
	}
	start()
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

// difference lists the lines that only one of two texts has.
func difference(before, after string) string {
	var all []string
	only := func(sign, in, other string) {
		known := map[string]bool{}
		for line := range strings.Lines(other) {
			known[line] = true
		}
		for line := range strings.Lines(in) {
			if !known[line] {
				all = append(all, sign+line)
			}
		}
	}
	only("\n- ", before, after)
	only("\n+ ", after, before)
	return strings.Join(all, "")
}

// nothingRuns asserts that nothing of a killed local cloud is left on the machine.
func (s *stack) nothingRuns(machine string) {
	s.t.Helper()
	if now := s.onMachine(); now != machine {
		s.t.Errorf("the machine changed: %s", difference(machine, now))
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
