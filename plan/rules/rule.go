package rules

import (
	"fmt"
	"net/netip"
	"strconv"

	"oke-guestbook/plan/layout"
)

// Direction of a rule, seen from the subnet that has it.
type Direction string

// The directions, as the OCI API spells them.
const (
	Ingress Direction = "INGRESS"
	Egress  Direction = "EGRESS"
)

// Protocol of a flow or a rule, as the settings spell it.
type Protocol string

// The protocols.
const (
	All  Protocol = "all"
	TCP  Protocol = "tcp"
	UDP  Protocol = "udp"
	ICMP Protocol = "icmp"
)

// Number is the protocol as the OCI API spells it: an IANA number, or "all".
func (p Protocol) Number() string {
	switch p {
	case ICMP:
		return "1"
	case TCP:
		return "6"
	case UDP:
		return "17"
	}
	return "all"
}

// ICMPKind is a type of ICMP message with one of its codes, or with -1 for every code.
type ICMPKind struct{ Type, Code int }

// String is the form that layout.ParseICMP reads: "3/4", or "3" for every code.
func (k ICMPKind) String() string {
	if k.Code < 0 {
		return strconv.Itoa(k.Type)
	}
	return fmt.Sprintf("%d/%d", k.Type, k.Code)
}

// Rule is one rule of a security list or a network security group.
type Rule struct {
	Direction   Direction
	Peer        string // source of ingress, destination of egress: a CIDR or layout.OSN
	Protocol    Protocol
	Ports       layout.PortRange // destination ports; the zero value is every port
	ICMP        *ICMPKind        // nil is every kind
	Stateless   bool             // answers need a rule of their own
	Description string
}

// Covers reports whether r allows everything that other allows.
func (r Rule) Covers(other Rule) bool {
	if r.Direction != other.Direction || r.Stateless != other.Stateless || !peerCovers(r.Peer, other.Peer) {
		return false
	}
	switch {
	case r.Protocol == All:
		return true
	case r.Protocol != other.Protocol:
		return false
	case r.Protocol == ICMP:
		return r.ICMP == nil || other.ICMP != nil && r.ICMP.Type == other.ICMP.Type &&
			(r.ICMP.Code == -1 || r.ICMP.Code == other.ICMP.Code)
	}
	wide, narrow := r.PortRange(), other.PortRange()
	return wide.Min <= narrow.Min && wide.Max >= narrow.Max
}

// PortRange returns Ports, and layout.AllPorts for the zero value.
func (r Rule) PortRange() layout.PortRange {
	if r.Ports == (layout.PortRange{}) {
		return layout.AllPorts
	}
	return r.Ports
}

// peerCovers reports whether every address of narrow belongs to wide. Oracle's services have public addresses, so
// 0.0.0.0/0 covers them.
func peerCovers(wide, narrow string) bool {
	if wide == narrow || wide == layout.Anywhere {
		return true
	}
	outer, errOuter := netip.ParsePrefix(wide)
	inner, errInner := netip.ParsePrefix(narrow)
	return errOuter == nil && errInner == nil && layout.Within(inner, outer)
}

// Key identifies a rule among those of its subnet: "ingress tcp 6443 10.0.64.0/20".
func (r Rule) Key() string {
	direction := "ingress"
	if r.Direction == Egress {
		direction = "egress"
	}
	return fmt.Sprintf("%s %s %s", direction, r.Service(), r.Peer)
}

// Service is the protocol with its ports or kind of message: "tcp 6443", "icmp 3/4", "all".
func (r Rule) Service() string {
	switch {
	case r.Protocol == ICMP && r.ICMP != nil:
		return fmt.Sprintf("%s %s", r.Protocol, r.ICMP)
	case r.Protocol != ICMP && r.Protocol != All && r.Ports != (layout.PortRange{}):
		return fmt.Sprintf("%s %s", r.Protocol, r.Ports)
	}
	return string(r.Protocol)
}
