// Package diskspace checks that directories can be written to and have enough free space.
package diskspace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// GB is the unit of the messages.
const GB = 1 << 30

// Need is the space that a step takes in a directory.
type Need struct {
	Setting string // environment variable that names the directory, for messages
	Dir     string // may not exist yet
	Bytes   uint64
}

// CheckWritable creates dir if it is missing, and writes a file there. It returns an error that wraps the system's.
func CheckWritable(setting, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("%s=%s cannot be created: %w; choose a directory that you may write to", setting, dir, err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("%s=%s cannot be written to: %w; choose a directory that you may write to", setting, dir, err)
	}
	defer os.Remove(probe.Name())
	_, err = probe.Write(make([]byte, 64<<10))
	if err := errors.Join(err, probe.Close()); err != nil {
		return fmt.Errorf("%s=%s: %w; free some space there or choose another directory", setting, dir, err)
	}
	return nil
}

// CheckExecutable refuses a directory whose file system is mounted so that no program in it can run.
func CheckExecutable(setting, dir string) error {
	const noexec = 8 // ST_NOEXEC of statvfs(3)
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("%s=%s: %w", setting, dir, err)
	}
	if fs.Flags&noexec != 0 {
		return fmt.Errorf("%s=%s is on a file system that is mounted noexec, and programs in it have to run; "+
			"choose a directory elsewhere", setting, dir)
	}
	return nil
}

// FreeBytes returns the space that a user may still fill on the file system of an existing path.
type FreeBytes func(path string) (uint64, error)

// system asks the operating system.
func system(path string) (uint64, error) {
	var fs syscall.Statfs_t
	err := syscall.Statfs(path, &fs)
	return fs.Bavail * uint64(fs.Bsize), err
}

// Check returns an error for each file system with less free space than the needs on it have in sum. Free replaces the
// operating system's answer in tests; nil otherwise.
func Check(free FreeBytes, needs ...Need) error {
	if free == nil {
		free = system
	}
	type fileSystem struct {
		free  uint64
		needs []Need
	}
	systems := map[uint64]*fileSystem{}
	for _, n := range needs {
		existing := n.Dir
		info, err := os.Stat(existing)
		for ; err != nil && existing != filepath.Dir(existing); info, err = os.Stat(existing) {
			existing = filepath.Dir(existing)
		}
		var bytes uint64
		if err == nil {
			bytes, err = free(existing)
		}
		if err != nil {
			return fmt.Errorf("%s=%s: %w", n.Setting, n.Dir, err)
		}
		device := info.Sys().(*syscall.Stat_t).Dev
		if systems[device] == nil {
			systems[device] = &fileSystem{free: bytes}
		}
		systems[device].needs = append(systems[device].needs, n)
	}
	var problems []error
	for _, s := range systems {
		problems = append(problems, shortage(s.free, s.needs))
	}
	return errors.Join(problems...)
}

// shortage returns an error if the needs, which share a file system, exceed its free space.
func shortage(free uint64, needs []Need) error {
	var names, places []string
	var sum uint64
	for _, n := range needs {
		names, places, sum = append(names, n.Setting), append(places, n.Setting+"="+n.Dir), sum+n.Bytes
	}
	if free >= sum {
		return nil
	}
	return fmt.Errorf("%s: %.1f GB free, %.0f GB are needed; free some space or set %s to a larger disk",
		strings.Join(places, ", "), float64(free)/GB, float64(sum)/GB, strings.Join(names, " or "))
}
