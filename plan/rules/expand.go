package rules

import (
	"fmt"
	"net/netip"

	"oke-guestbook/plan/layout"
)

// Direction of a rule, as seen from the subnet that has it.
type Direction string

// The directions, in the words of the OCI API.
const (
	Ingress Direction = "INGRESS"
	Egress  Direction = "EGRESS"
)

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

// Set holds the rules of each subnet.
type Set map[layout.Role][]Rule

// Expand turns the flows into rules at both their ends. What another rule of the
// same subnet already lets through is left out, so that no rule is superfluous.
func Expand(flows []Flow, plan layout.Layout) Set {
	set := Set{}
	for _, subnet := range plan.Subnets {
		set[subnet.Role] = withoutCovered(rulesAt(subnet.Role, flows, plan))
	}
	return set
}

// rulesAt are the rules that the flows need at a subnet.
func rulesAt(role layout.Role, flows []Flow, plan layout.Layout) (all []Rule) {
	for _, flow := range flows {
		for _, direction := range []Direction{Ingress, Egress} {
			if rule, ok := flow.at(role, direction, plan); ok {
				all = append(all, rule)
			}
		}
	}
	return all
}

// at is the rule that the flow needs at a subnet in one direction, if any.
func (f Flow) at(role layout.Role, direction Direction, plan layout.Layout) (Rule, bool) {
	own, peer := f.To, f.From
	if direction == Egress {
		own, peer = f.From, f.To
	}
	if own != string(role) {
		return Rule{}, false
	}
	if subnet, ok := plan.Subnet(layout.Role(peer)); ok {
		peer = subnet.CIDR.String()
	}
	return Rule{Direction: direction, Peer: peer, Protocol: f.Protocol, Ports: f.Ports, ICMP: f.ICMP, Description: f.Description}, true
}

func withoutCovered(all []Rule) []Rule {
	var kept []Rule
	for i, rule := range all {
		covered := false
		for j, other := range all {
			// Of two that cover each other, the first stays.
			if i != j && other.Covers(rule) && !(rule.Covers(other) && i < j) {
				covered = true
				break
			}
		}
		if !covered {
			kept = append(kept, rule)
		}
	}
	return kept
}

// Covers reports whether r lets through everything that other does.
func (r Rule) Covers(other Rule) bool {
	if r.Direction != other.Direction || r.Stateless != other.Stateless || !peerCovers(r.Peer, other.Peer) {
		return false
	}
	if r.Protocol == All {
		return true
	}
	if r.Protocol != other.Protocol {
		return false
	}
	if r.Protocol == ICMP {
		return r.ICMP == nil || other.ICMP != nil && r.ICMP.Type == other.ICMP.Type && (r.ICMP.Code == -1 || r.ICMP.Code == other.ICMP.Code)
	}
	wide, narrow := r.PortRange(), other.PortRange()
	return wide.Min <= narrow.Min && wide.Max >= narrow.Max
}

// PortRange is Ports with the zero value spelled out.
func (r Rule) PortRange() layout.PortRange {
	if r.Ports == (layout.PortRange{}) {
		return layout.AllPorts
	}
	return r.Ports
}

// peerCovers: Oracle's services have public addresses, so 0.0.0.0/0 covers them.
func peerCovers(wide, narrow string) bool {
	if wide == narrow || wide == layout.Anywhere {
		return true
	}
	outer, errOuter := netip.ParsePrefix(wide)
	inner, errInner := netip.ParsePrefix(narrow)
	return errOuter == nil && errInner == nil && layout.Within(inner, outer)
}

// Number is the protocol as the OCI API writes it: an IANA number, or all.
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

// Key tells a rule from the others of its subnet, whatever their order: "ingress tcp 6443 10.0.64.0/20".
func (r Rule) Key() string {
	direction := "ingress"
	if r.Direction == Egress {
		direction = "egress"
	}
	return fmt.Sprintf("%s %s %s", direction, r.Service(), r.Peer)
}

// Service is protocol and ports in words: "tcp 6443", "icmp 3/4", "all".
func (r Rule) Service() string {
	switch {
	case r.Protocol == ICMP && r.ICMP != nil && r.ICMP.Code >= 0:
		return fmt.Sprintf("icmp %d/%d", r.ICMP.Type, r.ICMP.Code)
	case r.Protocol == ICMP && r.ICMP != nil:
		return fmt.Sprintf("icmp %d", r.ICMP.Type)
	case r.Protocol == ICMP, r.Protocol == All:
	case r.Ports != (layout.PortRange{}):
		return fmt.Sprintf("%s %s", r.Protocol, r.Ports)
	}
	return string(r.Protocol)
}
