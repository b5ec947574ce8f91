package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// need is what a step writes to the directory of a setting, in bytes, with room to spare.
type need struct {
	setting, dir string
	bytes        uint64
}

const gb = 1 << 30

// statfs is replaced where a test needs a full disk.
var statfs = syscall.Statfs

// checkDir makes dir and proves that files can be written there.
func checkDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("LOCAL_DIR=%s cannot be made: %w; choose a directory that you may write to", dir, err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("LOCAL_DIR=%s cannot be written to: %w; choose a directory that you may write to", dir, err)
	}
	defer os.Remove(probe.Name())
	_, err = probe.Write(make([]byte, 64<<10))
	if err := errors.Join(err, probe.Close()); err != nil {
		return fmt.Errorf("LOCAL_DIR=%s: %w; free some space there or choose another directory", dir, err)
	}
	return nil
}

// checkSpace says which settings point to a file system that has less free than they need together.
func checkSpace(needs ...need) error {
	disks := map[uint64][]need{}
	free := map[uint64]uint64{}
	for _, n := range needs {
		existing := n.dir
		info, err := os.Stat(existing)
		for ; err != nil && existing != filepath.Dir(existing); info, err = os.Stat(existing) {
			existing = filepath.Dir(existing)
		}
		var fs syscall.Statfs_t
		if err == nil {
			err = statfs(existing, &fs)
		}
		if err != nil {
			return fmt.Errorf("%s=%s: %w", n.setting, n.dir, err)
		}
		disk := info.Sys().(*syscall.Stat_t).Dev
		disks[disk], free[disk] = append(disks[disk], n), fs.Bavail*uint64(fs.Bsize)
	}
	var problems []error
	for disk, there := range disks {
		var names, places []string
		var sum uint64
		for _, n := range there {
			names, places, sum = append(names, n.setting), append(places, n.setting+"="+n.dir), sum+n.bytes
		}
		if free[disk] < sum {
			problems = append(problems, fmt.Errorf("%s: %.1f GB free, %.0f GB are needed; free some space or set %s to a larger disk",
				strings.Join(places, ", "), float64(free[disk])/gb, float64(sum)/gb, strings.Join(names, " or ")))
		}
	}
	return errors.Join(problems...)
}
