package podnet

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The interface of flannel's VXLAN backend, as on OKE: VXLAN network identifier 1, the kernel's UDP port 8472
// (flannel's Documentation/backends.md, read 2026-11).
const (
	vxlanName     = "flannel.1"
	vxlanID       = 1
	vxlanPort     = 8472
	vxlanOverhead = 50 // bytes that the outer headers take off the MTU
)

// applyOverlay makes the VXLAN interface, with a route to the range of each other node, and the rules for the addresses
// of what leaves the Pod network.
func applyOverlay(node netip.Addr, primary netlink.Link, n Network) error {
	vxlan, err := vxlanLink(node, primary)
	if err != nil {
		return fmt.Errorf("interface %s: %w", vxlanName, err)
	}
	tunnel := &netlink.Addr{IPNet: host(n.Range.Masked().Addr())}
	if err := netlink.AddrReplace(vxlan, tunnel); err != nil {
		return fmt.Errorf("address of %s: %w", vxlanName, err)
	}
	for _, p := range n.Peers {
		if err := addPeer(vxlan, p); err != nil {
			return fmt.Errorf("node %s: %w", p.Address, err)
		}
	}
	if err := removePeers(vxlan, n.Peers); err != nil {
		return err
	}
	// Flannel's rules (pkg/trafficmngr/iptables of flannel, read 2026-11): what goes from a Pod to the outside, or from
	// outside into the Pod network, gets the node's address.
	return nft(fmt.Sprintf(`chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr %[1]s ip daddr %[1]s return
		ip saddr %[1]s ip daddr != 224.0.0.0/4 masquerade fully-random
		ip saddr != %[1]s ip daddr %[2]s return
		ip saddr != %[1]s ip daddr %[1]s masquerade fully-random
	}
	`, n.Cluster.Masked(), n.Range.Masked()))
}

func vxlanLink(node netip.Addr, primary netlink.Link) (netlink.Link, error) {
	if link, err := netlink.LinkByName(vxlanName); err == nil || !absent(err) {
		return link, err
	}
	vxlan := &netlink.Vxlan{
		LinkAttrs: netlink.LinkAttrs{
			Name: vxlanName, MTU: primary.Attrs().MTU - vxlanOverhead, HardwareAddr: tunnelMAC(node),
		},
		VxlanId: vxlanID, Port: vxlanPort, VtepDevIndex: primary.Attrs().Index, SrcAddr: node.AsSlice(),
	}
	if err := netlink.LinkAdd(vxlan); err != nil {
		return nil, err
	}
	return vxlan, netlink.LinkSetUp(vxlan)
}

// tunnelMAC derives the hardware address of a node's VXLAN interface from the node's address, so that nodes need not
// tell each other. Flannel announces random ones in annotations of the Nodes.
func tunnelMAC(node netip.Addr) net.HardwareAddr {
	a := node.As4()
	return net.HardwareAddr{0x0e, 0, a[0], a[1], a[2], a[3]} // locally administered
}

// addPeer routes a node's range through the tunnel to it.
func addPeer(vxlan netlink.Link, p Peer) error {
	tunnel := p.Range.Masked().Addr().AsSlice()
	index := vxlan.Attrs().Index
	for _, n := range []*netlink.Neigh{
		{LinkIndex: index, State: unix.NUD_PERMANENT, IP: tunnel, HardwareAddr: tunnelMAC(p.Address)},
		{
			LinkIndex: index, State: unix.NUD_PERMANENT, Family: unix.AF_BRIDGE, Flags: unix.NTF_SELF,
			IP: p.Address.AsSlice(), HardwareAddr: tunnelMAC(p.Address),
		},
	} {
		if err := netlink.NeighSet(n); err != nil {
			return fmt.Errorf("neighbor %s: %w", n.IP, err)
		}
	}
	return netlink.RouteReplace(&netlink.Route{
		LinkIndex: index, Dst: ipNet(p.Range.Masked()), Gw: tunnel, Flags: unix.RTNH_F_ONLINK,
	})
}

// removePeers removes the routes to nodes that are no longer there.
func removePeers(vxlan netlink.Link, peers []Peer) error {
	wanted := map[string]bool{}
	for _, p := range peers {
		wanted[p.Range.Masked().String()] = true
	}
	routes, err := netlink.RouteList(vxlan, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, r := range routes {
		if r.Gw == nil || wanted[r.Dst.String()] {
			continue
		}
		if err := netlink.RouteDel(&r); err != nil && !absent(err) {
			return fmt.Errorf("route to %s: %w", r.Dst, err)
		}
	}
	return nil
}
