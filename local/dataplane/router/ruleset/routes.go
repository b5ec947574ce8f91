package ruleset

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"oke-guestbook/local/cloud"
)

// Marks of packets that leave the VCN: by which gateway. NAT gateways have the following numbers.
const (
	markInternet = iota + 1
	markServices
	markNAT
)

// privateNetworks have no route on the internet (RFC 1918, RFC 6598, RFC 3927).
const privateNetworks = "{ 10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16 }"

// leg is one destination of a route rule.
type leg struct {
	destination netip.Prefix
	route       cloud.Route
}

// legs returns the destinations of a route table, the longest prefix first.
func legs(routes []cloud.Route) (all []leg) {
	for _, route := range routes {
		for _, destination := range route.Destinations {
			if destination.Addr().Is4() {
				all = append(all, leg{destination.Masked(), route})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b leg) int { return cmp.Compare(b.destination.Bits(), a.destination.Bits()) })
	return all
}

// routeChains writes, for each subnet, by which gateway packets of connections from its VNICs leave, and from where
// connections arrive: by the same table, since their answers leave by it.
func (c *compiler) routeChains() {
	c.chain("to_internet",
		"ip daddr "+privateNetworks+" goto route_private",
		"ip saddr != @has_public goto route_nopublic",
		fmt.Sprintf("meta mark set %d", markInternet), "accept")
	c.chain("to_services", fmt.Sprintf("meta mark set %d", markServices), "accept")
	gateways := map[netip.Addr]int{}
	for i, subnet := range c.n.Subnets {
		vcn := setOf(disjoint(subnet.VcnCIDRs))
		var out, back []string
		if len(subnet.VcnCIDRs) > 0 {
			out = []string{"ip daddr " + vcn + " drop"} // an address that no VNIC has
			back = []string{"ip saddr " + vcn + " drop"}
		}
		for _, l := range legs(subnet.Routes) {
			out = append(out, fmt.Sprintf("ip daddr %s %s", l.destination, c.leave(l.route, gateways)))
			verdict := "goto route_back"
			if l.route.Gateway == cloud.InternetGateway && !l.route.Blocked {
				verdict = "accept"
			}
			back = append(back, fmt.Sprintf("ip saddr %s %s", l.destination, verdict))
		}
		c.line("\t# subnet %q", subnet.Name)
		c.chain(fmt.Sprintf("routes%d", i), append(out, "goto route_none")...)
		c.chain(fmt.Sprintf("back%d", i), append(back, "goto route_back")...)
	}
}

// leave returns the verdict for packets that a route rule matches. It writes the chain of a NAT gateway at first.
func (c *compiler) leave(route cloud.Route, gateways map[netip.Addr]int) string {
	switch {
	case route.Blocked:
		return "goto route_blocked"
	case route.Gateway == cloud.InternetGateway:
		return "goto to_internet"
	case route.Gateway == cloud.ServiceGateway:
		return "goto to_services"
	case route.Gateway == cloud.NATGateway && route.PublicIP.IsValid():
		number, ok := gateways[route.PublicIP]
		if !ok {
			number = len(gateways)
			gateways[route.PublicIP] = number
			c.nat = append(c.nat, route.PublicIP)
			c.chain(fmt.Sprintf("to_nat%d", number), "ip daddr "+privateNetworks+" goto route_private",
				fmt.Sprintf("meta mark set %d", markNAT+number), "accept")
		}
		return fmt.Sprintf("goto to_nat%d", number)
	}
	return "drop"
}

// translation writes the chains that change addresses of packets that pass a gateway.
func (c *compiler) translation() {
	c.chain("destination_nat",
		"type nat hook prerouting priority dstnat; policy accept;",
		fmt.Sprintf("iifname %q dnat to ip daddr map @private", Internet))
	rules := []string{
		"type nat hook postrouting priority srcnat; policy accept;",
		fmt.Sprintf("meta mark %d snat to ip saddr map @public", markInternet),
		fmt.Sprintf("meta mark %d masquerade", markServices),
	}
	for i, address := range c.nat {
		rules = append(rules, fmt.Sprintf("meta mark %d snat to %s", markNAT+i, address))
	}
	c.chain("source_nat", rules...)
}
