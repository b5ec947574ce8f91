package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

var (
	errInUse   = errors.New("the volume's file is in use by another node")
	errMounted = errors.New("this machine lets the file system grow only while it is not mounted, because " +
		"CAP_SYS_RESOURCE is missing: delete the Pod; its successor has the volume with its new size")
)

// filesystem is a kind of file system.
type filesystem struct {
	name string
	// make makes one in the file that is appended, without writing what the sparse file has already: zeros.
	make []string
	// mountOptions keep the file sparse: they give back deleted blocks, and write no zeros in the background.
	mountOptions []string
	// grow makes it as large as its device. It is followed by the device, or by the directory where it is mounted.
	grow       []string
	growByPath bool
	// check comes before grow while the file system is not mounted; without, it grows only while it is.
	check  []string
	debian string // package of the commands
}

var filesystems = []filesystem{
	{
		name:         "ext4",
		make:         []string{"mkfs.ext4", "-q", "-F", "-m0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard"},
		mountOptions: []string{"discard", "noinit_itable"}, grow: []string{"resize2fs"},
		check: []string{"e2fsck", "-f", "-p"}, debian: "e2fsprogs",
	},
	{
		name: "xfs", make: []string{"mkfs.xfs", "-q", "-f", "-K"},
		mountOptions: []string{"discard", "nouuid"}, grow: []string{"xfs_growfs", "-d"}, growByPath: true, debian: "xfsprogs",
	},
}

func kindOf(name string) (filesystem, error) {
	for _, fs := range filesystems {
		if fs.name == name {
			return fs, nil
		}
	}
	return filesystem{}, fmt.Errorf("the file system %q is not supported: use ext4 or xfs", name)
}

// ensure returns the file of a volume with a file system. One that exists is not formatted again, whatever kind of
// file system is wanted.
func (fs filesystem) ensure(ctx context.Context, dir string, size int64) (string, error) {
	if disk, existing := findDisk(dir); existing.name != "" {
		if existing.name != fs.name {
			return "", fmt.Errorf("the volume has the file system %s, not %s", existing.name, fs.name)
		}
		return disk, fs.growUnmounted(ctx, disk, size)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	// The name tells that the formatting has ended.
	unfinished := filepath.Join(dir, "unfinished")
	if err := os.RemoveAll(unfinished); err != nil {
		return "", err
	}
	if err := extend(unfinished, size); err != nil {
		return "", err
	}
	if err := fs.run(ctx, fs.make, unfinished); err != nil {
		return "", err
	}
	disk := filepath.Join(dir, fs.name)
	return disk, os.Rename(unfinished, disk)
}

// findDisk returns the file of a volume and its kind of file system, which is the file's name.
func findDisk(dir string) (string, filesystem) {
	for _, fs := range filesystems {
		path := filepath.Join(dir, fs.name)
		if _, err := os.Stat(path); err == nil {
			return path, fs
		}
	}
	return "", filesystem{}
}

// growUnmounted grows a file that is smaller than its volume, with its file system if that can.
func (fs filesystem) growUnmounted(ctx context.Context, disk string, size int64) error {
	if large, err := isLarge(disk, size); err != nil || large {
		return err
	}
	if fs.check == nil {
		return extend(disk, size)
	}
	if err := fs.run(ctx, fs.check, disk); err != nil {
		return err
	}
	if err := extend(disk, size); err != nil {
		return err
	}
	return fs.run(ctx, fs.grow, disk)
}

// extend makes a sparse file at least that large.
func extend(path string, size int64) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if large, err := isLarge(path, size); err != nil || large {
		return err
	}
	return file.Truncate(size)
}

func isLarge(path string, size int64) (bool, error) {
	info, err := os.Stat(path)
	return err == nil && info.Size() >= size, err
}

func (fs filesystem) run(ctx context.Context, command []string, argument string) error {
	if _, err := exec.LookPath(command[0]); err != nil {
		return fmt.Errorf("%s is missing: install it (on Debian: apt install %s): %w", command[0], fs.debian, err)
	}
	out, err := exec.CommandContext(ctx, command[0], append(command[1:], argument)...).CombinedOutput()
	if exit := new(exec.ExitError); command[0] == "e2fsck" && errors.As(err, &exit) && exit.ExitCode() == 1 {
		return nil // it has repaired what an interrupted node left
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", command[0], argument, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// growDisk grows a volume's file, its loop device and its file system, which is mounted.
func growDisk(ctx context.Context, dir, mounted string, size int64) error {
	disk, fs := findDisk(dir)
	if fs.name == "" {
		return fmt.Errorf("%s has no file system", dir)
	}
	large, err := isLarge(disk, size)
	if err != nil {
		return err
	}
	if fs.check != nil && !mayResize() {
		if large {
			return nil // it has grown before it was mounted
		}
		return errMounted
	}
	if err := extend(disk, size); err != nil {
		return err
	}
	device, err := loopOf(disk)
	if err != nil {
		return err
	}
	if device == nil {
		return fmt.Errorf("%s has no loop device", disk)
	}
	defer device.Close()
	if err := unix.IoctlSetInt(int(device.Fd()), unix.LOOP_SET_CAPACITY, 0); err != nil {
		return fmt.Errorf("size of %s: %w", device.Name(), err)
	}
	argument := device.Name()
	if fs.growByPath {
		argument = mounted
	}
	return fs.run(ctx, fs.grow, argument)
}

// mayResize reports whether the kernel lets this process grow a mounted ext4.
func mayResize() bool {
	has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, unix.CAP_SYS_RESOURCE, 0, 0, 0)
	return err == nil && has == 1
}

const (
	releaseTimeout = 2 * time.Second // for a loop device that is being released
	releasePoll    = 50 * time.Millisecond
)

// attachLoop attaches a file to a free loop device, which is released when nothing has it open or mounted.
func attachLoop(ctx context.Context, path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("loop devices: %w", err)
	}
	defer control.Close()
	err = wait.PollUntilContextTimeout(ctx, releasePoll, releaseTimeout, true, func(context.Context) (bool, error) {
		used, err := loopOf(path)
		if used != nil {
			used.Close()
		}
		return used == nil, err
	})
	if wait.Interrupted(err) {
		return nil, errInUse
	}
	if err != nil {
		return nil, err
	}
	for {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("free loop device: %w", err)
		}
		device, err := os.OpenFile(fmt.Sprint("/dev/loop", number), os.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		config := &unix.LoopConfig{Fd: uint32(file.Fd())}
		config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
		copy(config.Info.File_name[:len(config.Info.File_name)-1], path)
		err = unix.IoctlLoopConfigure(int(device.Fd()), config)
		if err == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) { // another process was faster
			return nil, fmt.Errorf("attach %s to %s, which needs Linux 5.8: %w", path, device.Name(), err)
		}
	}
}

// loopOf returns the loop device of a file, opened, or nil if it has none. It finds those of other namespaces, too.
func loopOf(path string) (*os.File, error) {
	var want unix.Stat_t
	if err := unix.Stat(path, &want); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	busy, err := filepath.Glob("/sys/block/loop*/loop")
	if err != nil {
		return nil, err
	}
	for _, entry := range busy {
		device, err := os.OpenFile("/dev/"+filepath.Base(filepath.Dir(entry)), os.O_RDWR, 0)
		if err != nil {
			continue // it has gone
		}
		info, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
		if err == nil && info.Device == want.Dev && info.Inode == want.Ino {
			return device, nil
		}
		device.Close()
	}
	return nil, nil
}
