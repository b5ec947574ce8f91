package reach

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

// Service is what a connection is for: a protocol, with destination ports or a kind of ICMP message.
type Service struct {
	Protocol rules.Protocol
	Ports    layout.PortRange
	ICMP     *rules.ICMPKind
}

// ParseService reads "6443", "8000-8010", "53/udp", "icmp" or "icmp/3/4". A bare port is TCP.
func ParseService(text string) (Service, error) {
	if text == string(rules.ICMP) {
		return Service{Protocol: rules.ICMP, Ports: layout.AllPorts}, nil
	}
	if kind, ok := strings.CutPrefix(text, "icmp/"); ok {
		number, code, err := layout.ParseICMP(kind)
		if err != nil {
			return Service{}, err
		}
		return Service{rules.ICMP, layout.AllPorts, &rules.ICMPKind{Type: number, Code: code}}, nil
	}
	portText, protocol, named := strings.Cut(text, "/")
	if !named {
		protocol = string(rules.TCP)
	}
	if protocol != string(rules.TCP) && protocol != string(rules.UDP) {
		return Service{}, fmt.Errorf("protocol %q is not one of tcp, udp, icmp", protocol)
	}
	ports, err := layout.ParsePorts(portText)
	if err != nil {
		return Service{}, err
	}
	return Service{rules.Protocol(protocol), ports, nil}, nil
}

// String is the form that a rule's service has: "tcp 6443".
func (s Service) String() string {
	return rules.Rule{Protocol: s.Protocol, Ports: s.Ports, ICMP: s.ICMP}.Service()
}

// Verdict is an answer in a word.
type Verdict string

// The verdicts.
const (
	Yes     Verdict = "yes"
	Partly  Verdict = "partly" // for a part of the ends, or of the ports
	No      Verdict = "no"
	Unknown Verdict = "not known here"
)

// Answer says whether a connection can be opened, and why.
type Answer struct {
	Verdict Verdict
	Via     []Opening // what lets it through; none with No
	Reason  string    // why not, or why it is not known; empty with Yes and Partly
}

// Ask answers whether from can open connections for the service to to.
func (n Network) Ask(from, to End, service Service) Answer {
	wanted := rules.Rule{Protocol: service.Protocol, Ports: service.Ports, ICMP: service.ICMP}
	var via, whole []Opening
	for _, o := range n.Openings(from, to) {
		met, ok := join(o.rule(), &wanted)
		if !ok {
			continue
		}
		via = append(via, o)
		if o.Partial(from, to) || service.Protocol == rules.ICMP && o.Protocol == rules.ICMP && o.ICMP != nil && (service.ICMP == nil || *met.ICMP != *service.ICMP) {
			continue
		}
		whole = append(whole, o)
	}
	switch {
	case len(via) == 0:
		return Answer{Verdict: No, Reason: n.refusal(from, to, wanted)}
	case from.where == maybeInVCN:
		return Answer{Unknown, via, fmt.Sprintf("the existing VCN may have %s too", from.Name)}
	case to.where == maybeInVCN:
		return Answer{Unknown, via, fmt.Sprintf("the existing VCN may have %s too", to.Name)}
	case covers(whole, wanted.PortRange()):
		return Answer{Verdict: Yes, Via: whole}
	}
	return Answer{Verdict: Partly, Via: via}
}

// covers reports whether the openings' ports make up the whole range.
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

// refusal finds what is missing: a route, or a rule at one end.
func (n Network) refusal(from, to End, wanted rules.Rule) string {
	if _, err := n.route(from, to); err != nil {
		return "no route: " + err.Error()
	}
	var missing []string
	for _, side := range []struct {
		own, other End
		direction  rules.Direction
		phrase     string
	}{
		{from, to, rules.Egress, "subnet %s lets no %s out to %s"},
		{to, from, rules.Ingress, "subnet %s lets no %s in from %s"},
	} {
		open := slices.ContainsFunc(n.candidates(side.own, side.other, side.direction), func(c candidate) bool {
			_, ok := join(c.rule, &wanted)
			return ok
		})
		if !open {
			missing = append(missing, fmt.Sprintf(side.phrase, side.own.Role, wanted.Service(), side.other.Name))
		}
	}
	if len(missing) == 0 {
		return "no rule at one end fits a rule at the other, answers included"
	}
	return "no rule: " + strings.Join(missing, "; ")
}

// Explain is the answer in sentences, one a line.
func (a Answer) Explain() string {
	if a.Verdict == No {
		return "no\n  " + a.Reason + "\n"
	}
	var text strings.Builder
	text.WriteString(string(a.Verdict))
	if a.Reason != "" {
		text.WriteString(": " + a.Reason)
	}
	text.WriteString("\n")
	for _, o := range a.Via {
		fmt.Fprintf(&text, "  %s by %s\n", o.Summary(), o.Route)
		if a.Verdict == Partly {
			fmt.Fprintf(&text, "    from %s to %s only\n", o.From, o.To)
		}
		for _, side := range []struct {
			name string
			rule *rules.Rule
		}{{"out", o.Egress}, {"in", o.Ingress}} {
			if side.rule != nil {
				fmt.Fprintf(&text, "    %-3s %s: %s\n", side.name, side.rule.Key(), side.rule.Description)
			}
		}
	}
	return text.String()
}

// Summary is protocol and ports in words: "tcp 6443".
func (o Opening) Summary() string {
	rule := o.rule()
	if rule.Ports == layout.AllPorts || rule.Protocol == rules.ICMP || rule.Protocol == rules.All {
		rule.Ports = layout.PortRange{}
	}
	return rule.Service()
}
