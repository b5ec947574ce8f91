package router_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/router"
)

// model answers what passes in a network as Oracle documents it, one question at a time and without nftables. Tests
// compare packets with it.
type model struct{ cloud.Network }

// question is a connection, or an ICMP message, from one address to another: private addresses of VNICs, or outside.
type question struct {
	from, to netip.Addr
	protocol int
	port     int // of TCP and UDP
	kind     [2]byte
}

// ephemeral stands for the port that a client sends from.
const ephemeral = 40000

func (m model) passes(q question) bool {
	from, to := m.vnicOf(q.from), m.vnicOf(q.to)
	switch {
	case from != nil && to == nil && !m.leaves(from, q.to), from == nil && !m.arrives(to, q.from):
		return false
	}
	request := packet{q.from, q.to, q.protocol, ephemeral, q.port, q.kind}
	answer := packet{q.to, q.from, q.protocol, q.port, ephemeral, [2]byte{}}
	for v, ingress := range map[*cloud.VNIC]bool{from: false, to: true} {
		if v == nil {
			continue
		}
		allowed, tracked := m.allows(v, ingress, request)
		if !allowed {
			return false
		}
		if answered, _ := m.allows(v, !ingress, answer); q.protocol != icmp && !tracked && !answered {
			return false
		}
	}
	return true
}

func (m model) vnicOf(a netip.Addr) *cloud.VNIC {
	i := slices.IndexFunc(m.VNICs, func(v cloud.VNIC) bool { return slices.Contains(v.Addresses, a) })
	if i < 0 {
		return nil
	}
	return &m.VNICs[i]
}

func (m model) subnetOf(v *cloud.VNIC) cloud.Subnet {
	return m.Subnets[slices.IndexFunc(m.Subnets, func(s cloud.Subnet) bool { return s.ID == v.SubnetID })]
}

// route returns the route rule for an address outside.
func (m model) route(v *cloud.VNIC, other netip.Addr) (best cloud.Route) {
	longest := -1
	for _, r := range m.subnetOf(v).Routes {
		for _, d := range r.Destinations {
			if d.Contains(other) && d.Bits() > longest {
				best, longest = r, d.Bits()
			}
		}
	}
	return best
}

func (m model) leaves(v *cloud.VNIC, to netip.Addr) bool {
	switch r := m.route(v, to); {
	case r.Blocked:
		return false
	case r.Gateway == cloud.InternetGateway:
		return v.PublicIPs != nil
	default:
		return r.Gateway == cloud.NATGateway || r.Gateway == cloud.ServiceGateway
	}
}

func (m model) arrives(v *cloud.VNIC, from netip.Addr) bool {
	r := m.route(v, from)
	return v.PublicIPs != nil && !r.Blocked && r.Gateway == cloud.InternetGateway
}

// packet is what a rule sees.
type packet struct {
	from, to                    netip.Addr
	protocol                    int
	sourcePort, destinationPort int
	kind                        [2]byte
}

// allows returns whether a rule of the VNIC allows the packet, and whether that is tracked: no stateless one matches.
func (m model) allows(v *cloud.VNIC, ingress bool, p packet) (allowed, tracked bool) {
	sets := slices.Clone(m.subnetOf(v).SecurityLists)
	for _, group := range m.SecurityGroups {
		if slices.Contains(v.GroupIDs, group.ID) {
			sets = append(sets, group)
		}
	}
	tracked = true
	for _, set := range sets {
		for _, r := range set.Rules {
			if r.Ingress == ingress && m.matches(r, p) {
				allowed, tracked = true, tracked && !r.Stateless
			}
		}
	}
	return allowed, tracked
}

func (m model) matches(r cloud.SecurityRule, p packet) bool {
	peer := p.to
	if r.Ingress {
		peer = p.from
	}
	member := m.vnicOf(peer)
	isPeer := slices.ContainsFunc(r.Peers, func(n netip.Prefix) bool { return n.Contains(peer) })
	if r.PeerGroupID != "" {
		isPeer = member != nil && slices.Contains(member.GroupIDs, r.PeerGroupID)
	}
	if !isPeer || r.Protocol >= 0 && r.Protocol != p.protocol {
		return false
	}
	within := func(n int, all [2]int) bool { return all == [2]int{} || all[0] <= n && n <= all[1] }
	switch r.Protocol {
	case tcp, udp:
		return within(p.sourcePort, r.SourcePorts) && within(p.destinationPort, r.DestinationPorts)
	case icmp:
		return r.ICMPType < 0 || r.ICMPType == int(p.kind[0]) && (r.ICMPCode < 0 || r.ICMPCode == int(p.kind[1]))
	}
	return true
}

// dice makes descriptions at random.
type dice struct{ *rand.Rand }

func one[T any](d dice, all ...T) T { return all[d.IntN(len(all))] }

