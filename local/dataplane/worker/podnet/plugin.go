package podnet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"
	"github.com/containernetworking/plugins/pkg/ip"
	"github.com/containernetworking/plugins/pkg/ns"
	"github.com/containernetworking/plugins/plugins/ipam/host-local/backend/allocator"
	"github.com/containernetworking/plugins/plugins/ipam/host-local/backend/disk"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// LinkPrefix begins the names of the node's ends of the Pods' interfaces.
const LinkPrefix = "pod"

// gateway is the address of the node that Pods know. No interface has it: each Pod has a neighbor entry for it. So Pods
// need neither a bridge nor an address of the node in their range.
var gateway = netip.MustParseAddr("169.254.1.1")

// PluginMain is the CNI plugin. It reads the environment and the standard input, as the CNI specification says.
func PluginMain() {
	skel.PluginMainFuncs(skel.CNIFuncs{
		Add: add, Del: remove,
		Check:  func(*skel.CmdArgs) error { return nil }, // containerd does not call it
		Status: func(*skel.CmdArgs) error { return nil }, // the configuration is written when all is ready
	}, version.All, "Pod network of the local cloud")
}

// add gives a Pod an address and connects its network namespace to the node's.
func add(args *skel.CmdArgs) (err error) {
	conf, err := parse(args.StdinData)
	if err != nil {
		return err
	}
	addresses, store, err := conf.allocator()
	if err != nil {
		return err
	}
	defer store.Close()
	allocated, err := addresses.Get(args.ContainerID, args.IfName, nil)
	if err != nil {
		return fmt.Errorf("address for the Pod: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, addresses.Release(args.ContainerID, args.IfName))
		}
	}()
	pod, _ := netip.AddrFromSlice(allocated.Address.IP.To4())
	result, err := connect(args, conf, pod)
	if err != nil {
		return err
	}
	if len(conf.Network.VNICs) > 0 {
		if err := exposePod(pod, conf.Network.VNICs); err != nil {
			return err
		}
	}
	return types.PrintResult(result, cniVersion)
}

// remove undoes add. It succeeds also for a Pod that has no network any more, as after a restart of the node.
func remove(args *skel.CmdArgs) error {
	conf, err := parse(args.StdinData)
	if err != nil {
		return err
	}
	addresses, store, err := conf.allocator()
	if err != nil {
		return err
	}
	defer store.Close()
	if err := ip.DelLinkByName(hostLink(args.ContainerID)); err != nil && !errors.Is(err, ip.ErrLinkNotFound) {
		return err
	}
	for _, a := range store.GetByID(args.ContainerID, args.IfName) {
		if pod, ok := netip.AddrFromSlice(a.To4()); ok {
			if err := hidePod(pod, conf.Network.VNICs); err != nil {
				return err
			}
		}
	}
	return addresses.Release(args.ContainerID, args.IfName)
}

func parse(data []byte) (*config, error) {
	conf := new(config)
	if err := json.Unmarshal(data, conf); err != nil {
		return nil, fmt.Errorf("CNI configuration: %w", err)
	}
	return conf, nil
}

// allocator returns what gives addresses to Pods. Each address is a file of the directory.
func (c *config) allocator() (*allocator.IPAllocator, *disk.Store, error) {
	var ranges allocator.RangeSet
	if c.Network.Range.IsValid() {
		ranges = append(ranges, allocator.Range{Subnet: types.IPNet(*ipNet(c.Network.Range.Masked()))})
	}
	for _, v := range c.Network.VNICs {
		for _, a := range v.Addresses {
			ranges = append(ranges, allocator.Range{
				Subnet:     types.IPNet(*ipNet(v.Subnet.Masked())),
				RangeStart: a.AsSlice(), RangeEnd: a.AsSlice(), Gateway: v.Gateway.AsSlice(),
			})
		}
	}
	if err := ranges.Canonicalize(); err != nil {
		return nil, nil, fmt.Errorf("addresses for Pods: %w", err)
	}
	store, err := disk.New("pods", c.DataDir)
	if err != nil {
		return nil, nil, err
	}
	return allocator.NewIPAllocator(&ranges, store, 0), store, nil
}

// hostLink is the name of the node's end of a Pod's interface.
func hostLink(containerID string) string {
	sum := sha256.Sum256([]byte(containerID))
	return LinkPrefix + hex.EncodeToString(sum[:6]) // names have at most 15 characters
}

// connect makes the Pod's interface, with the node as its only neighbor.
func connect(args *skel.CmdArgs, conf *config, pod netip.Addr) (*types100.Result, error) {
	podNS, err := ns.GetNS(args.Netns)
	if err != nil {
		return nil, err
	}
	defer podNS.Close()
	var node, inside net.Interface
	err = podNS.Do(func(nodeNS ns.NetNS) error {
		node, inside, err = ip.SetupVethWithName(args.IfName, hostLink(args.ContainerID), conf.MTU, "", nodeNS)
		if err != nil {
			return err
		}
		return configure(inside.Index, pod, node.HardwareAddr)
	})
	if err != nil {
		return nil, fmt.Errorf("the Pod's interface: %w", err)
	}
	if err := attach(node.Name, pod, inside.HardwareAddr); err != nil {
		return nil, fmt.Errorf("route to the Pod: %w", err)
	}
	return &types100.Result{
		CNIVersion: types100.ImplementedSpecVersion,
		Interfaces: []*types100.Interface{
			{Name: node.Name, Mac: node.HardwareAddr.String()},
			{Name: inside.Name, Mac: inside.HardwareAddr.String(), Sandbox: args.Netns},
		},
		IPs: []*types100.IPConfig{{Interface: types100.Int(1), Address: *host(pod), Gateway: gateway.AsSlice()}},
	}, nil
}

// configure sets up the interface in the Pod's namespace.
func configure(index int, pod netip.Addr, node net.HardwareAddr) error {
	link, err := netlink.LinkByIndex(index)
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: host(pod)}); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	if err := netlink.NeighSet(neighbor(index, gateway, node)); err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{
		LinkIndex: index, Dst: ipNet(netip.PrefixFrom(netip.IPv4Unspecified(), 0)),
		Gw: gateway.AsSlice(), Flags: unix.RTNH_F_ONLINK,
	})
}

// attach sets up the interface in the node's namespace.
func attach(name string, pod netip.Addr, mac net.HardwareAddr) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	if err := netlink.NeighSet(neighbor(link.Attrs().Index, pod, mac)); err != nil {
		return err
	}
	return netlink.RouteReplace(&netlink.Route{
		LinkIndex: link.Attrs().Index, Dst: host(pod), Scope: netlink.SCOPE_LINK,
	})
}

func neighbor(index int, addr netip.Addr, mac net.HardwareAddr) *netlink.Neigh {
	return &netlink.Neigh{LinkIndex: index, State: unix.NUD_PERMANENT, IP: addr.AsSlice(), HardwareAddr: mac}
}
