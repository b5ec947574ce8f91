package reach

import (
	"net/netip"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

// Opening is what one rule at each end lets through together.
type Opening struct {
	Protocol rules.Protocol
	Ports    layout.PortRange // TCP and UDP
	ICMP     *rules.ICMPKind  // nil is every kind
	From, To netip.Prefix     // the parts of the ends that it holds for; zero for Oracle's services
	Route    string
	Answer   bool        // only as a message about a connection that the other end has opened
	Egress   *rules.Rule // nil at an end without rules of the stack
	Ingress  *rules.Rule
}

// Partial reports whether the opening holds for a part of either end only.
func (o Opening) Partial(from, to End) bool {
	return o.From != from.Prefix || o.To != to.Prefix
}

// Openings lists everything that from may send to to. Without a route, ICMP
// messages about a connection that to has opened may still pass.
func (n Network) Openings(from, to End) []Opening {
	path, routeErr := n.route(from, to)
	_, backErr := n.route(to, from)
	var all []Opening
	for _, egress := range n.candidates(from, to, rules.Egress) {
		for _, ingress := range n.candidates(to, from, rules.Ingress) {
			o, ok := join(egress.rule, ingress.rule)
			o.From, o.To, o.Route = ingress.peer, egress.peer, path
			if ok && routeErr != nil {
				o, ok = o.messages()
				ok = ok && backErr == nil
				o.Route, o.Answer = "answers to connections of "+to.Name, true
			}
			if ok && n.answered(from, to, o) {
				all = append(all, o)
			}
		}
	}
	return all
}

// messages narrows the opening to what passes as a message about a connection.
func (o Opening) messages() (Opening, bool) {
	met, ok := join(o.rule(), &rules.Rule{Protocol: rules.ICMP, ICMP: &rules.ICMPKind{Type: unreachable, Code: -1}})
	o.Protocol, o.Ports, o.ICMP = met.Protocol, met.Ports, met.ICMP
	return o, ok
}

// rule is the opening as a rule without ends.
func (o Opening) rule() *rules.Rule {
	return &rules.Rule{Protocol: o.Protocol, Ports: o.Ports, ICMP: o.ICMP}
}

// unreachable is the ICMP type of messages that come back when a packet did not arrive, "too big" among them.
const unreachable = 3

// candidate is a rule and the part of the other end that it names. The rule is
// nil at an end whose rules are not the stack's.
type candidate struct {
	rule *rules.Rule
	peer netip.Prefix
}

func (n Network) candidates(own, other End, direction rules.Direction) []candidate {
	if own.where != inSubnet {
		return []candidate{{nil, other.Prefix}}
	}
	var found []candidate
	for i, rule := range n.Rules[own.Role] {
		if rule.Direction != direction {
			continue
		}
		if part, ok := n.meets(other, rule.Peer); ok {
			found = append(found, candidate{&n.Rules[own.Role][i], part})
		}
	}
	return found
}

// join is what both rules let through.
func join(egress, ingress *rules.Rule) (Opening, bool) {
	o := Opening{Protocol: rules.All, Egress: egress, Ingress: ingress, Ports: layout.AllPorts}
	for _, rule := range []*rules.Rule{egress, ingress} {
		if rule == nil || rule.Protocol == rules.All {
			continue
		}
		if o.Protocol != rules.All && o.Protocol != rule.Protocol {
			return o, false
		}
		o.Protocol = rule.Protocol
		ports := rule.PortRange()
		o.Ports = layout.PortRange{Min: max(o.Ports.Min, ports.Min), Max: min(o.Ports.Max, ports.Max)}
		switch {
		case rule.ICMP == nil:
		case o.ICMP == nil:
			o.ICMP = rule.ICMP
		case o.ICMP.Type != rule.ICMP.Type || o.ICMP.Code >= 0 && rule.ICMP.Code >= 0 && o.ICMP.Code != rule.ICMP.Code:
			return o, false
		case o.ICMP.Code < 0:
			o.ICMP = rule.ICMP
		}
	}
	return o, o.Ports.Min <= o.Ports.Max
}

// answered reports whether the answers get back. A stateful rule lets them pass by
// itself; a stateless one, which takes precedence over a stateful one for the same
// traffic, needs a rule for them (Oracle, "Security Rules", stateful versus stateless).
func (n Network) answered(from, to End, o Opening) bool {
	if o.Protocol == rules.ICMP && o.ICMP != nil && o.ICMP.Type == unreachable {
		return true // a message, which has no answer
	}
	return n.letsAnswer(from, to, o, rules.Egress, rules.Ingress) && n.letsAnswer(to, from, o, rules.Ingress, rules.Egress)
}

// letsAnswer looks at one end: direction is that of the request there, back that of the answer.
func (n Network) letsAnswer(own, other End, o Opening, direction, back rules.Direction) bool {
	stateless := false
	for _, c := range n.candidates(own, other, direction) {
		if c.rule == nil {
			return true
		}
		if _, overlaps := join(c.rule, o.rule()); overlaps && c.rule.Stateless {
			stateless = true
		}
	}
	if !stateless {
		return true
	}
	answer := rules.Rule{Direction: back, Protocol: o.Protocol, Ports: ephemeral}
	for _, c := range n.candidates(own, other, back) {
		as := *c.rule
		answer.Peer, answer.Stateless = as.Peer, as.Stateless
		if as.Covers(answer) {
			return true
		}
	}
	return false
}

// ephemeral are the ports that clients send from, and so the destination ports of answers.
var ephemeral = layout.PortRange{Min: 1024, Max: 65535}
