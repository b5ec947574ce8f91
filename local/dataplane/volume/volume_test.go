package volume_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/record"
	"k8s.io/kubernetes/pkg/kubelet/config"
	"k8s.io/kubernetes/pkg/kubelet/pluginmanager"
	"k8s.io/kubernetes/pkg/kubelet/pluginmanager/cache"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/volume"
	"oke-guestbook/local/eventually"
)

const (
	inside   = "VOLUME_TEST_MOUNT_NAMESPACE"
	volumeID = "ocid1.volume.oc1.iad.test"
	limit    = 30 * time.Second
)

// TestMain runs the tests again in a mount namespace of their own, so that no mount is left, and looks afterwards
// whether a loop device is.
func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	if os.Geteuid() != 0 {
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "no mount namespace:", err)
		os.Exit(m.Run())
	}
	if left, _ := filepath.Glob("/sys/block/loop*/loop/backing_file"); holdsTest(left) {
		fmt.Fprintln(os.Stderr, "a loop device is left of the tests")
		os.Exit(1)
	}
}

func holdsTest(backingFiles []string) bool {
	for _, path := range backingFiles {
		if name, err := os.ReadFile(path); err == nil && bytes.Contains(name, []byte(volumeID)) {
			return true
		}
	}
	return false
}

// needMounts skips a test that cannot mount, and fails it where CI must be able to.
func needMounts(t *testing.T) {
	t.Helper()
	if os.Getenv(inside) == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("block volumes need root and a mount namespace")
		}
		t.Skip("block volumes need root and a mount namespace")
	}
}

// node is a node with the driver.
type node struct {
	*testing.T
	csi.NodeClient
	identity csi.IdentityClient
	kubelet  string
	stop     context.CancelFunc
}

func start(t *testing.T, volumes string, loop bool) *node {
	t.Helper()
	needMounts(t)
	// A UNIX socket's path must be short.
	kubelet, err := os.MkdirTemp("", "node")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(kubelet) })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- volume.Serve(ctx, volume.Options{
			NodeName: "10.0.16.2", Zone: "PHX-AD-1", Dir: volumes, KubeletDir: kubelet, Loop: loop,
		})
	}()
	n := &node{T: t, kubelet: kubelet}
	n.stop = func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		done <- nil
	}
	t.Cleanup(n.stop)
	socket := filepath.Join(kubelet, "plugins", cloud.VolumeDriver, "csi.sock")
	eventually.Succeeds(t, limit, "the driver listens", func(context.Context) error {
		_, err := os.Stat(socket)
		return err
	})
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	n.NodeClient, n.identity = csi.NewNodeClient(conn), csi.NewIdentityClient(conn)
	return n
}

func (n *node) staging() string { return filepath.Join(n.kubelet, "staging") }

func (n *node) pod(name string) string { return filepath.Join(n.kubelet, name, "mount") }

func mountOf(fsType string) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{FsType: fsType}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER},
	}
}

func (n *node) stage(gb string) error {
	_, err := n.NodeStageVolume(n.Context(), &csi.NodeStageVolumeRequest{
		VolumeId: volumeID, StagingTargetPath: n.staging(), VolumeCapability: mountOf("ext4"),
		PublishContext: map[string]string{cloud.VolumeSizeKey: gb},
	})
	return err
}

func (n *node) publish(pod string, readOnly bool) error {
	_, err := n.NodePublishVolume(n.Context(), &csi.NodePublishVolumeRequest{
		VolumeId: volumeID, StagingTargetPath: n.staging(), TargetPath: n.pod(pod), VolumeCapability: mountOf("ext4"),
		Readonly: readOnly,
	})
	return err
}

func (n *node) unpublish(pod string) error {
	_, err := n.NodeUnpublishVolume(n.Context(), &csi.NodeUnpublishVolumeRequest{
		VolumeId: volumeID, TargetPath: n.pod(pod),
	})
	return err
}

func (n *node) unstage() error {
	_, err := n.NodeUnstageVolume(n.Context(), &csi.NodeUnstageVolumeRequest{
		VolumeId: volumeID, StagingTargetPath: n.staging(),
	})
	return err
}

func (n *node) must(errs ...error) {
	n.Helper()
	if err := errors.Join(errs...); err != nil {
		n.Fatal(err)
	}
}

func (n *node) total(path string) int64 {
	n.Helper()
	resp, err := n.NodeGetVolumeStats(n.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: volumeID, VolumePath: path})
	n.must(err)
	for _, usage := range resp.Usage {
		if usage.Total <= 0 || usage.Used < 0 || usage.Available <= 0 {
			n.Errorf("usage %v", usage)
		}
	}
	return resp.Usage[0].Total
}

