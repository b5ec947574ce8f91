// Package diagram draws a stack's network as an SVG: the VCN, its subnets, the gateways, and who may open connections
// to whom on which ports.
package diagram

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/reach"
	"oke-guestbook/plan/rules"
)

// scene is the content of the drawing, without coordinates.
type scene struct {
	plan    layout.Layout
	unset   []string // settings for which layout.StandIn stands in
	outside map[layout.Role][]flow
	inside  map[layout.Role][]flow      // from and to other hosts of the VCN
	between map[[2]layout.Role][]string // see open
}

// flow is what one subnet and an end outside the stack's subnets may open, in one direction.
type flow struct {
	names   []string // of the other end, a line each
	ports   []string // a line each
	gateway layout.Gateway
	inward  bool // opened by the other end
}

// yours names the networks that layout.StandIn stands in for.
const yours = "Your networks"

// newScene collects what the diagram shows.
func newScene(s layout.Spec, unset []string) (scene, error) {
	n, err := reach.Of(s)
	if err != nil {
		return scene{}, err
	}
	sc := scene{n.Plan, unset, map[layout.Role][]flow{}, map[layout.Role][]flow{}, map[[2]layout.Role][]string{}}
	for _, subnet := range n.Subnets() {
		for _, other := range n.Subnets() {
			sc.between[[2]layout.Role{subnet.Role, other.Role}] = ports(n.Openings(subnet, other))
		}
		notReply := func(o reach.Opening) bool { return !o.Reply }
		for _, end := range n.Outside() {
			sc.outside[subnet.Role] = append(sc.outside[subnet.Role], sc.flows(n, subnet, end, notReply)...)
		}
		// Every host of the VCN is included in rules for 0.0.0.0/0. Only rules that name networks are worth a line.
		isNamed := func(o reach.Opening) bool {
			rule := cmp.Or(o.Egress, o.Ingress) // of the subnet: the other hosts have none
			return rule.Peer != layout.Anywhere
		}
		sc.inside[subnet.Role] = sc.flows(n, subnet, n.VCN(), isNamed)
	}
	if s.Bastion {
		var clients []string
		for _, cidr := range s.BastionAllowedCIDRs {
			clients = append(clients, sc.label(cidr))
		}
		sessions := flow{names: few(clients), ports: []string{"bastion sessions"}, inward: true}
		sc.outside[layout.Bastion] = append(sc.outside[layout.Bastion], sessions)
	}
	return sc, nil
}

// open returns the ports of connections from one subnet to another.
func (sc scene) open(from, to layout.Role) []string { return sc.between[[2]layout.Role{from, to}] }

// flows returns what a subnet and an end outside the stack's subnets may open to each other, as far as it is shown.
func (sc scene) flows(n reach.Network, subnet, end reach.End, isShown func(reach.Opening) bool) []flow {
	hidden := func(o reach.Opening) bool { return !isShown(o) }
	return append(sc.group(end, true, slices.DeleteFunc(n.Openings(end, subnet), hidden)),
		sc.group(end, false, slices.DeleteFunc(n.Openings(subnet, end), hidden))...)
}

// group turns openings from an end, or to it, into flows. Parts of the end with the same ports share one.
func (sc scene) group(end reach.End, inward bool, openings []reach.Opening) []flow {
	var parts []netip.Prefix
	byPart := map[netip.Prefix][]reach.Opening{}
	for _, o := range openings {
		part := o.To
		if inward {
			part = o.From
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
		byPart[part] = append(byPart[part], o)
	}
	var all []flow
	for _, part := range parts {
		f := flow{nil, ports(byPart[part]), byPart[part][0].Via, inward}
		i := slices.IndexFunc(all, func(other flow) bool { return slices.Equal(other.ports, f.ports) })
		if i < 0 {
			i, all = len(all), append(all, f)
		}
		name := sc.label(part.String())
		if part == end.Prefix {
			name = sc.endLabel(end)
		}
		all[i].names = append(all[i].names, name)
	}
	for i := range all {
		all[i].names = few(all[i].names)
	}
	return all
}

// endLabel names an end that lies in no subnet of the stack.
func (sc scene) endLabel(end reach.End) string {
	switch end.Place {
	case reach.OnInternet:
		return "Internet"
	case reach.AtOracle:
		return "Oracle services"
	case reach.AtPeer:
		return "Peer " + end.Prefix.String()
	}
	return sc.label(end.Prefix.String())
}

// label names a network.
func (sc scene) label(cidr string) string {
	if len(sc.unset) > 0 && cidr == layout.StandIn {
		return yours
	}
	return cidr
}

// few keeps the first name and counts the others.
func few(names []string) []string {
	if len(names) <= 1 {
		return names
	}
	return []string{names[0], fmt.Sprintf("and %d more", len(names)-1)}
}

// ports describes what openings allow, with a line for each protocol. TCP and UDP share a line if their ports are
// equal.
func ports(openings []reach.Opening) (lines []string) {
	byProtocol := map[rules.Protocol][]string{}
	for _, o := range reach.Widest(openings) {
		if text := portsOf(o.Service); !slices.Contains(byProtocol[o.Protocol], text) {
			byProtocol[o.Protocol] = append(byProtocol[o.Protocol], text)
		}
	}
	if byProtocol[rules.All] != nil {
		return []string{"all protocols"}
	}
	const both = rules.TCP + ", " + rules.UDP
	if slices.Equal(byProtocol[rules.TCP], byProtocol[rules.UDP]) {
		byProtocol = map[rules.Protocol][]string{both: byProtocol[rules.TCP], rules.ICMP: byProtocol[rules.ICMP]}
	}
	for _, protocol := range []rules.Protocol{both, rules.TCP, rules.UDP, rules.ICMP} {
		texts := byProtocol[protocol]
		switch {
		case texts == nil:
		case !slices.Contains(texts, ""):
			lines = append(lines, fmt.Sprintf("%s %s", protocol, strings.Join(texts, ", ")))
		case protocol == rules.ICMP:
			lines = append(lines, string(protocol))
		default:
			lines = append(lines, fmt.Sprintf("%s, every port", protocol))
		}
	}
	return lines
}

// portsOf returns the ports or the kind of message of a service; empty for every one.
func portsOf(service reach.Service) string {
	switch {
	case service.ICMP != nil:
		return service.ICMP.String()
	case service.Ports == layout.AllPorts:
		return ""
	}
	return service.Ports.String()
}
