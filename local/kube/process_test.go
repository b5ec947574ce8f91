package kube

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"oke-guestbook/local/eventually"
	"oke-guestbook/local/oci"
)

// hold runs a cluster in dir, prints the pids of its processes and then "ready", and runs until it is killed.
func hold(dir string) {
	binary, err := os.Executable()
	if err == nil {
		m := New(Config{Dir: dir, Binary: binary, Region: "us-ashburn-1", Log: slog.New(slog.DiscardHandler)})
		if _, err = m.Start(context.Background(), testCluster()); err == nil {
			for pid := range processes(m) {
				fmt.Println(pid)
			}
			fmt.Println("ready")
			select {}
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// TestKillLeavesNoOrphan kills a daemon, so that it cannot clean up, and restarts its cluster.
func TestKillLeavesNoOrphan(t *testing.T) {
	cfg := testConfig(t)
	cmd := exec.Command(cfg.Binary, "hold", cfg.Dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var pids []int
	last := ""
	for lines := bufio.NewScanner(out); last != "ready" && lines.Scan(); {
		last = lines.Text()
		var pid int
		if _, err := fmt.Sscan(last, &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	if last != "ready" || len(pids) != 4 {
		t.Fatalf("pids %v, then %q", pids, last)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "signal: killed"
	eventually.Succeeds(t, 10*time.Second, "all processes have ended", func(context.Context) error {
		for _, pid := range pids {
			if alive(pid) == nil && !zombie(pid) {
				return fmt.Errorf("pid %d runs", pid)
			}
		}
		return nil
	})
	_, api := startCluster(t, cfg, 1)
	eventually.Succeeds(t, 20*time.Second, "a node is ready after the crash", func(ctx context.Context) error {
		nodes, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, n := range nodes.Items {
			for _, cond := range n.Status.Conditions {
				if cond.Type == corev1.NodeReady && cond.Status == corev1.ConditionTrue {
					return nil
				}
			}
		}
		return fmt.Errorf("%d nodes, none ready", len(nodes.Items))
	})
}

// zombie reports whether a process has ended but is not reaped yet.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// TestUpgrade upgrades a cluster from the oldest minor version that is offered, which the processes emulate, to the
// newest, which is their own one or an older one.
func TestUpgrade(t *testing.T) {
	m := New(testConfig(t))
	t.Cleanup(func() { _ = m.Close() })
	ctx := t.Context()
	cluster := testCluster()
	offered := oci.KubernetesVersions
	oldest, newest := offered[0], offered[len(offered)-1]
	for _, version := range []string{oldest, "v1.35.2", newest} {
		cluster.Version = version
		if _, err := m.Start(ctx, cluster); err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		api := apiClient(t, m)
		info, err := api.Discovery().ServerVersion()
		if err != nil {
			t.Fatal(err)
		}
		if got := "v" + info.EmulationMajor + "." + info.EmulationMinor; got != "v"+minorVersion(version) {
			t.Errorf("a cluster of %s has the API of %s", version, got)
		}
		name := "from-" + strings.ReplaceAll(version, ".", "-")
		mustCreate(t, api.CoreV1().Namespaces(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	name := "from-" + strings.ReplaceAll(oldest, ".", "-")
	if _, err := apiClient(t, m).CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{}); err != nil {
		t.Errorf("an object from before the upgrade: %v", err)
	}
}

func TestStartErrors(t *testing.T) {
	cfg := testConfig(t)
	cfg.Binary = "/bin/false"
	m := New(cfg)
	t.Cleanup(func() { _ = m.Close() })
	_, err := m.Start(t.Context(), testCluster())
	if err == nil || !strings.Contains(err.Error(), "does not stay up") {
		t.Errorf("a component that cannot run: %v", err)
	}
	bad := testCluster()
	bad.ServicesCIDR = "10.96.0.0"
	if _, err := m.Start(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "services CIDR") {
		t.Errorf("a bad services CIDR: %v", err)
	}
}

// TestPortInUse starts on a port that the process of a killed daemon releases a moment later.
func TestPortInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(testConfig(t), t.TempDir())
	c.state.APIPort = listener.Addr().(*net.TCPAddr).Port
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.pickPorts(cancelled); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a port that stays in use: %v", err)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = listener.Close() })
	if err := c.pickPorts(t.Context()); err != nil {
		t.Error(err)
	}
}
