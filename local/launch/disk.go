package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Free space that a step may need, in bytes: the sum of what it writes, with room to spare.
const (
	spaceToRun   = 1 << 30
	spaceToBuild = 12 << 30
)

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

// checkSpace says which setting points to a file system that has less than need bytes free.
func checkSpace(setting, dir string, need uint64) error {
	existing := dir
	for {
		if _, err := os.Stat(existing); err == nil || existing == filepath.Dir(existing) {
			break
		}
		existing = filepath.Dir(existing)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(existing, &fs); err != nil {
		return fmt.Errorf("%s=%s: %w", setting, dir, err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < need {
		return fmt.Errorf("%s=%s: %.1f GB free, %.0f GB are needed; free some space or set %s to a larger disk",
			setting, dir, float64(free)/(1<<30), float64(need)/(1<<30), setting)
	}
	return nil
}
