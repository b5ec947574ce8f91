package machine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
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
	if err := TryOverlay(os.TempDir()); err != nil {
		missing = append(missing, fmt.Sprintf("the file system overlay (sudo modprobe overlay): %v", err))
	}
	for _, kind := range []string{"veth", "vxlan"} {
		if err := tryLink(kind); err != nil {
			missing = append(missing, fmt.Sprintf("network interfaces of type %s (sudo modprobe %[1]s): %[2]v", kind, err))
		}
	}
	if err := tryRules(); err != nil {
		missing = append(missing, fmt.Sprintf("nftables in the kernel (sudo modprobe nf_tables nft_masq nft_ct): %v", err))
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

// tryRules loads rules of the kinds that kube-proxy and package podnet make.
func tryRules() error {
	nft, ok := Find("nft")
	if !ok {
		return nil // Missing says so
	}
	cmd := exec.Command(nft, "-f", "-")
	cmd.Stdin = strings.NewReader(
		"table ip t { chain c { type nat hook postrouting priority 100; ct state new masquerade; }; }\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		line, _, _ := strings.Cut(string(out), "\n")
		return fmt.Errorf("%w: %s", err, line)
	}
	return nil
}
