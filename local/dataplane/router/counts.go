package router

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/router/ruleset"
)

// countPackets makes the kernel count the packets of connections that begin from now on. It runs in a router's
// namespace, after the rules, which load the kernel's tracking of connections.
func countPackets() error { return setSetting("/proc/sys/net/netfilter/nf_conntrack_acct", "1") }

// counts holds what has been told of accepted flows. The log of decisions tells the first packet of a flow, as only it
// knows connections that another rule drops; the kernel's table of connections tells the other ones.
type counts struct {
	mu   sync.Mutex
	told map[cloud.Flow]*count // by flows without time and size
}

type count struct {
	packets, bytes int
	logged         bool // the log has told the first packet
	young          bool // since the table was last read
}

func newCounts() *counts { return &counts{told: map[cloud.Flow]*count{}} }

// first notes that the log has a flow's first packet, and reports whether it is to be told: not if the table, which is
// the faster one now and then, had it already.
func (c *counts) first(flow cloud.Flow) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	packet := count{packets: flow.Packets, bytes: flow.Bytes, logged: true, young: true}
	flow.Time, flow.Packets, flow.Bytes = time.Time{}, 0, 0
	t := c.told[flow]
	switch {
	case t != nil && !t.logged:
		t.logged = true
		return false
	case t != nil && flow.Protocol != unix.IPPROTO_TCP && flow.Protocol != unix.IPPROTO_UDP:
		// Without ports, several connections are one flow.
		t.packets, t.bytes, t.young = t.packets+packet.packets, t.bytes+packet.bytes, true
	default: // another connection with these ports, if there has been one
		c.told[flow] = &packet
	}
	return true
}

// grown returns the flows of the table as far as they have not been told, and forgets those that it has no more.
func (c *counts) grown(table map[cloud.Flow]count, now time.Time) (flows []cloud.Flow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for flow, n := range table {
		t := c.told[flow]
		if t == nil {
			t = &count{}
			c.told[flow] = t
		}
		if more := n.packets - t.packets; more > 0 {
			told := flow
			told.Time, told.Packets, told.Bytes = now, more, n.bytes-t.bytes
			flows = append(flows, told)
		}
		t.packets, t.bytes = n.packets, n.bytes
	}
	for flow, t := range c.told {
		if _, ok := table[flow]; !ok && !t.young {
			delete(c.told, flow)
		}
		t.young = false
	}
	return flows
}

// count returns the accepted packets that have not been told, at each end of their connections.
func (v *vcn) count() ([]cloud.Flow, error) {
	connections, err := v.nl.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	if errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, nil // connections may be missing; the next count has all
	}
	if err != nil {
		return nil, err
	}
	table := map[cloud.Flow]count{}
	add := func(ingress bool, vnic netip.Addr, c *netlink.ConntrackFlow, to netip.AddrPort) {
		flow := cloud.Flow{
			Accepted: true, VNICID: v.owners[vnic], Ingress: ingress, Protocol: int(c.Forward.Protocol),
			Source: addrPort(c.Forward.SrcIP, c.Forward.SrcPort), Destination: to,
		}
		if flow.VNICID != "" {
			n := table[flow]
			n.packets, n.bytes = n.packets+int(c.Forward.Packets), n.bytes+int(c.Forward.Bytes)
			table[flow] = n
		}
	}
	for _, c := range connections {
		asked := addrPort(c.Forward.DstIP, c.Forward.DstPort)
		server := addrPort(c.Reverse.SrcIP, c.Reverse.SrcPort) // behind a gateway, another address than was asked
		if c.Mark&ruleset.EgressAllowed != 0 {
			add(false, addrPort(c.Forward.SrcIP, 0).Addr(), c, asked)
		}
		if c.Mark&ruleset.IngressAllowed != 0 {
			add(true, server.Addr(), c, server)
		}
	}
	return v.counts.grown(table, time.Now()), nil
}

// setOwners notes who has which address. The kernel forgets the connections of an address that is another VNIC's now,
// because that one neither has opened them nor is told about them.
func (v *vcn) setOwners(vnics []cloud.VNIC) error {
	before := v.owners
	v.owners = map[netip.Addr]string{}
	for _, vnic := range vnics {
		for _, address := range vnic.Addresses {
			v.owners[address] = vnic.ID
		}
	}
	changed := connectionsOf{}
	for _, owners := range []map[netip.Addr]string{before, v.owners} {
		for address := range owners {
			if before[address] != v.owners[address] {
				changed[address] = true
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	_, err := v.nl.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, changed)
	return err
}

// connectionsOf matches the connections that one of the addresses has at either end.
type connectionsOf map[netip.Addr]bool

func (of connectionsOf) MatchConntrackFlow(c *netlink.ConntrackFlow) bool {
	return of[addrPort(c.Forward.SrcIP, 0).Addr()] || of[addrPort(c.Reverse.SrcIP, 0).Addr()]
}

func addrPort(ip []byte, port uint16) netip.AddrPort {
	address, _ := netip.AddrFromSlice(ip) // of the kernel
	return netip.AddrPortFrom(address, port)
}
