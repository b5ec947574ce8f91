package podnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Apply sets up the network of the node in whose network namespace this process is, and then writes the CNI
// configuration to a directory. The configuration names the plugin "podnet", which keeps its state in dataDir. A
// network without addresses for Pods is not set up: there is no configuration then, and the node is not ready.
func Apply(node netip.Addr, n Network, confDir, dataDir string) error {
	if len(n.VNICs) == 0 && !n.Range.IsValid() {
		return nil
	}
	primary, err := linkWith(node)
	if err != nil {
		return err
	}
	if err := setSysctls(); err != nil {
		return err
	}
	conf := config{Network: n, MTU: primary.Attrs().MTU, DataDir: dataDir}
	if len(n.VNICs) > 0 {
		err = applyVNICs(n.VNICs)
	} else {
		conf.MTU -= vxlanOverhead
		err = applyOverlay(node, primary, n)
	}
	if err != nil {
		return err
	}
	return conf.write(confDir)
}

// linkWith returns the interface that has an address.
func linkWith(addr netip.Addr) (netlink.Link, error) {
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if got, _ := netip.AddrFromSlice(a.IP.To4()); got == addr {
			return netlink.LinkByIndex(a.LinkIndex)
		}
	}
	return nil, fmt.Errorf("no interface of the node has its address %s", addr)
}

// setSysctls lets the network namespace forward packets. Reverse path filters would drop what comes back on another
// interface. All settings below net are the namespace's own.
func setSysctls() error {
	filters, err := filepath.Glob("/proc/sys/net/ipv4/conf/*/rp_filter")
	if err != nil {
		return err
	}
	for _, path := range filters {
		if err := os.WriteFile(path, []byte("0"), 0); err != nil {
			return err
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

// nft loads a ruleset into the table of this package, in place of what it had.
func nft(rules string) error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader("add table ip podnet\ndelete table ip podnet\ntable ip podnet {\n" + rules + "}\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, out)
	}
	return nil
}

// config is the CNI configuration of the plugin.
type config struct {
	Type    string  `json:"type"`
	Network Network `json:"network"`
	MTU     int     `json:"mtu"`
	DataDir string  `json:"dataDir"`
}

// cniVersion is the version of the CNI specification of configuration and results.
const cniVersion = "1.1.0"

// Plugin is the name of the CNI plugin's executable.
const Plugin = "podnet"

// write writes the configuration, unless it is there: containerd reads it again whenever it changes.
func (c config) write(dir string) error {
	c.Type = Plugin
	c.Network.Peers = nil // the plugin does not need them
	data, err := json.Marshal(map[string]any{"cniVersion": cniVersion, "name": "pods", "plugins": []config{c}})
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "pods.conflist")
	if was, err := os.ReadFile(path); err == nil && string(was) == string(data) {
		return nil
	}
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func host(a netip.Addr) *net.IPNet { return ipNet(netip.PrefixFrom(a, a.BitLen())) }

// absent reports whether an error says that what should be deleted does not exist.
func absent(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.As(err, &netlink.LinkNotFoundError{})
}
