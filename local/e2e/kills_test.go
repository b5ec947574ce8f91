package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// kills is the variable with the number of moments at which TestKills kills the local cloud, 5 by default and at least:
// four of events, the others of a start.
const kills = "E2E_KILLS"

// TestKills kills the whole local cloud, with the command of make that works on it, at moments of its life. Each time
// nothing is left but files in its directory, and empty control groups; the next command gets where the killed one
// would have, and the page has the entry that it had.
func TestKills(t *testing.T) {
	t.Parallel()
	s := newRealStack(t)
	machine := s.onMachine()
	step(t, "killed in the first make up, when the cluster is new", func() {
		s.killDuring("up", machine, "a cluster", s.appears("cluster"))
	})
	step(t, "killed when a volume is being attached", func() {
		s.killDuring("up", machine, "an attachment", s.appears("volumeattachment"))
	})
	var page string
	step(t, "make up gets to the page, which is signed", func() {
		s.completes("up")
		page = s.pageURL()
		s.sign(page)
		s.hasEntry(page)
		running := strings.Join(s.processes(), "\n")
		if !strings.Contains(running, "mongod") {
			t.Errorf("of the processes of Pods, the database's is not among those that must end:\n%s", running)
		}
	})
	var took time.Duration
	step(t, "killed while the database's node is replaced", func() { took = s.killReplacement(machine, page) })
	step(t, "killed at moments of a start", func() { s.killStarts(machine, page, took) })
	step(t, "killed in make down, when the load balancer is gone", func() {
		s.killDuring("down", machine, "no load balancer", func() (bool, string) {
			kinds := s.kindsByID()
			return len(kinds) > 0 && !slices.Contains(slices.Collect(maps.Values(kinds)), "loadbalancer"), fmt.Sprint(kinds)
		})
	})
	step(t, "make down leaves nothing", func() {
		s.completes("down")
		s.nothingRuns(machine)
		if left := s.processes(); len(left) > 0 {
			t.Errorf("running:\n%s", strings.Join(left, "\n"))
		}
		if groups := s.controlGroups(); len(groups) > 0 {
			t.Errorf("control groups %v", groups)
		}
	})
}

// TestKillsOfAnOrdinaryUser does the same as a user who is not root.
func TestKillsOfAnOrdinaryUser(t *testing.T) { rerunAsOrdinaryUser(t, "TestKills") }

// appears is the condition that the cloud has a resource of a kind that it does not have now.
func (s *stack) appears(kind string) func() (bool, string) {
	before := s.kindsByID()
	return func() (bool, string) {
		held := s.kindsByID()
		maps.DeleteFunc(held, func(id, _ string) bool { return before[id] != "" })
		return slices.Contains(slices.Collect(maps.Values(held)), kind), fmt.Sprint("new in the cloud: ", held)
	}
}

// completes runs a command of make to its end.
func (s *stack) completes(command string) {
	s.t.Helper()
	if out, err := s.makeCommand(command, s.o).CombinedOutput(); err != nil {
		s.t.Fatalf("make %s: %v\n%s", command, err, out)
	}
}

// killDuring runs a command of make and kills the whole local cloud with it as soon as the condition is true.
func (s *stack) killDuring(command, machine, what string, condition func() (bool, string)) {
	s.t.Helper()
	cmd := s.makeCommand(command, s.o)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	s.must(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.eventually(3*time.Minute, what, func() (bool, string) {
		select {
		case err := <-ended:
			s.t.Fatalf("make %s ended before it was killed: %v\n%s", command, err, out.String())
		default:
		}
		return condition()
	})
	s.kill()
	if err := <-ended; err == nil {
		s.t.Fatalf("make %s succeeded before it was killed", command)
	}
	s.nothingRuns(machine)
}

// killReplacement has Compute terminate the instance of the database's Pod, and kills the local cloud as soon as the
// node pool has another one. Then it has as many nodes as before, all ready, without the old one. It returns how long
// the start took.
func (s *stack) killReplacement(machine, page string) (took time.Duration) {
	s.t.Helper()
	var before list[node]
	s.kubectl(&before, "get", "nodes")
	replaced := s.appears("instance")
	old := s.terminateDatabaseNode()
	s.eventually(shortly, "another instance", replaced)
	s.kill()
	s.nothingRuns(machine)
	took = s.startsAgain(page)
	s.nodeIsGone(old)
	s.eventually(2*time.Minute, "as many nodes as before, all ready", func() (bool, string) {
		type condition struct{ Type, Status string }
		var now list[struct {
			Status struct{ Conditions []condition }
		}]
		s.kubectl(&now, "get", "nodes")
		for _, n := range now.Items {
			if !slices.Contains(n.Status.Conditions, condition{"Ready", "True"}) {
				return false, fmt.Sprintf("%+v", now)
			}
		}
		return len(now.Items) == len(before.Items), fmt.Sprintf("%+v", now)
	})
	return took
}

// startsAgain runs `make up`, and returns how long it took. Then the page is where it was, with its entry.
func (s *stack) startsAgain(page string) time.Duration {
	s.t.Helper()
	began := time.Now()
	s.completes("up")
	if now := s.pageURL(); now != page {
		s.t.Errorf("the page was at %s and is at %s", page, now)
	}
	s.hasEntry(page)
	return time.Since(began)
}

// startKills returns how many of the kills are those of a start, at least one: the step ends with a cloud that runs.
func startKills(all string) int {
	n, _ := strconv.Atoi(all)
	return max(1, n-4) // 4 are those of events
}

func TestKillsOfAStart(t *testing.T) {
	for all, want := range map[string]int{"": 1, "many": 1, "1": 1, "4": 1, "5": 1, "9": 5} {
		if got := startKills(all); got != want {
			t.Errorf("%s=%s: %d kills of a start, want %d", kills, all, got, want)
		}
	}
}

// killStarts kills the local cloud at moments that are spread over a start, and starts it after each.
func (s *stack) killStarts(machine, page string, took time.Duration) {
	s.t.Helper()
	moments := startKills(os.Getenv(kills))
	s.kill()
	for i := range moments {
		moment := took * time.Duration(i+1) / time.Duration(moments+2) // took may be that of a busier machine
		s.killUpAfter(moment)
		s.nothingRuns(machine)
		took = s.startsAgain(page)
		s.t.Logf("killed after %s; the page has its entry %s after the next start", moment.Round(time.Second/10),
			took.Round(time.Second/10))
		if i < moments-1 {
			s.kill()
			s.nothingRuns(machine)
		}
	}
}

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
	left, err := os.ReadDir(s.temporary)
	s.must(err)
	fmt.Fprintln(&text, "temporary files", left)
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
// home directory where Pulumi and clients do. Directories such as /tmp and /dev/shm, where other tests and programs put
// files at the same time, are not compared.
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
