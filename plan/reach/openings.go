package reach

import (
	"net/netip"
	"slices"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

// Opening is what one rule at each end allows together.
type Opening struct {
	Service
	From, To netip.Prefix   // the parts of the ends that it holds for; zero for Oracle's services
	Via      layout.Gateway // empty for the VCN's own routing
	Reply    bool           // allows only ICMP messages about connections that the other end has opened
	Egress   *rules.Rule    // nil at an end whose rules are not the stack's
	Ingress  *rules.Rule    // the same
}

// unreachable is every ICMP message that reports an undelivered packet, "fragmentation needed" among them.
var unreachable = Service{rules.ICMP, layout.AllPorts, &rules.ICMPKind{Type: 3, Code: -1}}

// ephemeral are the ports that clients send from, and so the destination ports of answers.
var ephemeral = layout.PortRange{Min: 1024, Max: 65535}

// Openings returns everything that from may send to to. Without a route, ICMP messages about a connection that to has
// opened may still pass.
func (n Network) Openings(from, to End) []Opening {
	via, noRoute := n.route(from, to)
	back, noRouteBack := n.route(to, from)
	if noRoute != nil && noRouteBack != nil {
		return nil
	}
	var all []Opening
	for _, egress := range n.candidates(from, to, rules.Egress) {
		for _, ingress := range n.candidates(to, from, rules.Ingress) {
			service, ok := serviceOf(egress.rule).intersect(serviceOf(ingress.rule))
			o := Opening{service, ingress.peer, egress.peer, via, false, egress.rule, ingress.rule}
			if ok && noRoute != nil {
				o.Service, ok = service.intersect(unreachable)
				o.Via, o.Reply = back, true
			}
			if ok && n.answered(from, to, o.Service) {
				all = append(all, o)
			}
		}
	}
	return all
}

// isPartial reports whether the opening holds for only a part of either end.
func (o Opening) isPartial(from, to End) bool { return o.From != from.Prefix || o.To != to.Prefix }

// Widest leaves out the openings that another one includes.
func Widest(openings []Opening) []Opening {
	var widest []Opening
	for i, o := range openings {
		included := slices.ContainsFunc(openings[:i], o.within) ||
			slices.ContainsFunc(openings[i+1:], func(wide Opening) bool { return o.within(wide) && !wide.within(o) })
		if !included {
			widest = append(widest, o)
		}
	}
	return widest
}

// within reports whether wide allows everything that o does.
func (o Opening) within(wide Opening) bool {
	return partWithin(o.From, wide.From) && partWithin(o.To, wide.To) && wide.rule().Covers(o.rule())
}

// partWithin compares parts of ends. Oracle's services have no prefix and are a part of themselves only.
func partWithin(inner, outer netip.Prefix) bool {
	return inner == outer || inner.IsValid() && outer.IsValid() && layout.Within(inner, outer)
}

// candidate is a rule at one end and the part of the other end that it matches.
type candidate struct {
	rule *rules.Rule // nil at an end whose rules are not the stack's
	peer netip.Prefix
}

// candidates returns the rules at own that match other or a part of it.
func (n Network) candidates(own, other End, direction rules.Direction) []candidate {
	if own.Place != InSubnet {
		return []candidate{{nil, other.Prefix}}
	}
	var found []candidate
	for i, rule := range n.Rules[own.Role] {
		if rule.Direction != direction {
			continue
		}
		if part, ok := n.intersect(other, rule.Peer); ok {
			found = append(found, candidate{&n.Rules[own.Role][i], part})
		}
	}
	return found
}

// answered reports whether answers return. A stateful rule allows them implicitly. A stateless rule takes precedence
// over a stateful one for the same traffic and needs a rule for answers (Oracle, "Security Rules", stateful versus
// stateless).
func (n Network) answered(from, to End, service Service) bool {
	if service.Protocol == rules.ICMP && service.ICMP != nil && service.ICMP.Type == unreachable.ICMP.Type {
		return true // has no answer
	}
	return n.allowsAnswer(from, to, service, rules.Egress, rules.Ingress) &&
		n.allowsAnswer(to, from, service, rules.Ingress, rules.Egress)
}

// allowsAnswer checks one end. There, request is the direction of the connection and back that of its answers.
func (n Network) allowsAnswer(own, other End, service Service, request, back rules.Direction) bool {
	stateless := slices.ContainsFunc(n.candidates(own, other, request), func(c candidate) bool {
		_, overlaps := serviceOf(c.rule).intersect(service)
		return overlaps && c.rule != nil && c.rule.Stateless
	})
	return !stateless || slices.ContainsFunc(n.candidates(own, other, back), func(c candidate) bool {
		answer := *c.rule
		answer.Protocol, answer.Ports, answer.ICMP = service.Protocol, ephemeral, nil
		return c.rule.Covers(answer)
	})
}
