// Package diagram draws a stack's network as an SVG: the VCN, its subnets, the
// gateways, and who may open connections to whom on which ports.
package diagram

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/reach"
)

// flow is what passes the border of the VCN at one subnet.
type flow struct {
	names   []string // of the other end, a line each
	ports   []string // a line each
	gateway string   // short name on the border
	inward  bool
}

// scene is what the drawing shows, apart from coordinates.
type scene struct {
	title   string
	vcn     string
	network reach.Network
	outside map[layout.Role][]flow
	inside  map[layout.Role][]flow      // from and to other hosts of the VCN
	between map[[2]layout.Role][]string // ports of connections from one subnet to another
}

var titles = map[layout.Role]string{
	layout.API:                   "Kubernetes API endpoint",
	layout.Workers:               "Worker nodes",
	layout.Pods:                  "Pods",
	layout.PublicLoadBalancers:   "Public load balancers",
	layout.InternalLoadBalancers: "Internal load balancers",
	layout.Bastion:               "OCI Bastion",
}

var gatewayNames = map[string]string{
	"the internet gateway":        "IGW",
	"the NAT gateway":             "NAT",
	"the service gateway":         "SGW",
	"the dynamic routing gateway": "DRG",
}

// yours names the networks that layout.StandIn stands in for.
const yours = "Your networks"

// describe collects what there is to draw.
func describe(title string, s layout.Spec, unset []string) (scene, error) {
	n, err := reach.Of(s)
	if err != nil {
		return scene{}, err
	}
	sc := scene{title: title, vcn: "VCN " + n.Plan.VCN.String(), network: n, outside: map[layout.Role][]flow{}, inside: map[layout.Role][]flow{}, between: map[[2]layout.Role][]string{}}
	if n.Plan.ExistingVCN != "" {
		sc.vcn += " (existing)"
	}
	for _, subnet := range n.Plan.Subnets {
		for _, other := range n.Plan.Subnets {
			from, to := sc.end(string(subnet.Role)), sc.end(string(other.Role))
			if lines := ports(n.Openings(from, to)); len(lines) > 0 {
				sc.between[[2]layout.Role{subnet.Role, other.Role}] = lines
			}
		}
		sc.outside[subnet.Role] = sc.flows(subnet.Role)
		sc.inside[subnet.Role] = sc.neighbours(subnet.Role)
	}
	if s.Bastion {
		sc.outside[layout.Bastion] = append(sc.outside[layout.Bastion], flow{few(s.BastionAllowedCIDRs), []string{"bastion sessions"}, "", true})
	}
	for _, flows := range sc.outside {
		for _, f := range flows {
			for i := range f.names {
				if len(unset) > 0 && f.names[i] == layout.StandIn {
					f.names[i] = yours
				}
			}
		}
	}
	return sc, nil
}

func (sc scene) end(name string) reach.End {
	end, _ := sc.network.Parse(name)
	return end
}

// flows lists what may pass between a subnet and the outside, by the other end.
func (sc scene) flows(role layout.Role) []flow {
	subnet := sc.end(string(role))
	far := []reach.End{sc.end(reach.Internet), sc.end(layout.OSN)}
	for _, peer := range sc.network.Peers {
		far = append(far, sc.end(peer.String()))
	}
	var all []flow
	for _, end := range far {
		for _, inward := range []bool{true, false} {
			from, to := subnet, end
			if inward {
				from, to = end, subnet
			}
			all = append(all, split(end, inward, withoutAnswers(sc.network.Openings(from, to)))...)
		}
	}
	return all
}

// neighbours lists what may pass between a subnet and the networks of the VCN, besides the stack's subnets, that its rules name.
func (sc scene) neighbours(role layout.Role) []flow {
	n := sc.network
	var all []flow
	for _, inward := range []bool{true, false} {
		from, to := sc.end(string(role)), n.VCN()
		if inward {
			from, to = to, from
		}
		openings := slices.DeleteFunc(n.Openings(from, to), func(o reach.Opening) bool {
			rule := o.Egress
			if inward {
				rule = o.Ingress
			}
			return rule == nil || rule.Peer == layout.Anywhere
		})
		all = append(all, split(n.VCN(), inward, openings)...)
	}
	for _, f := range all {
		f.names[0] = strings.TrimPrefix(f.names[0], "Peer ")
	}
	return all
}