const gib = 1 << 30

func TestVolumeOutlivesPodsAndNodes(t *testing.T) {
	for _, loop := range []bool{true, false} {
		t.Run(fmt.Sprint("loop ", loop), func(t *testing.T) {
			volumes := t.TempDir()
			n := start(t, volumes, loop)
			// The kubelet repeats calls.
			n.must(n.stage("50"), n.stage("50"), n.publish("a", false), n.publish("a", false), n.publish("b", true))
			n.must(os.WriteFile(filepath.Join(n.pod("a"), "entry"), []byte("안녕"), 0o600))
			if err := os.WriteFile(filepath.Join(n.pod("b"), "entry"), nil, 0o600); !errors.Is(err, unix.EROFS) {
				t.Errorf("write in a read-only volume: %v", err)
			}
			if total := n.total(n.pod("a")); loop && (total < 45*gib || total > 50*gib) {
				t.Errorf("%d bytes, want 50 GiB less what the file system needs", total)
			}
			if used := diskUsage(t, volumes); used > 200<<20 {
				t.Errorf("the empty volume uses %d MiB", used>>20)
			}
			n.must(n.unpublish("a"), n.unpublish("a"), n.unpublish("b"), n.unstage(), n.unstage())
			if _, err := os.Stat(n.pod("a")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the Pod's directory is left: %v", err)
			}
			n.stop()

			other := start(t, volumes, loop)
			other.must(other.stage("50"), other.publish("c", false))
			if got, err := os.ReadFile(filepath.Join(other.pod("c"), "entry")); err != nil || string(got) != "안녕" {
				t.Errorf("entry on another node: %q, %v", got, err)
			}
			other.must(other.unpublish("c"), other.unstage())
			exist := func(ids ...string) func() ([]string, error) {
				return func() ([]string, error) { return ids, nil }
			}
			other.must(volume.Prune(volumes, exist(volumeID)))
			if err := volume.Prune(volumes, func() ([]string, error) { return nil, unix.EIO }); !errors.Is(err, unix.EIO) {
				t.Errorf("error %v when the volumes cannot be asked for", err)
			}
			if _, err := os.Stat(filepath.Join(volumes, volumeID)); err != nil {
				t.Errorf("a volume that exists is deleted: %v", err)
			}
			other.must(volume.Prune(volumes, exist()))
			if entries, err := os.ReadDir(volumes); err != nil || len(entries) > 0 {
				t.Errorf("left of the deleted volume: %v, %v", entries, err)
			}
		})
	}
}

// diskUsage returns how many bytes the files of a directory take on the disk.
func diskUsage(t *testing.T, dir string) (used int64) {
	t.Helper()
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil {
			used += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return used
}

func TestVolumeGrows(t *testing.T) {
	volumes := t.TempDir()
	n := start(t, volumes, true)
	n.must(n.stage("50"), n.publish("a", false))
	expand := func(size int64) error {
		_, err := n.NodeExpandVolume(t.Context(), &csi.NodeExpandVolumeRequest{
			VolumeId: volumeID, VolumePath: n.pod("a"), StagingTargetPath: n.staging(),
			CapacityRange: &csi.CapacityRange{RequiredBytes: size},
		})
		return err
	}
	n.must(os.WriteFile(filepath.Join(n.pod("a"), "entry"), []byte("kept"), 0o600))
	if has, _ := unix.PrctlRetInt(unix.PR_CAPBSET_READ, unix.CAP_SYS_RESOURCE, 0, 0, 0); has == 1 {
		n.must(expand(80*gib), expand(80*gib))
	} else {
		if err := expand(80 * gib); status.Code(err) != codes.FailedPrecondition {
			t.Errorf("expansion of a mounted volume without CAP_SYS_RESOURCE: %v", err)
		}
		n.must(n.unpublish("a"), n.unstage(), n.stage("80"), n.publish("a", false), expand(80*gib))
	}
	if total := n.total(n.pod("a")); total < 75*gib || total > 80*gib {
		t.Errorf("%d bytes after the expansion to 80 GiB", total)
	}
	if got, err := os.ReadFile(filepath.Join(n.pod("a"), "entry")); err != nil || string(got) != "kept" {
		t.Errorf("entry after the expansion: %q, %v", got, err)
	}
	// A volume that grew while it was detached.
	n.must(n.unpublish("a"), n.unstage(), n.stage("100"), n.publish("a", false), expand(100*gib))
	if total := n.total(n.pod("a")); total < 95*gib {
		t.Errorf("%d bytes after the expansion to 100 GiB", total)
	}
	n.must(n.unpublish("a"), n.unstage())
	if err := expand(120 * gib); status.Code(err) != codes.NotFound {
		t.Errorf("expansion of a volume that is not mounted: %v", err)
	}
}

func TestVolumeIsOnOneNode(t *testing.T) {
	volumes := t.TempDir()
	one, two := start(t, volumes, true), start(t, volumes, true)
	one.must(one.stage("50"))
	if err := two.stage("50"); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("mount on a second node: %v", err)
	}
	one.must(one.unstage())
	two.must(two.stage("50"), two.unstage())
}

