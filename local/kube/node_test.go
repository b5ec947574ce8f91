package kube

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"oke-guestbook/catalog"
)

func TestResources(t *testing.T) {
	for _, test := range []struct {
		shape     string
		ocpus, gb float64
		arch      string
		cpus      int64 // millicores of capacity
		reserved  int64 // millicores that Pods cannot use
	}{
		{"VM.Standard.A1.Flex", 2, 12, "arm64", 2000, 170},
		{"VM.Standard.A2.Flex", 1, 8, "arm64", 2000, 170},
		{"VM.Standard.E5.Flex", 2, 16, "amd64", 4000, 180},
	} {
		n := testNode(0)
		n.Shape, n.OCPUs, n.MemoryGB = test.shape, test.ocpus, test.gb
		capacity, allocatable := resources(n, test.arch)
		if got := capacity.Cpu().MilliValue(); got != test.cpus {
			t.Errorf("%s with %v OCPUs has %d millicores, want %d", test.shape, test.ocpus, got, test.cpus)
		}
		if got := capacity.Cpu().MilliValue() - allocatable.Cpu().MilliValue(); got != test.reserved {
			t.Errorf("%s with %v OCPUs reserves %d millicores, want %d", test.shape, test.ocpus, got, test.reserved)
		}
		if allocatable.Memory().Cmp(*capacity.Memory()) >= 0 {
			t.Errorf("%s reserves no memory", test.shape)
		}
	}
}

// TestNodeRooms expects the figures by which the program refuses guestbooks that are too large.
func TestNodeRooms(t *testing.T) {
	for _, want := range catalog.NodeRooms() {
		n := testNode(0)
		n.Shape, n.OCPUs, n.MemoryGB = want.Shape, want.OCPUs, want.MemoryGB
		arch := "amd64"
		if strings.Contains(want.Shape, ".A1.") {
			arch = "arm64"
		}
		_, room := resources(n, arch)
		if cpu, memory := room.Cpu().MilliValue(), room.Memory().Value()>>20; cpu != int64(want.CPUMillis) ||
			memory != int64(want.MemoryMB) {
			t.Errorf("%s with %v OCPUs and %v GB has %d millicores and %d MiB for Pods, want %+v",
				want.Shape, want.OCPUs, want.MemoryGB, cpu, memory, want)
		}
	}
}

// TestPodsOfNode expects room for as many Pods as there are addresses for, and as with flannel if that is not limited.
func TestPodsOfNode(t *testing.T) {
	for most, want := range map[int]int64{0: 110, 20: 20} {
		n := testNode(0)
		n.MaxPods = most
		if capacity, allocatable := resources(n, "arm64"); capacity.Pods().Value() != want ||
			allocatable.Pods().Value() != want {
			t.Errorf("with at most %d Pods: capacity %v, allocatable %v", most, capacity.Pods(), allocatable.Pods())
		}
	}
}

// TestRootFileSystem expects the size that the image comes with until the root file system is grown.
func TestRootFileSystem(t *testing.T) {
	for _, test := range []struct {
		bootGB int64
		grown  bool
		gib    float64
	}{{50, false, 35.5}, {100, false, 35.5}, {50, true, 38}, {100, true, 88}} {
		n := testNode(0)
		n.BootVolumeGB, n.RootGrown = test.bootGB, test.grown
		capacity, _ := resources(n, "arm64")
		if got := capacity.StorageEphemeral().Value(); got != int64(test.gib*(1<<30)) {
			t.Errorf("boot volume of %d GB, grown %t: %d bytes, want %v GiB", test.bootGB, test.grown, got, test.gib)
		}
	}
}

// TestWorker expects the node's own file system, and conditions that end as much faster as life cycles do, but not so
// fast that the scheduler misses them.
func TestWorker(t *testing.T) {
	n := testNode(0)
	n.BootVolumeGB, n.RootGrown = 100, true
	for speed, want := range map[float64]time.Duration{1: 5 * time.Minute, 10: 30 * time.Second, 100: 15 * time.Second} {
		worker := Config{Speed: speed}.worker(n)
		if worker.PressureTransition != want || worker.DiskBytes != 88<<30 {
			t.Errorf("speed %v: pressure for %s and a disk of %d bytes, want %s and 88 GiB", speed,
				worker.PressureTransition, worker.DiskBytes, want)
		}
	}
}

func TestTaints(t *testing.T) {
	n := testNode(0)
	n.Taints = []string{"team=web:NoSchedule", "spot:NoExecute"}
	got := nodeObject(n, testCluster(), "us-ashburn-1").Spec.Taints
	want := []corev1.Taint{{Key: "team", Value: "web", Effect: "NoSchedule"}, {Key: "spot", Effect: "NoExecute"}}
	if !slices.Equal(got, want) {
		t.Errorf("taints %v, want %v", got, want)
	}
}

func TestAddresses(t *testing.T) {
	a := newPodAddresses("10.244.0.0/29") // 6 addresses without the network's and the bridge's
	prefix := netip.MustParsePrefix("10.244.0.0/29")
	seen := map[netip.Addr]bool{}
	for _, uid := range []types.UID{"a", "b", "c", "d", "e", "f"} {
		ip, err := a.assign(uid, prefix)
		if err != nil || seen[ip] || !prefix.Contains(ip) {
			t.Fatalf("Pod %s got %s, %v", uid, ip, err)
		}
		seen[ip] = true
		if again, _ := a.assign(uid, prefix); again != ip {
			t.Errorf("Pod %s got %s, then %s", uid, ip, again)
		}
	}
	if ip, err := a.assign("g", prefix); err == nil {
		t.Errorf("a full range has the free address %s", ip)
	}
	a.release("c")
	if _, err := a.assign("g", prefix); err != nil {
		t.Errorf("a released address is not assigned again: %v", err)
	}
}

func TestShortNamesRefused(t *testing.T) {
	for version, want := range map[string]bool{
		"v1.33.1": false, "v1.34.0": true, "v1.36.4": true, "": false, "v1.x.0": false,
	} {
		if got := shortNamesRefused(version); got != want {
			t.Errorf("%q: %t, want %t", version, got, want)
		}
	}
}

func TestOSImage(t *testing.T) {
	for image, want := range map[string]string{
		"Oracle-Linux-9.8-aarch64-2026.08.14-0-OKE-1.36.4-1820": "Oracle Linux Server 9.8",
		"Oracle-Linux-8.10-2026.05.31-0":                        "Oracle Linux Server 8.10",
		"":                                                      "Oracle Linux Server",
	} {
		if got := osImage(image); got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}

func TestStagesLoad(t *testing.T) {
	stages, err := loadStages(100, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for ref, list := range stages {
		names[ref.Kind] = len(list)
	}
	if names["Node"] != 1 || names["Pod"] != 6 {
		t.Errorf("stages by kind: %v", names)
	}
}

func TestDNSIP(t *testing.T) {
	for services, want := range map[string]string{
		"10.96.0.0/16": "10.96.5.5", "10.2.4.0/24": "10.2.4.5", "172.16.0.0/12": "172.16.5.5",
	} {
		if got := dnsIP(services); got != want {
			t.Errorf("DNS of %s is %s, want %s", services, got, want)
		}
	}
}
