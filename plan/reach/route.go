package reach

import (
	"fmt"
	"net/netip"

	"oke-guestbook/plan/layout"
)

// route says how packets of a connection that from opens get to to and back, or why not.
func (n Network) route(from, to End) (path string, err error) {
	switch {
	case from.where != inSubnet && to.where != inSubnet:
		return "", fmt.Errorf("neither end lies in a subnet of the stack")
	case from.inside() && to.inside():
		return "the VCN's own routing", nil
	case from.where == inSubnet:
		return n.routeOut(from, to)
	}
	return n.routeIn(from, to)
}

// routeOut follows the route table of from's subnet.
func (n Network) routeOut(from, to End) (string, error) {
	subnet, _ := n.Plan.Subnet(from.Role)
	route, ok := n.lookup(subnet, to)
	if !ok {
		return "", fmt.Errorf("route table %q of subnet %s has no route to %s", subnet.RouteTable, subnet.Role, to.Name)
	}
	switch {
	case route.Gateway == layout.InternetGateway && !subnet.Public:
		return "", fmt.Errorf("the internet gateway needs a public address, which subnet %s does not allow", subnet.Role)
	case to.where == unrouted && route.Gateway != layout.DRG:
		return "", fmt.Errorf("%s is a private network, and no route leads to it", to.Name)
	}
	return describe(route.Gateway), nil
}

// routeIn asks which gateway lets connections in: the one that answers would leave by.
func (n Network) routeIn(from, to End) (string, error) {
	subnet, _ := n.Plan.Subnet(to.Role)
	if from.where == atOracle {
		return "", fmt.Errorf("Oracle's services open no connections to the VCN")
	}
	route, ok := n.lookup(subnet, from)
	switch {
	case !ok:
		return "", fmt.Errorf("route table %q of subnet %s has no route back to %s", subnet.RouteTable, subnet.Role, from.Name)
	case route.Gateway == layout.NATGateway:
		return "", fmt.Errorf("the NAT gateway lets no connections in")
	case route.Gateway == layout.InternetGateway && !subnet.Public:
		return "", fmt.Errorf("subnet %s is private: its hosts have no public address", subnet.Role)
	case from.where == unrouted && route.Gateway != layout.DRG:
		return "", fmt.Errorf("%s is a private network, and no route leads to it", from.Name)
	}
	return describe(route.Gateway), nil
}

// lookup picks the route with the longest prefix. The route to Oracle's services
// is more specific than any that is not.
func (n Network) lookup(subnet layout.Subnet, to End) (best layout.Route, found bool) {
	table, _ := n.Plan.RouteTable(subnet.RouteTable)
	bits := -1
	for _, route := range table.Routes {
		if route.Destination == layout.OSN {
			if to.where == atOracle {
				return route, true
			}
			continue
		}
		prefix, err := netip.ParsePrefix(route.Destination)
		if err != nil || prefix.Bits() <= bits {
			continue
		}
		if to.where == atOracle && prefix.Bits() == 0 || to.where != atOracle && layout.Within(to.Prefix, prefix) {
			best, found, bits = route, true, prefix.Bits()
		}
	}
	return best, found
}

func describe(gateway layout.Gateway) string {
	switch gateway {
	case layout.InternetGateway:
		return "the internet gateway"
	case layout.NATGateway:
		return "the NAT gateway"
	case layout.ServiceGateway:
		return "the service gateway"
	}
	return "the dynamic routing gateway"
}