func (d dice) rule() cloud.SecurityRule {
	r := cloud.SecurityRule{
		Ingress: d.IntN(2) == 0, Protocol: one(d, -1, icmp, tcp, tcp, tcp, udp, udp, udp), ICMPType: -1, ICMPCode: -1,
		Stateless: d.IntN(4) == 0,
		Peers: one(d, anyone, vcn, prefixes("10.0.1.0/24", "10.0.2.0/24"), prefixes("10.0.3.2/32", "10.0.3.0/30"),
			prefixes("203.0.113.0/24"), servicesRange),
		SourcePorts:      one(d, [2]int{}, [2]int{}, [2]int{1024, 65535}, [2]int{80, 81}),
		DestinationPorts: one(d, [2]int{}, [2]int{80, 80}, [2]int{80, 81}, [2]int{1024, 65535}),
	}
	if d.IntN(3) == 0 {
		r.Peers, r.PeerGroupID = nil, one(d, "g1", "g2")
	}
	if r.Protocol == icmp {
		r.ICMPType, r.ICMPCode = one(d, -1, 3, 8), one(d, -1, 0, 4)
	}
	return r
}

func (d dice) rules(n int) (all []cloud.SecurityRule) {
	for range n {
		all = append(all, d.rule())
	}
	return all
}

func (d dice) network() (n cloud.Network) {
	n.ServiceCIDRs = servicesRange
	for _, id := range []string{"g1", "g2"} {
		n.SecurityGroups = append(n.SecurityGroups, cloud.RuleSet{ID: id, Name: id, Rules: d.rules(4)})
	}
	part := with(toInternet, func(r *cloud.Route) { r.Destinations = prefixes("203.0.113.0/24") })
	for i := range 3 {
		s := subnet(fmt.Sprint("s", i), fmt.Sprintf("10.0.%d.0/24", i+1), d.rules(10)...)
		s.SecurityLists = append(s.SecurityLists, list(fmt.Sprint("more", i), d.rules(4)...))
		s.Routes = one(d, nil, []cloud.Route{toInternet}, []cloud.Route{toNAT}, []cloud.Route{toServices, toNAT},
			[]cloud.Route{toNAT, part}, []cloud.Route{toInternet, with(part, blocked)})
		n.Subnets = append(n.Subnets, s)
		for j := range 2 {
			v := vnic(fmt.Sprintf("h%d%d", i, j), s, fmt.Sprintf("10.0.%d.%d", i+1, j+2))
			v.GroupIDs = one(d, nil, []string{"g1"}, []string{"g2"}, []string{"g1", "g2"})
			if d.IntN(2) == 0 {
				v = public(v, fmt.Sprintf("192.0.2.%d", 10*i+j+10))
			}
			n.VNICs = append(n.VNICs, v)
		}
	}
	return n
}

// questions returns what to ask of the network: between all VNICs, and with the places outside.
func (m model) questions() (all []question) {
	outside := []netip.Addr{addr("203.0.113.7"), addr("198.51.100.7"), addr(service)}
	add := func(from, to netip.Addr, withICMP bool) {
		for _, protocol := range []int{tcp, udp} {
			for port := 80; port <= 82; port++ {
				all = append(all, question{from: from, to: to, protocol: protocol, port: port})
			}
		}
		if withICMP {
			all = append(all, question{from: from, to: to, protocol: icmp, kind: [2]byte{8, 0}},
				question{from: from, to: to, protocol: icmp, kind: [2]byte{3, 4}})
		}
	}
	for _, v := range m.VNICs {
		for _, other := range m.VNICs {
			if v.ID != other.ID {
				add(v.Addresses[0], other.Addresses[0], true)
			}
		}
		for i, address := range outside {
			add(v.Addresses[0], address, false)
			if v.PublicIPs != nil && i < 2 { // Oracle's services open no connections
				add(address, v.Addresses[0], false)
			}
		}
	}
	return all
}

// probe returns the packets of a question. What comes from outside goes to the public address.
func (m model) probe(r *router.Router, q question) probe {
	p := probe{
		name: fmt.Sprintf("%s to %s", q.from, q.to), address: q.to, protocol: q.protocol, port: q.port, kind: q.kind,
		want: m.passes(q), from: placeOf(r, q.from), to: placeOf(r, q.to),
	}
	if to := m.vnicOf(q.to); to != nil {
		p.to = r.Host(to.Host)
	}
	if from := m.vnicOf(q.from); from != nil {
		p.from = r.Host(from.Host)
	} else {
		p.client, p.address = q.from, m.vnicOf(q.to).PublicIPs[q.to]
	}
	return p
}

// Packets do what the model says, in networks at random. A router carries one after the other.
func TestPacketsDoWhatTheModelSays(t *testing.T) {
	r := newRouter(t)
	networkOf := func(seed uint64) model { return model{dice{rand.New(rand.NewPCG(seed, 0))}.network()} }
	serve(t, r.Internet(), 80, 81, 82)
	serve(t, r.Services(), 80, 81, 82)
	apply(t, r, networkOf(0).Network)
	for _, v := range networkOf(0).VNICs { // all have the same hosts
		serve(t, r.Host(v.Host), 80, 81, 82)
	}
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			m := networkOf(seed)
			apply(t, r, m.Network)
			var probes []probe
			pass := 0
			for _, q := range m.questions() {
				probes = append(probes, m.probe(r, q))
				if probes[len(probes)-1].want {
					pass++
				}
			}
			try(t, probes)
			t.Logf("%d packets, of which %d pass", len(probes), pass)
		})
	}
}
