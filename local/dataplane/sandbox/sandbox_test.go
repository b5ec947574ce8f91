package sandbox_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane"
	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/dataplane/machinetest"
	"oke-guestbook/local/dataplane/sandbox"
	"oke-guestbook/local/dataplane/tunnel"
	"oke-guestbook/local/eventually"
)

// TestMain makes the test's executable the data plane, and a daemon that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) >= 3 {
		switch os.Args[1] {
		case "dataplane":
			exit(sandbox.Main(context.Background(), os.Args[2:]))
		case "daemon":
			exit(daemon(os.Args[2]))
		}
	}
	os.Exit(m.Run())
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// daemon starts a data plane and says so, and does not end by itself.
func daemon(dir string) error {
	if _, err := sandbox.Start(context.Background(), config(dir)); err != nil {
		return err
	}
	fmt.Println("ready")
	select {}
}

func config(dir string) sandbox.Config {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return sandbox.Config{Dir: dir, Binary: self, Init: "localnode", Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
}

// newDir returns a directory for a data plane, or skips the test where none can run. In CI one must.
func newDir(t *testing.T) string {
	t.Helper()
	if missing := machine.Missing(); len(missing) > 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("CI must run a data plane; this machine lacks ", strings.Join(missing, "; "))
		}
		t.Skip("runs a data plane, for which this machine lacks ", strings.Join(missing, "; "))
	}
	dir, err := os.MkdirTemp("", "dp") // short, for its sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "dataplane.log"))
			t.Logf("log of the data plane:\n%s", log)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func start(t *testing.T, dir string) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.Start(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

const clusterID = "ocid1.cluster.oc1.iad.test"

// network is a VCN with one subnet, in which the cluster's endpoint is.
func network() cloud.Network {
	all := netip.MustParsePrefix("0.0.0.0/0")
	rule := cloud.SecurityRule{Peers: []netip.Prefix{all}, Protocol: -1, ICMPType: -1, ICMPCode: -1}
	ingress := rule
	ingress.Ingress = true
	vcn := netip.MustParsePrefix("10.0.0.0/16")
	return cloud.Network{
		Subnets: []cloud.Subnet{{
			ID: "api", Name: "api", VcnID: "vcn", VcnCIDRs: []netip.Prefix{vcn}, CIDR: netip.MustParsePrefix("10.0.0.0/28"),
			SecurityLists: []cloud.RuleSet{{ID: "list", Rules: []cloud.SecurityRule{rule, ingress}}},
		}},
		VNICs: []cloud.VNIC{{
			ID: "vnic", SubnetID: "api", Host: clusterID, Primary: true,
			Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.2")},
		}},
	}
}

// TestOrdinaryUser runs the other tests as a user who is not root.
func TestOrdinaryUser(t *testing.T) {
	for _, test := range []string{
		"TestTheAPIServerAndItsNetworkReachEachOther", "TestNothingOutlivesAKilledDaemon",
		"TestTheDataPlaneIsRestartedWithItsState",
	} {
		t.Run(test, func(t *testing.T) { machinetest.Rerun(t, test, machinetest.Machine{User: true}) })
	}
}

func TestTheAPIServerAndItsNetworkReachEachOther(t *testing.T) {
	dir := newDir(t)
	before, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, dir)
	api, err := tunnel.Listen(filepath.Join(dir, "api.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	go func() {
		for {
			conn, err := api.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "API server")
			conn.Close()
		}
	}()
	c := dataplane.Cluster{APISocket: filepath.Join(dir, "api.sock"), NodeSocket: filepath.Join(dir, "nodes.sock")}
	c.ID, c.Name, c.PrivateEndpoint = clusterID, "oke", "10.0.0.2:6443"
	s.Update(func(state *dataplane.State) {
		state.Network, state.Clusters = network(), map[string]dataplane.Cluster{clusterID: c}
	})
	eventually.Succeeds(t, 20*time.Second, "the endpoint answers", func(ctx context.Context) error {
		conn, err := net.Dial("unix", c.NodeSocket)
		if err != nil {
			return err
		}
		if conn, err = tunnel.Connect(ctx, conn, c.PrivateEndpoint); err != nil {
			return err
		}
		defer conn.Close()
		if text, err := io.ReadAll(conn); err != nil || string(text) != "API server" {
			return fmt.Errorf("read %q: %w", text, err)
		}
		return nil
	})
	if after, err := net.InterfaceAddrs(); err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("this machine has the addresses %v, and had %v before; %v", after, before, err)
	}
}

// pids returns the processes that run for a directory, by their arguments.
func pids(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && strings.HasSuffix(string(text), "dataplane\x00"+dir+"\x00localnode\x00") {
			out = append(out, filepath.Base(filepath.Dir(file)))
		}
	}
	return out
}

func TestNothingOutlivesAKilledDaemon(t *testing.T) {
	dir := newDir(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	killed := exec.Command(self, "daemon", dir)
	killed.Stderr = os.Stderr
	out, err := killed.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAtLeast(out, make([]byte, 6), 6); err != nil {
		t.Fatal(err)
	}
	if n := len(pids(t, dir)); n != 1 {
		t.Errorf("%d processes of the data plane run, want 1", n)
	}
	if err := killed.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	eventually.Succeeds(t, 5*time.Second, "the data plane ends", func(context.Context) error {
		if left := pids(t, dir); len(left) > 0 {
			return fmt.Errorf("%v run", left)
		}
		return nil
	})
	s := start(t, dir)
	if _, err := s.Status(t.Context()); err != nil {
		t.Errorf("after the next start: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), dir) {
		t.Errorf("mounts are left, or cannot be read: %v", err)
	}
	groups, err := filepath.Glob("/sys/fs/cgroup" + sandbox.Cgroup(dir))
	deeper, _ := filepath.Glob("/sys/fs/cgroup/*" + sandbox.Cgroup(dir))
	if len(groups)+len(deeper) > 0 || err != nil {
		t.Errorf("control groups are left: %v %v %v", groups, deeper, err)
	}
}

func TestTheDataPlaneIsRestartedWithItsState(t *testing.T) {
	dir := newDir(t)
	s := start(t, dir)
	c := dataplane.Cluster{APISocket: filepath.Join(dir, "api.sock"), NodeSocket: filepath.Join(dir, "nodes.sock")}
	c.ID, c.Name, c.PrivateEndpoint = clusterID, "oke", "10.0.0.2:6443"
	s.Update(func(state *dataplane.State) {
		state.Network, state.Clusters = network(), map[string]dataplane.Cluster{clusterID: c}
	})
	served := func(context.Context) error {
		conn, err := net.Dial("unix", c.NodeSocket)
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	eventually.Succeeds(t, 20*time.Second, "the node socket is served", served)
	before := pids(t, dir)
	if len(before) != 1 {
		t.Fatalf("processes %v", before)
	}
	var pid int
	if _, err := fmt.Sscan(before[0], &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, 20*time.Second, "the node socket is served again", func(ctx context.Context) error {
		if now := pids(t, dir); len(now) != 1 || now[0] == before[0] {
			return fmt.Errorf("processes %v", now)
		}
		return served(ctx)
	})
}
