package router

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/router/ruleset"
)

// interfaceSpec is what a VNIC's interface is made from. Another one needs another interface.
type interfaceSpec struct {
	host    string // OCID
	primary bool
	address netip.Addr // the VNIC's primary one
	gateway netip.Addr // the subnet's
	bits    int        // of the subnet's prefix
}

// link is the interface of a VNIC in its host, and the other end in the router.
type link struct {
	interfaceSpec
	name      string // in the router
	index     int    // of the interface in the router
	number    int    // among the host's VNICs; 0 is the primary
	ns        *netns.Namespace
	secondary []netip.Addr
}

// inHost names the interface in the host.
func (l *link) inHost() string { return fmt.Sprintf("eth%d", l.number) }

// Routing in a host with several VNICs: what has an address of a secondary VNIC leaves by that one. The rules come
// late, so that a CNI plugin can have its own before them.
const (
	firstTable   = 100 // plus the VNIC's number
	rulePriority = 20000
)

// describeInterfaces returns what the interfaces are to be, by the VNICs' OCIDs. A host without a primary VNIC has its
// first one as such.
func describeInterfaces(n cloud.Network) map[string]interfaceSpec {
	subnets, primary := map[string]cloud.Subnet{}, map[string]string{}
	for _, subnet := range n.Subnets {
		subnets[subnet.ID] = subnet
	}
	for _, vnic := range n.VNICs {
		if vnic.Primary || primary[vnic.Host] == "" {
			primary[vnic.Host] = vnic.ID
		}
	}
	specs := map[string]interfaceSpec{}
	for _, vnic := range n.VNICs {
		subnet := subnets[vnic.SubnetID]
		specs[vnic.ID] = interfaceSpec{
			vnic.Host, primary[vnic.Host] == vnic.ID, vnic.Addresses[0], gatewayOf(subnet), subnet.CIDR.Bits(),
		}
	}
	return specs
}

// gatewayOf returns a subnet's default gateway, its first host address (Oracle, "VCNs and Subnets", reserved
// addresses).
func gatewayOf(s cloud.Subnet) netip.Addr { return s.CIDR.Masked().Addr().Next() }

// freeNumber returns the lowest number that no other VNIC of the host has.
func (v *vcn) freeNumber(spec interfaceSpec) int {
	if spec.primary {
		return 0
	}
	used := map[int]bool{0: true}
	for _, l := range v.links {
		if l.host == spec.host {
			used[l.number] = true
		}
	}
	number := 1
	for used[number] {
		number++
	}
	return number
}

// makeLink makes the interface of a VNIC.
func (v *vcn) makeLink(vnicID string, spec interfaceSpec, ns *netns.Namespace) (*link, error) {
	l := &link{interfaceSpec: spec, name: ruleset.Interface(vnicID), number: v.freeNumber(spec), ns: ns}
	veth := netlink.NewVeth(netlink.LinkAttrs{Name: l.name, MTU: vcnMTU})
	veth.PeerName, veth.PeerNamespace, veth.PeerMTU = l.inHost(), netlink.NsFd(ns.FD()), vcnMTU
	if err := v.nl.LinkAdd(veth); err != nil {
		return nil, fmt.Errorf("interface %s: %w", l.inHost(), err)
	}
	l.index = veth.Attrs().Index
	err := connectPair(v.nl, veth, func() error { return l.inside(l.configure) })
	err = errors.Join(err, v.nl.RouteReplace(&netlink.Route{
		LinkIndex: l.index, Dst: hostNet(l.address), Scope: unix.RT_SCOPE_LINK,
	}), v.ns.Do(func() error { // answers ARP at once
		return setNetworkSettings(map[string]string{"neigh/" + l.name + "/proxy_delay": "0"})
	}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("interface %s: %w", l.inHost(), err), deleteLink(v.nl, l.name))
	}
	return l, nil
}

// connectPair sets both ends of a veth pair up; far sets the other one up. The end that is up first drops packets until
// the kernel notices that the other one is up too, which it does only once a second (net/core/link_watch.c). Another
// length of its queue, of which veth makes no use, makes the kernel look at once.
func connectPair(nl *netlink.Handle, near netlink.Link, far func() error) error {
	if err := nl.LinkSetUp(near); err != nil {
		return err
	}
	if err := far(); err != nil {
		return err
	}
	const anyOther = 999
	return nl.LinkSetTxQLen(near, anyOther)
}

// inside runs a function with a netlink client of the host's namespace.
func (l *link) inside(f func(*netlink.Handle) error) error {
	nl, err := l.ns.Netlink()
	if err != nil {
		return err
	}
	defer nl.Close()
	return f(nl)
}

// configure gives the interface its address and routes. Only the primary VNIC has the subnet's route and the default
// route of the main table.
func (l *link) configure(nl *netlink.Handle) error {
	eth, err := nl.LinkByName(l.inHost())
	if err != nil {
		return err
	}
	address := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(l.address, l.bits))}
	if !l.primary {
		address.Flags = unix.IFA_F_NOPREFIXROUTE
	}
	if err := errors.Join(nl.AddrAdd(eth, address), nl.LinkSetUp(eth)); err != nil {
		return err
	}
	route := &netlink.Route{
		LinkIndex: eth.Attrs().Index, Dst: anywhere, Gw: l.gateway.AsSlice(), Flags: int(netlink.FLAG_ONLINK),
	}
	if l.primary {
		return nl.RouteAdd(route)
	}
	route.Table = firstTable + l.number
	return errors.Join(nl.RouteAdd(route), nl.RuleAdd(l.rule(l.address)))
}

// rule sends what has a secondary VNIC's address out by that VNIC.
func (l *link) rule(address netip.Addr) *netlink.Rule {
	rule := netlink.NewRule()
	rule.Family, rule.Priority, rule.Table, rule.Src = unix.AF_INET, rulePriority, firstTable+l.number, hostNet(address)
	return rule
}

// applySecondary routes the other addresses of the VNIC to its primary one.
func (v *vcn) applySecondary(l *link, wanted []netip.Addr) (err error) {
	route := func(a netip.Addr) *netlink.Route {
		return &netlink.Route{
			LinkIndex: l.index, Dst: hostNet(a), Gw: l.address.AsSlice(), Flags: int(netlink.FLAG_ONLINK),
		}
	}
	rule := func(a netip.Addr, change func(*netlink.Handle, *netlink.Rule) error) error {
		if l.primary {
			return nil
		}
		return l.inside(func(nl *netlink.Handle) error { return change(nl, l.rule(a)) })
	}
	l.secondary, err = reconcile(l.secondary, wanted,
		func(a netip.Addr) error {
			return errors.Join(v.nl.RouteReplace(route(a)), rule(a, (*netlink.Handle).RuleAdd))
		},
		func(a netip.Addr) error {
			return errors.Join(v.nl.RouteDel(route(a)), rule(a, (*netlink.Handle).RuleDel))
		})
	return err
}

// removeLink removes the interface and what the host has for it. Its routes end with it.
func (v *vcn) removeLink(l *link) error {
	failed := deleteLink(v.nl, l.name)
	if l.primary {
		return failed
	}
	return errors.Join(failed, l.inside(func(nl *netlink.Handle) error {
		failed := nl.RuleDel(l.rule(l.address))
		for _, address := range l.secondary {
			failed = errors.Join(failed, nl.RuleDel(l.rule(address)))
		}
		return failed
	}))
}

func deleteLink(nl *netlink.Handle, name string) error {
	found, err := nl.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err != nil {
		return err
	}
	return nl.LinkDel(found)
}
