package e2e

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"oke-guestbook/local/launch"
	"oke-guestbook/local/launch/daemon"
)

// localCloud counts the resources of stack local with the repository's settings, by kind. In addition to those of the
// program, these are the VCN's defaults, the instances with their boot volumes, the cloud controller's load balancer,
// and the volume of the database's claim. Four resources have private addresses (the API endpoint, two nodes, the load
// balancer), two have public ones (the NAT gateway and the load balancer).
var localCloud = map[string]int{
	"vcn": 1, "dhcpoptions": 1, "internetgateway": 1, "natgateway": 1, "servicegateway": 1,
	"routetable": 4, "securitylist": 4, "subnet": 3, "vnic": 4, "privateip": 4, "publicip": 2,
	"cluster": 1, "nodepool": 1, "instance": 2, "bootvolume": 2, "loadbalancer": 1, "volume": 1, "volumeattachment": 1,
}

// whole asserts that cloud and state have all resources of stack local with the repository's settings, each once.
func (s *stack) whole() {
	s.t.Helper()
	s.eventually(shortly, "the whole inventory", func() (bool, string) {
		got := s.inventory()
		var differences []string
		for _, kind := range slices.Sorted(maps.Keys(union(got, localCloud))) {
			if got[kind] != localCloud[kind] {
				differences = append(differences, fmt.Sprintf("%d of kind %s, want %d", got[kind], kind, localCloud[kind]))
			}
		}
		return len(differences) == 0, strings.Join(differences, "; ")
	})
	golden, err := os.ReadFile("../../tests/testdata/local.graph")
	s.must(err)
	want := map[string]int{}
	for line := range strings.Lines(string(golden)) {
		fields := strings.Fields(line) // type, name and parent
		want[fields[0]+" "+fields[1]]++
	}
	got := map[string]int{}
	for urn := range s.resources() {
		parts := strings.Split(urn, "::") // urn:pulumi:local, project, types of the parents and its own, name
		types := strings.Split(parts[2], "$")
		got[types[len(types)-1]+" "+parts[3]]++
	}
	for key := range union(got, want) {
		if got[key] != want[key] {
			s.t.Errorf("the state holds %d of %s, the program makes %d", got[key], key, want[key])
		}
	}
}

func union(a, b map[string]int) map[string]int {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// refusesMachines runs `make up` where it must fail at once. Each error must name the setting to change, and the
// running cloud must stay as it is.
func (s *stack) refusesMachines() {
	s.t.Helper()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	process, good := s.daemon(), s.o
	const chooseAnother = "choose a directory that you may write to"
	for _, tc := range []struct {
		name  string
		spoil func(t *testing.T, o *launch.Launcher)
		env   []string
		want  []string
	}{
		{
			"port of another program",
			func(_ *testing.T, o *launch.Launcher) { o.Dir, o.Port = s.t.TempDir(), port }, nil,
			[]string{fmt.Sprintf("LOCAL_PORT=%d is taken", port), fmt.Sprintf("make up LOCAL_PORT=%d", port+1)},
		},
		{
			"port of this cloud, for another",
			func(_ *testing.T, o *launch.Launcher) { o.Dir = s.t.TempDir() }, nil,
			[]string{fmt.Sprintf("LOCAL_PORT=%d: the local cloud of %s", good.Port, good.Dir)},
		},
		{
			"another port than that of this cloud",
			func(_ *testing.T, o *launch.Launcher) { o.Port = freePort(s.t) }, nil,
			[]string{"LOCAL_PORT=", "LOCAL_DIR=" + good.Dir + " runs already, at port " + fmt.Sprint(good.Port)},
		},
		{
			"no directory",
			func(_ *testing.T, o *launch.Launcher) { o.Dir = "/proc/local" }, nil,
			[]string{"LOCAL_DIR=/proc/local", chooseAnother},
		},
		{
			"read-only directory", readOnly, nil,
			[]string{"LOCAL_DIR=" + good.Dir, "read-only file system", chooseAnother},
		},
		{
			"no space for the compiler",
			func(_ *testing.T, o *launch.Launcher) {
				o.Bin, o.Prebuilt = filepath.Join(s.t.TempDir(), "bin"), false
			},
			[]string{"TMPDIR=/proc"},
			[]string{"TMPDIR=/proc: 0.0 GB free", "set TMPDIR to a larger disk"},
		},
	} {
		cloud, state := s.inventory(), s.ids()
		s.t.Run(tc.name, func(t *testing.T) {
			o := good
			tc.spoil(t, &o)
			out, err := s.upCommand(o, tc.env...).CombinedOutput()
			for _, want := range tc.want {
				if err == nil || !strings.Contains(string(out), want) {
					t.Errorf("up: %v; want an error with %q in\n%s", err, want, out)
				}
			}
		})
		if now := s.inventory(); !maps.Equal(now, cloud) {
			s.t.Errorf("%s: the cloud held %v and holds %v", tc.name, cloud, now)
		}
		if now := s.ids(); !maps.Equal(now, state) {
			s.t.Errorf("%s: the state held %v and holds %v", tc.name, state, now)
		}
		if now := s.daemon(); now != process {
			s.t.Errorf("%s: process %d served the cloud, %d does now", tc.name, process, now)
		}
	}
}

// readOnly makes the directory read-only, also for root, until the test ends.
func readOnly(t *testing.T, o *launch.Launcher) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount; package diskspace tests a directory without the permission to write")
	}
	if err := syscall.Mount(o.Dir, o.Dir, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("mount: %v; package diskspace tests a directory without the permission to write, where not root runs it", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(o.Dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := syscall.Mount("", o.Dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
}

// daemon is the process that serves the cloud.
func (s *stack) daemon() int {
	s.t.Helper()
	var health daemon.Health
	s.read("/healthz", &health)
	return health.PID
}
