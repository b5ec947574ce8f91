package router

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// uplink connects a VCN's router and a place.
type uplink struct {
	index   int             // of the interface in the router
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
	u.index = veth.Attrs().Index
	if err := errors.Join(
		v.nl.AddrAdd(veth, &netlink.Addr{IPNet: hostNet(u.address)}), v.nl.LinkSetUp(veth),
	); err != nil {
		return nil, err
	}
	var err error
	if u.far, err = p.ns.Netlink(); err != nil {
		return nil, err
	}
	far, err := u.far.LinkByName(farName)
	if err == nil {
		u.farLink = far.Attrs().Index
		err = errors.Join(u.far.LinkSetUp(far), u.far.RouteAdd(&netlink.Route{
			LinkIndex: u.farLink, Table: vcnTable, Dst: hostNet(u.address), Scope: unix.RT_SCOPE_LINK,
			Src: ClientAddress.AsSlice(),
		}))
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

// toVCN is the place's route to a public address of the VCN.
func (u *uplink) toVCN(public netip.Addr) *netlink.Route {
	return &netlink.Route{
		LinkIndex: u.farLink, Table: vcnTable, Dst: hostNet(public), Gw: u.address.AsSlice(),
		Flags: int(netlink.FLAG_ONLINK), Src: ClientAddress.AsSlice(),
	}
}
