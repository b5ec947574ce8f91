package capacity

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	cadvisorapi "github.com/google/cadvisor/info/v2"
)

// Disk is the file system of a node: what is below a directory fills it. What else is on the machine's file system
// takes nothing from it.
type Disk struct {
	Dir   string
	Bytes uint64 // how much it holds

	mu   sync.Mutex
	used space
	at   time.Time // of the last measure
	took time.Duration
}

// space is what files take.
type space struct{ bytes, inodes uint64 }

// bytesPerInode is how much space there is for an inode on XFS, Oracle Linux's file system: a quarter of it may be
// inodes, of 512 bytes (mkfs.xfs(8)).
const bytesPerInode = 4 * 512

// A measure that takes longer than cheapMeasure is repeated only after measurePause times the excess, so that a node
// with very many files spends no more than about 2 % of a processor on it.
const (
	cheapMeasure = 100 * time.Millisecond
	measurePause = 50
)

// refresh measures again what is used.
func (d *Disk) refresh() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.measure()
}

func (d *Disk) measure() error {
	began := time.Now()
	if began.Sub(d.at) < measurePause*(d.took-cheapMeasure) {
		return nil
	}
	used, err := usage(d.Dir)
	if err != nil {
		return err
	}
	d.used, d.at, d.took = used, time.Now(), time.Since(began)
	return nil
}

// info describes the file system as of the last measure.
func (d *Disk) info() (cadvisorapi.FsInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at.IsZero() {
		if err := d.measure(); err != nil {
			return cadvisorapi.FsInfo{}, err
		}
	}
	inodes := d.Bytes / bytesPerInode
	return cadvisorapi.FsInfo{
		Timestamp: d.at, Device: d.Dir, Mountpoint: d.Dir,
		Capacity: d.Bytes, Usage: d.used.bytes, Available: d.Bytes - min(d.used.bytes, d.Bytes),
		Inodes: new(inodes), InodesFree: new(inodes - min(d.used.inodes, inodes)),
	}, nil
}

// usage returns what the files below a directory take, without other file systems that are mounted there. Files may
// come and go meanwhile.
func usage(dir string) (used space, err error) {
	var root syscall.Stat_t
	if err := syscall.Stat(dir, &root); err != nil {
		return used, err
	}
	linked := map[uint64]bool{}
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err)
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreGone(err)
		}
		stat := info.Sys().(*syscall.Stat_t)
		if stat.Dev != root.Dev && entry.IsDir() {
			return fs.SkipDir
		}
		if stat.Nlink > 1 && !entry.IsDir() {
			if linked[stat.Ino] {
				return nil
			}
			linked[stat.Ino] = true
		}
		used.bytes += uint64(stat.Blocks) * 512 // whatever the block size of the file system is (stat(2))
		used.inodes++
		return nil
	})
	return used, err
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