func withoutAnswers(openings []reach.Opening) []reach.Opening {
	return slices.DeleteFunc(openings, func(o reach.Opening) bool { return o.Answer })
}

// split makes a flow for each set of networks that the same ports are open to.
func split(end reach.End, inward bool, openings []reach.Opening) []flow {
	name := map[string]string{reach.Internet: "Internet", layout.OSN: "Oracle services"}[end.Name]
	if name == "" {
		name = "Peer " + end.Name
	}
	var order []string
	networks := map[string][]string{} // by ports
	gateway := map[string]string{}
	group := func(part netip.Prefix) []reach.Opening {
		var same []reach.Opening
		for _, o := range openings {
			if far(o, inward) == part {
				same = append(same, o)
			}
		}
		return same
	}
	var done []netip.Prefix
	for _, o := range openings {
		part := far(o, inward)
		if slices.Contains(done, part) {
			continue
		}
		done = append(done, part)
		key := strings.Join(ports(group(part)), "\n")
		if _, known := networks[key]; !known {
			order = append(order, key)
		}
		label := name
		if part != end.Prefix {
			label = part.String()
		}
		networks[key] = append(networks[key], label)
		gateway[key] = gatewayNames[o.Route]
	}
	var all []flow
	for _, key := range order {
		all = append(all, flow{few(networks[key]), strings.Split(key, "\n"), gateway[key], inward})
	}
	return all
}

func far(o reach.Opening, inward bool) netip.Prefix {
	if inward {
		return o.From
	}
	return o.To
}

// few names the first of a list and counts the rest.
func few(names []string) []string {
	if len(names) <= 1 {
		return names
	}
	return []string{names[0], fmt.Sprintf("and %d more", len(names)-1)}
}

// How many letters fit, also in a wide font.
const (
	besideVCN = 19
	belowVCN  = 108
)

// wrap breaks lines after a comma where they are longer.
func wrap(lines []string, fits int) []string {
	var wrapped []string
	for _, line := range lines {
		for len(line) > fits {
			cut := strings.LastIndex(line[:fits], ", ")
			if cut < 0 {
				cut = strings.Index(line, ", ")
			}
			if cut < 0 {
				break
			}
			wrapped = append(wrapped, line[:cut+1])
			line = line[cut+2:]
		}
		wrapped = append(wrapped, line)
	}
	return wrapped
}

// ports says what openings let through, a line for each protocol, "tcp, udp" together where the ports are the same.
func ports(openings []reach.Opening) []string {
	var lines []string
	byProtocol := map[string][]string{}
	for _, o := range reach.Widest(openings) {
		protocol, rest, _ := strings.Cut(o.Summary(), " ")
		if !slices.Contains(byProtocol[protocol], rest) {
			byProtocol[protocol] = append(byProtocol[protocol], rest)
		}
	}
	if _, all := byProtocol["all"]; all {
		return []string{"all protocols"}
	}
	if len(byProtocol["udp"]) > 0 && slices.Equal(byProtocol["tcp"], byProtocol["udp"]) {
		byProtocol["tcp, udp"] = byProtocol["tcp"]
		delete(byProtocol, "tcp")
		delete(byProtocol, "udp")
	}
	for _, protocol := range []string{"tcp, udp", "tcp", "udp", "icmp"} {
		rest, ok := byProtocol[protocol]
		switch {
		case !ok:
		case slices.Contains(rest, "") && protocol != "icmp":
			lines = append(lines, protocol+", every port")
		default:
			lines = append(lines, protocol+" "+strings.Join(rest, ", "))
		}
	}
	return lines
}
