package machine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

// init makes a process that Missing has started the probe.
func init() {
	if os.Getenv(probeVariable) == "" {
		return
	}
	for _, lack := range try() {
		fmt.Println(strings.ReplaceAll(lack, "\n", " "))
	}
	os.Exit(0)
}

// try does what nodes do, in namespaces of its own, and says what it could not.
func try() []string {
	if err := tryMounts(os.TempDir()); err != nil {
		// All else needs the same rights.
		return []string{explain("the right to mount", err)}
	}
	var missing []string
	if err := tryReadOnly(os.TempDir()); err != nil {
		missing = append(missing, fmt.Sprintf("Linux 5.12 or newer, for read-only mounts: %v", err))
	}
	if err := tryLoop(); err != nil && !InUserNamespace() {
		missing = append(missing, fmt.Sprintf("loop devices for block volumes (modprobe loop; in a container: start it with "+
			"--privileged -v /dev:/dev): %v", err))
	}
	if err := TryOverlay(os.TempDir()); err != nil {
		missing = append(missing, fmt.Sprintf("the file system overlay (sudo modprobe overlay): %v", err))
	}
	for _, kind := range []string{"veth", "vxlan"} {
		if err := tryLink(kind); err != nil {
			missing = append(missing, fmt.Sprintf("network interfaces of type %s (sudo modprobe %[1]s): %[2]v", kind, err))
		}
	}
	if err := tryRules(); err != nil {
		missing = append(missing, err.Error())
	}
	return missing
}

func explain(what string, err error) string {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return whyForbidden(what, readSetting)
	}
	return fmt.Sprintf("%s: %v", what, err)
}

// tryMounts mounts the file systems that the data plane and its nodes do, and memory over a directory.
func tryMounts(dir string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	for _, m := range []struct{ kind, target string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", dir}} {
		if err := syscall.Mount(m.kind, m.target, m.kind, 0, ""); err != nil {
			return fmt.Errorf("%s on %s: %w", m.kind, m.target, err)
		}
	}
	return nil
}

// Of mount_setattr(2) (linux/mount.h), whose number is the same on all architectures.
const (
	sysMountSetattr   = 442
	mountAttrReadOnly = 1
)

// tryReadOnly makes a mount read-only, and writable again.
func tryReadOnly(dir string) error {
	path, err := syscall.BytePtrFromString(dir)
	if err != nil {
		return err
	}
	const workingDirectory = -100                                                            // AT_FDCWD
	for _, attributes := range [][4]uint64{{mountAttrReadOnly, 0}, {0, mountAttrReadOnly}} { // set, clear
		at := workingDirectory
		_, _, errno := syscall.Syscall6(sysMountSetattr, uintptr(at), uintptr(unsafe.Pointer(path)), 0,
			uintptr(unsafe.Pointer(&attributes)), unsafe.Sizeof(attributes), 0)
		if errno != 0 {
			return errno
		}
	}
	return nil
}

// loopControlFree asks for the number of a free loop device (linux/loop.h).
const loopControlFree = 0x4C82

// tryLoop opens a free loop device.
func tryLoop() error {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer control.Close()
	number, _, errno := syscall.Syscall(syscall.SYS_IOCTL, control.Fd(), loopControlFree, 0)
	if errno != 0 {
		return fmt.Errorf("a free one: %w", errno)
	}
	device, err := os.OpenFile(fmt.Sprint("/dev/loop", number), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return device.Close()
}

// TryOverlay mounts an overlay in a directory, writes to it, and unmounts it. It needs the right to mount.
func TryOverlay(dir string) error {
	base, err := os.MkdirTemp(dir, "overlay")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	var paths []any
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		path := filepath.Join(base, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		paths = append(paths, path)
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", paths[:3]...)
	if InUserNamespace() {
		options += ",userxattr"
	}
	merged := filepath.Join(base, "merged")
	if err := syscall.Mount("overlay", merged, "overlay", 0, options); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(merged, "file"), nil, 0o600), syscall.Unmount(merged, 0))
}

// Messages of routing netlink (linux/if_link.h).
const (
	attrLinkInfo  = 18 // IFLA_LINKINFO
	attrInfoKind  = 1  // IFLA_INFO_KIND
	attrInfoData  = 2  // IFLA_INFO_DATA
	attrVxlanID   = 1  // IFLA_VXLAN_ID
	headerLength  = syscall.SizeofNlMsghdr
	messageLength = headerLength + syscall.SizeofIfInfomsg
)

// tryLink makes a network interface. The library for this would be a dependency of the launcher.
func tryLink(kind string) error {
	info := attribute(attrInfoKind, append([]byte(kind), 0))
	if kind == "vxlan" {
		info = append(info, attribute(attrInfoData, attribute(attrVxlanID, []byte{1, 0, 0, 0}))...)
	}
	message := append(make([]byte, messageLength), attribute(attrLinkInfo, info)...)
	binary.NativeEndian.PutUint32(message, uint32(len(message)))
	binary.NativeEndian.PutUint16(message[4:], syscall.RTM_NEWLINK)
	binary.NativeEndian.PutUint16(message[6:],
		syscall.NLM_F_REQUEST|syscall.NLM_F_ACK|syscall.NLM_F_CREATE|syscall.NLM_F_EXCL)
	socket, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
	if err := syscall.Sendto(socket, message, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 1<<12)
	n, _, err := syscall.Recvfrom(socket, answer, 0)
	if err != nil {
		return err
	}
	if n < headerLength+4 {
		return syscall.EBADMSG
	}
	if code := int32(binary.NativeEndian.Uint32(answer[headerLength:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}

// attribute encodes an attribute of a netlink message.
func attribute(kind uint16, value []byte) []byte {
	out := make([]byte, 4, 4+len(value)+3)
	binary.NativeEndian.PutUint16(out, uint16(4+len(value)))
	binary.NativeEndian.PutUint16(out[2:], kind)
	out = append(out, value...)
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	return out
}