func TestUnfinishedFormatBeginsAnew(t *testing.T) {
	volumes := t.TempDir()
	n := start(t, volumes, true)
	n.must(os.MkdirAll(filepath.Join(volumes, volumeID), 0o755),
		os.WriteFile(filepath.Join(volumes, volumeID, "unfinished"), []byte("half"), 0o600))
	n.must(n.stage("50"), n.unstage())
}

func TestRefusals(t *testing.T) {
	n := start(t, t.TempDir(), true)
	size := map[string]string{cloud.VolumeSizeKey: "50"}
	block := &csi.VolumeCapability{AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}}}
	for _, test := range []struct {
		name, volume string
		capability   *csi.VolumeCapability
		context      map[string]string
		code         codes.Code
		want         string
	}{
		{"path as volume", "../other", mountOf(""), size, codes.InvalidArgument, `the volume "../other" is not an OCID`},
		{"parent as volume", "..", mountOf(""), size, codes.InvalidArgument, `the volume ".." is not an OCID`},
		{"raw block", volumeID, block, size, codes.InvalidArgument, "use the volume mode Filesystem"},
		{"file system", volumeID, mountOf("btrfs"), size, codes.InvalidArgument, "use ext4 or xfs"},
		{"no size", volumeID, mountOf(""), nil, codes.InvalidArgument, "size"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := n.NodeStageVolume(t.Context(), &csi.NodeStageVolumeRequest{
				VolumeId: test.volume, StagingTargetPath: n.staging(), VolumeCapability: test.capability,
				PublishContext: test.context,
			})
			if status.Code(err) != test.code || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s: %s", err, test.code, test.want)
			}
		})
	}
	if err := n.publish("a", false); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a Pod's mount of a volume that is not mounted: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := n.stage("50"); err == nil || !strings.Contains(err.Error(), "apt install e2fsprogs") {
		t.Errorf("without mkfs.ext4: %v", err)
	}
}

// registered is the kubelet's handler of plugins.
type registered struct{ endpoint chan string }

func (registered) ValidatePlugin(string, string, []string) error { return nil }
func (registered) DeRegisterPlugin(string, string)               {}
func (r registered) RegisterPlugin(name, endpoint string, _ []string, _ *time.Duration) error {
	if name == cloud.VolumeDriver {
		r.endpoint <- endpoint
	}
	return nil
}

func TestKubeletRegistersTheDriver(t *testing.T) {
	n := start(t, t.TempDir(), true)
	manager := pluginmanager.NewPluginManager(filepath.Join(n.kubelet, "plugins_registry"), record.NewFakeRecorder(10))
	handler := registered{make(chan string, 1)}
	manager.AddHandler("CSIPlugin", cache.PluginHandler(handler))
	ready := config.NewSourcesReady(func(sets.Set[string]) bool { return true })
	go manager.Run(t.Context(), ready, t.Context().Done())
	select {
	case endpoint := <-handler.endpoint:
		if want := filepath.Join(n.kubelet, "plugins", cloud.VolumeDriver, "csi.sock"); endpoint != want {
			t.Errorf("endpoint %s, want %s", endpoint, want)
		}
	case <-time.After(limit):
		t.Fatal("the kubelet's plugin manager does not register the driver")
	}
	info, err := n.NodeGetInfo(t.Context(), &csi.NodeGetInfoRequest{})
	n.must(err)
	if info.NodeId != "10.0.16.2" || info.MaxVolumesPerNode != 32 ||
		info.AccessibleTopology.Segments["topology.kubernetes.io/zone"] != "PHX-AD-1" {
		t.Errorf("node %v", info)
	}
	plugin, err := n.identity.GetPluginInfo(t.Context(), &csi.GetPluginInfoRequest{})
	n.must(err)
	if plugin.Name != cloud.VolumeDriver {
		t.Errorf("plugin %v", plugin)
	}
	if _, err := n.identity.Probe(t.Context(), &csi.ProbeRequest{}); err != nil {
		t.Error(err)
	}
}
