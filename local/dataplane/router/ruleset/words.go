package ruleset

import (
	"fmt"
	"strings"

	"oke-guestbook/local/cloud"
)

// Packet is a flow with what only ICMP has.
type Packet struct {
	cloud.Flow
	ICMPType, ICMPCode int
}

// Ingress reports whether the destination's VNIC decided.
func (d Decision) Ingress() bool { return d == IngressAccept || d == IngressReject || d == RouteBack }

// Accepted reports whether the packet passed.
func (d Decision) Accepted() bool { return d == EgressAccept || d == IngressAccept }

// Words puts in words what a packet would have needed.
type Words struct {
	subnets map[string]string // names by the VNICs' OCIDs
	groups  map[string][]string
}

// NewWords reads the names that the words need.
func NewWords(n cloud.Network) *Words {
	w := &Words{map[string]string{}, map[string][]string{}}
	subnetNames, groupNames := map[string]string{}, map[string]string{}
	for _, subnet := range n.Subnets {
		subnetNames[subnet.ID] = subnet.Name
	}
	for _, group := range n.SecurityGroups {
		groupNames[group.ID] = group.Name
	}
	for _, vnic := range n.VNICs {
		w.subnets[vnic.ID] = subnetNames[vnic.SubnetID]
		for _, group := range vnic.GroupIDs {
			w.groups[vnic.ID] = append(w.groups[vnic.ID], groupNames[group])
		}
	}
	return w
}

// Explain completes a flow by what was missing.
func (w *Words) Explain(p Packet, d Decision) cloud.Flow {
	flow, subnet, rules := p.Flow, w.subnets[p.VNICID], w.rulesOf(p.VNICID)
	switch d {
	case EgressReject:
		flow.Missing = fmt.Sprintf("an egress rule of %s for %s to %s", rules, p.service(), p.Destination.Addr())
	case IngressReject:
		flow.Missing = fmt.Sprintf("an ingress rule of %s for %s from %s", rules, p.service(), p.Source.Addr())
	case RouteNone:
		flow.Missing = fmt.Sprintf("a route rule of subnet %s for %s", subnet, p.Destination.Addr())
	case RouteBlocked:
		flow.Missing = fmt.Sprintf("a gateway that is enabled: that of subnet %s for %s blocks traffic", subnet,
			p.Destination.Addr())
	case RoutePrivate:
		flow.Missing = fmt.Sprintf("a route rule of subnet %s for the private address %s", subnet, p.Destination.Addr())
	case RouteNoPublic:
		flow.Missing = fmt.Sprintf("a public IP address of %s, without which the internet gateway lets nothing pass",
			p.Source.Addr())
	case RouteBack:
		flow.Missing = fmt.Sprintf("a route rule of subnet %s to the internet gateway for %s", subnet, p.Source.Addr())
	}
	return flow
}

// rulesOf names whose rules decide about a VNIC.
func (w *Words) rulesOf(vnicID string) string {
	text := "subnet " + w.subnets[vnicID]
	if groups := w.groups[vnicID]; len(groups) > 0 {
		text += " or network security group " + strings.Join(groups, ", ")
	}
	return text
}

// service names the packet's protocol with the destination port or the kind of message: "TCP 30080", "ICMP 3/4".
func (p Packet) service() string {
	switch p.Protocol {
	case 1:
		return fmt.Sprintf("ICMP %d/%d", p.ICMPType, p.ICMPCode)
	case 6:
		return fmt.Sprintf("TCP %d", p.Destination.Port())
	case 17:
		return fmt.Sprintf("UDP %d", p.Destination.Port())
	}
	return fmt.Sprintf("protocol %d", p.Protocol)
}
