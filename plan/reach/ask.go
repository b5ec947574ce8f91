package reach

import (
	"slices"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

// Verdict is the short form of an answer.
type Verdict string

// The verdicts.
const (
	Yes     Verdict = "yes"
	Partly  Verdict = "partly" // for a part of the ends, or of the ports
	No      Verdict = "no"
	Unknown Verdict = "not known here" // an end may or may not lie in the existing VCN
)

// Answer says whether a connection can be opened, and why. Explain puts it in words.
type Answer struct {
	From, To End
	Service  Service
	Verdict  Verdict
	Openings []Opening // what allows the connection; none with No

	// The reasons for No. When both are empty, each end has a rule, but the two do not match or the answers are not
	// allowed.
	NoRoute *NoRoute          // nil when there is a route
	NoRule  []rules.Direction // Egress: the source has no rule; Ingress: the destination has none
}

// Ask answers whether from can open connections for the service to to.
func (n Network) Ask(from, to End, service Service) Answer {
	answer := Answer{From: from, To: to, Service: service}
	var whole []Opening // for all of both ends
	for _, o := range n.Openings(from, to) {
		common, ok := o.intersect(service)
		if !ok {
			continue
		}
		answer.Openings = append(answer.Openings, o)
		if !o.isPartial(from, to) && common.includesKinds(service) {
			whole = append(whole, o)
		}
	}
	switch {
	case len(answer.Openings) == 0:
		answer.Verdict = No
		n.findReasons(&answer)
	case from.Place == PerhapsInVCN || to.Place == PerhapsInVCN:
		answer.Verdict = Unknown
	case covers(whole, service.Ports):
		answer.Verdict, answer.Openings = Yes, whole
	default:
		answer.Verdict = Partly
	}
	return answer
}

// includesKinds reports whether s allows all kinds of ICMP message that wanted asks for.
func (s Service) includesKinds(wanted Service) bool {
	return s.ICMP == nil || wanted.ICMP != nil && *s.ICMP == *wanted.ICMP
}

// covers reports whether the openings' ports together make up the whole range.
func covers(all []Opening, want layout.PortRange) bool {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b Opening) int { return a.Ports.Min - b.Ports.Min })
	next := want.Min
	for _, o := range sorted {
		if o.Ports.Min <= next {
			next = max(next, o.Ports.Max+1)
		}
	}
	return len(all) > 0 && next > want.Max
}

// findReasons sets what is missing: a route, or a rule at either end.
func (n Network) findReasons(a *Answer) {
	if _, a.NoRoute = n.route(a.From, a.To); a.NoRoute != nil {
		return
	}
	hasRule := func(own, other End, direction rules.Direction) bool {
		return slices.ContainsFunc(n.candidates(own, other, direction), func(c candidate) bool {
			_, ok := serviceOf(c.rule).intersect(a.Service)
			return ok
		})
	}
	if !hasRule(a.From, a.To, rules.Egress) {
		a.NoRule = append(a.NoRule, rules.Egress)
	}
	if !hasRule(a.To, a.From, rules.Ingress) {
		a.NoRule = append(a.NoRule, rules.Ingress)
	}
}
