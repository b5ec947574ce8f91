package capacity

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	cadvisorapi "github.com/google/cadvisor/info/v1"
	cadvisorapiv2 "github.com/google/cadvisor/info/v2"
	"k8s.io/kubernetes/pkg/kubelet/cadvisor"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write writes a file of so many KiB.
func write(t *testing.T, path string, kibibytes int) {
	t.Helper()
	must(t, os.WriteFile(path, make([]byte, kibibytes<<10), 0o600))
}

// TestUsage counts what files take, each of them once.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	empty, err := usage(dir)
	must(t, err)
	write(t, filepath.Join(dir, "file"), 256)
	must(t, os.Link(filepath.Join(dir, "file"), filepath.Join(dir, "again")))
	must(t, os.Symlink("/", filepath.Join(dir, "elsewhere")))
	must(t, os.Truncate(filepath.Join(dir, "file"), 1<<40)) // a hole takes nothing
	mounted := filepath.Join(dir, "mounted")
	must(t, os.Mkdir(mounted, 0o700))
	if err := syscall.Mount("tmpfs", mounted, "tmpfs", 0, ""); err != nil {
		t.Logf("not tested with a mount: %v", err)
	} else {
		defer func() { must(t, syscall.Unmount(mounted, 0)) }()
		write(t, filepath.Join(mounted, "file"), 512)
	}
	full, err := usage(dir)
	must(t, err)
	if grown := full.bytes - empty.bytes; grown < 256<<10 || grown > 300<<10 {
		t.Errorf("%d bytes, want those of a file of 256 KiB", grown)
	}
	if empty.inodes != 1 || full.inodes != 3 {
		t.Errorf("%d inodes, then %d; want the directory, then a file and a link besides", empty.inodes, full.inodes)
	}
	if _, err := usage(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a directory that does not exist has a size")
	}
}

// machine is a machine of 64 GiB, with a topmost group that uses 3.
type machine struct{ cadvisor.Interface }

func (machine) ContainerInfoV2(
	name string, _ cadvisorapiv2.RequestOptions,
) (map[string]cadvisorapiv2.ContainerInfo, error) {
	info := cadvisorapiv2.ContainerInfo{
		Spec:  cadvisorapiv2.ContainerSpec{HasMemory: true},
		Stats: []*cadvisorapiv2.ContainerStats{{Memory: &cadvisorapi.MemoryStats{WorkingSet: 3 << 30}}},
	}
	info.Spec.Memory.Limit = 64 << 30
	return map[string]cadvisorapiv2.ContainerInfo{name: info}, nil
}

func TestMemory(t *testing.T) {
	for name, tc := range map[string]struct {
		group    string
		memory   uint64
		measured bool
		want     uint64
	}{
		"a node":                      {"/", 8 << 30, true, 8 << 30},
		"without control groups":      {"/", 8 << 30, false, 64 << 30},
		"the machine's size":          {"/", 0, true, 64 << 30},
		"a group below":               {"/kubepods", 8 << 30, true, 64 << 30},
		"no memory is left, not less": {"/", 2 << 30, true, 3 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			m := Machine{Interface: machine{}, Memory: tc.memory, Measured: tc.measured}
			infos, err := m.ContainerInfoV2(tc.group, cadvisorapiv2.RequestOptions{})
			must(t, err)
			if got := infos[tc.group].Spec.Memory.Limit; got != tc.want {
				t.Errorf("%d bytes, want %d", got, tc.want)
			}
		})
	}
}

// TestDisk measures the file system when the eviction manager wants new figures, and not before.
func TestDisk(t *testing.T) {
	dir := t.TempDir()
	m := Machine{Interface: machine{}, Disk: Disk{Dir: dir, Bytes: 1 << 20}}
	used := func() uint64 {
		t.Helper()
		info, err := m.RootFsInfo()
		must(t, err)
		images, err := m.GetDirFsInfo("/images")
		must(t, err)
		if info.Capacity != 1<<20 || info.Available != info.Capacity-min(info.Usage, info.Capacity) ||
			images.Available != info.Available || images.Device != info.Device || *info.Inodes != 512 || *info.InodesFree > 511 {
			t.Errorf("%+v, and for images %+v", info, images)
		}
		return info.Usage
	}
	refresh := func() {
		t.Helper()
		_, err := m.ContainerInfoV2("/", cadvisorapiv2.RequestOptions{MaxAge: new(time.Duration(0))})
		must(t, err)
	}
	empty := used()
	write(t, filepath.Join(dir, "file"), 512)
	if got := used(); got != empty {
		t.Errorf("%d bytes without a new measure, %d before", got, empty)
	}
	refresh()
	if got := used(); got < empty+512<<10 {
		t.Errorf("%d bytes with a file of 512 KiB, %d before", got, empty)
	}
	write(t, filepath.Join(dir, "file"), 2048) // more than there is room for
	m.Disk.took = time.Second
	refresh()
	if got := used(); got > 1<<20 {
		t.Errorf("%d bytes: it measures again at once, although that takes a second", got)
	}
	m.Disk.at = m.Disk.at.Add(-46 * time.Second)
	refresh()
	if got := used(); got < 2<<20 {
		t.Errorf("%d bytes with a file of 2 MiB", got)
	}
}
