package router

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// uplink connects a VCN's router and a place.
type uplink struct {
	index   int // of the interface in the router
	mac     net.HardwareAddr
	address netip.Addr      // of the router on the link
	far     *netlink.Handle // in the place
	farLink int             // index of the interface there
	public  []netip.Addr    // addresses that the place routes to the VCN
}

// connect makes the link to a place. The number is unique among the VCNs that have been made.
func (v *vcn) connect(p *place, number int) (*uplink, error) {
	if number >= 1<<16 {
		return nil, errors.New("more than 65535 VCNs have been made: start the local cloud again")
	}
	u := &uplink{address: netip.AddrFrom4([4]byte{198, 18, byte(number >> 8), byte(number)})}
	farName := fmt.Sprintf("vcn%d", number)
	veth := netlink.NewVeth(netlink.LinkAttrs{Name: p.name, MTU: p.mtu})
	veth.PeerName, veth.PeerNamespace, veth.PeerMTU = farName, netlink.NsFd(p.ns.FD()), uint32(p.mtu)
	if err := v.nl.LinkAdd(veth); err != nil {
		return nil, err
	}
	near, err := v.nl.LinkByName(p.name)
	if err != nil {
		return nil, err
	}
	u.index, u.mac = near.Attrs().Index, near.Attrs().HardwareAddr
	if err := v.nl.AddrAdd(near, &netlink.Addr{IPNet: hostNet(u.address)}); err != nil {
		return nil, err
	}
	if u.far, err = p.ns.Netlink(); err != nil {
		return nil, err
	}
	far, err := u.far.LinkByName(farName)
	if err == nil {
		u.farLink = far.Attrs().Index
		err = errors.Join(
			connectPair(v.nl, near, func() error { return u.far.LinkSetUp(far) }), u.addPublic(u.address))
	}
	if err != nil {
		u.far.Close()
		return nil, err
	}
	return u, nil
}

// toPlace is the router's route to addresses in the place.
func (u *uplink) toPlace(destination netip.Prefix) *netlink.Route {
	return &netlink.Route{
		LinkIndex: u.index, Dst: ipNet(destination), Gw: gatewayAddress.AsSlice(), Flags: int(netlink.FLAG_ONLINK),
	}
}

// addPublic routes an address from the place to the VCN. The route has no next hop, because every address is the
// place's own, which the kernel refuses as one; the router does not answer ARP for it either.
func (u *uplink) addPublic(address netip.Addr) error {
	return errors.Join(u.far.NeighSet(u.neighbour(address)), u.far.RouteReplace(u.toVCN(address)))
}

// deletePublic removes the route, unless it leads to another VCN by now.
func (u *uplink) deletePublic(address netip.Addr) error {
	err := u.far.RouteDel(u.toVCN(address))
	if errors.Is(err, unix.ESRCH) {
		err = nil
	}
	return errors.Join(err, u.far.NeighDel(u.neighbour(address)))
}

func (u *uplink) toVCN(address netip.Addr) *netlink.Route {
	return &netlink.Route{
		LinkIndex: u.farLink, Table: vcnTable, Dst: hostNet(address), Scope: unix.RT_SCOPE_LINK, Src: ClientAddress.AsSlice(),
	}
}

func (u *uplink) neighbour(address netip.Addr) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex: u.farLink, Family: unix.AF_INET, State: unix.NUD_PERMANENT, IP: address.AsSlice(), HardwareAddr: u.mac,
	}
}
