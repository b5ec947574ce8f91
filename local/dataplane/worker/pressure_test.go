package worker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	statsapi "k8s.io/kubelet/pkg/apis/stats/v1alpha1"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/dataplane/machinetest"
	"oke-guestbook/local/dataplane/worker"
	"oke-guestbook/local/dataplane/worker/node"
	"oke-guestbook/local/dataplane/worker/podnet"
	"oke-guestbook/local/eventually"
)

// The nodes of TestPressure have 256 MiB for Pods, of which the kubelet keeps 100 free, or a disk of 200 MiB, of which
// it keeps 30 free.
const (
	littleMemory   = 1 << 30
	littleReserved = littleMemory - 156<<20
	littleDisk     = 200 << 20
)

// TestPressureForAnOrdinaryUser does the same in a user namespace. Where the user has no control groups, the node
// has pressure of its disk only.
func TestPressureForAnOrdinaryUser(t *testing.T) {
	const script = `mount --make-rprivate / && mount -t proc proc /proc && "$0" -test.run='^TestPressure$' -test.v; exit`
	if os.Geteuid() == 0 {
		skipUnlessPossible(t)
		t.Parallel()
		dir, err := os.MkdirTemp("", "pod") // which the user may read
		if err == nil {
			err = os.Chmod(dir, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		machinetest.Rerun(t, "TestPressureForAnOrdinaryUser", machinetest.Machine{User: true},
			podVariable+"="+buildPod(t, dir))
		return
	}
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", script, os.Args[0])
	cmd.Stdout, cmd.Stderr = &out, &out
	err := machine.Start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	t.Logf("in namespaces of its own:\n%s", &out)
	if err != nil || !strings.Contains(out.String(), "--- PASS: TestPressure") {
		t.Error("TestPressure did not pass: ", err)
	}
}

// TestPressure fills the memory of a node, and the disk of another one.
func TestPressure(t *testing.T) {
	skipUnlessPossible(t)
	t.Parallel()
	const podRange = "10.244.0.0/16"
	c := newCluster(t, podRange)
	disk := c.startNode("10.0.64.2", podnet.Network{}, func(cfg *worker.Config) {
		cfg.DiskBytes, cfg.PressureTransition = littleDisk, pressureTransition
	})
	nodes := []*testNode{disk}
	var memory *testNode
	if node.HaveCgroups() {
		memory = c.startNode("10.0.64.3", podnet.Network{}, func(cfg *worker.Config) {
			cfg.MemoryBytes, cfg.ReservedMemoryBytes = littleMemory, littleReserved
			cfg.PressureTransition = pressureTransition
		})
		nodes = append(nodes, memory)
	}
	c.ranges(netip.MustParsePrefix(podRange), nodes...)
	c.waitReady(disk)
	c.checkDisk(disk)
	c.fill(disk, "/data/file", 175)
	if memory != nil {
		c.waitReady(memory)
		c.checkMemory(memory)
		c.fill(memory, "memory", 200)
		c.seePressure(memory, corev1.ResourceMemory, corev1.NodeMemoryPressure, corev1.TaintNodeMemoryPressure)
	}
	c.seePressure(disk, corev1.ResourceEphemeralStorage, corev1.NodeDiskPressure, corev1.TaintNodeDiskPressure)
	for _, n := range nodes {
		eventually.Succeeds(t, 60*time.Second, "the pressure on "+n.name+" is gone", func(ctx context.Context) error {
			if has := c.pressure(ctx, n); len(has) > 0 {
				return fmt.Errorf("the node has %v", has)
			}
			return nil
		})
	}
}

// pressureTransition is a little more than the time after which a kubelet reports conditions.
const pressureTransition = 12 * time.Second

// checkDisk checks what the node says of its disk before anything fills it.
func (c *cluster) checkDisk(n *testNode) {
	c.t.Helper()
	object, err := c.api.CoreV1().Nodes().Get(c.t.Context(), n.name, metav1.GetOptions{})
	c.must(err)
	all, room := object.Status.Capacity.StorageEphemeral(), object.Status.Allocatable.StorageEphemeral()
	if all.Value() != littleDisk || room.Value() != littleDisk*9/10 {
		c.t.Errorf("ephemeral storage %s of %s, want 90 %% of %d", room, all, littleDisk)
	}
	fs := c.summary(n).Fs
	if *fs.AvailableBytes+*fs.UsedBytes != littleDisk || *fs.UsedBytes == 0 || *fs.AvailableBytes < littleDisk/2 {
		c.t.Errorf("%d bytes of the disk are free and %d in use, want %d in sum", *fs.AvailableBytes, *fs.UsedBytes,
			littleDisk)
	}
}

// checkMemory checks what the node says of its memory before anything fills it.
func (c *cluster) checkMemory(n *testNode) {
	c.t.Helper()
	object, err := c.api.CoreV1().Nodes().Get(c.t.Context(), n.name, metav1.GetOptions{})
	c.must(err)
	if got := object.Status.Allocatable.Memory().Value(); got != littleMemory-littleReserved {
		c.t.Errorf("%d bytes of memory for Pods, want %d", got, littleMemory-littleReserved)
	}
	memory := c.summary(n).Memory
	free, used := *memory.AvailableBytes, *memory.WorkingSetBytes
	if free+used != littleMemory || free < 100<<20 {
		c.t.Errorf("%d bytes of memory are free and %d in use, want %d in sum", free, used, littleMemory)
	}
	limit, err := os.ReadFile("/sys/fs/cgroup/memory" + n.cfg.Cgroup + "/memory.limit_in_bytes")
	if errors.Is(err, os.ErrNotExist) {
		limit, err = os.ReadFile("/sys/fs/cgroup" + n.cfg.Cgroup + "/memory.max") // version 2
	}
	if err != nil || strings.TrimSpace(string(limit)) != strconv.Itoa(littleMemory) {
		c.t.Errorf("the node's control group can have %s bytes, %v, want %d", limit, err, littleMemory)
	}
}

// summary returns the kubelet's figures of its node, by which it decides about evictions.
func (c *cluster) summary(n *testNode) statsapi.NodeStats {
	c.t.Helper()
	var summary statsapi.Summary
	c.must(json.Unmarshal(c.askKubelet(n, "/stats/summary"), &summary))
	return summary.Node
}

// evicted returns an error unless the Pod of a node was evicted because the node had too little of a resource.
func (c *cluster) evicted(ctx context.Context, n *testNode, resource corev1.ResourceName) error {
	pod, err := c.api.CoreV1().Pods("default").Get(ctx, n.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	want := "The node was low on resource: " + string(resource) + ". Threshold quantity: "
	if s := pod.Status; s.Phase != corev1.PodFailed || s.Reason != "Evicted" || !strings.HasPrefix(s.Message, want) {
		return fmt.Errorf("it is %s: %s: %s", s.Phase, s.Reason, s.Message)
	}
	c.t.Log(pod.Status.Message)
	return nil
}

// fill runs a Pod that fills memory or a file. It has the name of its node.
func (c *cluster) fill(n *testNode, what string, mebibytes int) {
	c.t.Helper()
	const volume = "data"
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: n.name},
		Spec: corev1.PodSpec{
			NodeName: n.name, AutomountServiceAccountToken: new(false),
			Containers: []corev1.Container{{
				Name: "main", Image: testImage, Args: []string{what, fmt.Sprint(mebibytes)},
				VolumeMounts: []corev1.VolumeMount{{Name: volume, MountPath: "/data"}},
			}},
			Volumes: []corev1.Volume{{
				Name: volume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
			}},
		},
	}
	eventually.Succeeds(c.t, 20*time.Second, "Pod "+pod.Name+" is created", func(ctx context.Context) error {
		_, err := c.api.CoreV1().Pods("default").Create(ctx, pod, metav1.CreateOptions{})
		return err // there is no service account yet
	})
}

// pressure returns the node's conditions and taints of pressure.
func (c *cluster) pressure(ctx context.Context, n *testNode) map[string]bool {
	object, err := c.api.CoreV1().Nodes().Get(ctx, n.name, metav1.GetOptions{})
	c.must(err)
	has := map[string]bool{}
	for _, condition := range object.Status.Conditions {
		if strings.HasSuffix(string(condition.Type), "Pressure") && condition.Status == corev1.ConditionTrue {
			has[string(condition.Type)] = true
		}
	}
	for _, taint := range object.Spec.Taints {
		if strings.HasSuffix(taint.Key, "-pressure") {
			has[taint.Key] = true
		}
	}
	return has
}

// seePressure waits until the node has had a condition with its taint, and its Pod was evicted.
func (c *cluster) seePressure(
	n *testNode, resource corev1.ResourceName, condition corev1.NodeConditionType, taint string,
) {
	c.t.Helper()
	had := map[string]bool{}
	eventually.Succeeds(c.t, 60*time.Second, n.name+" has had "+string(condition), func(ctx context.Context) error {
		maps.Copy(had, c.pressure(ctx, n))
		if len(had) != 2 || !had[string(condition)] || !had[taint] {
			return fmt.Errorf("it has had %v, want %s and %s", had, condition, taint)
		}
		return c.evicted(ctx, n, resource)
	})
}
