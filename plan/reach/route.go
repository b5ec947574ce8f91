package reach

import (
	"net/netip"

	"oke-guestbook/plan/layout"
)

// NoRoute says why no route leads from one end to another.
type NoRoute struct {
	Reason RouteReason
	Subnet layout.Subnet // the stack's subnet whose routes decide; zero with NeitherInSubnet
	Other  End           // the end outside that subnet
}

// RouteReason is the reason for a missing route.
type RouteReason string

// The reasons.
const (
	NeitherInSubnet  RouteReason = "neither in a subnet"
	NoRouteOut       RouteReason = "no route out"
	NoRouteBack      RouteReason = "no route back"
	NoPublicAddress  RouteReason = "no public address"   // hosts of the subnet open no connections by an internet gateway
	PrivateSubnet    RouteReason = "private subnet"      // hosts of the subnet accept none by an internet gateway
	PrivateNetwork   RouteReason = "private network"     // the other end is one, and only a default route leads there
	OracleOpensNone  RouteReason = "Oracle opens none"   // Oracle's services open no connections
	NATGatewayOneWay RouteReason = "NAT gateway one way" // a NAT gateway accepts no connections
)

// route returns the gateway that packets of a connection from from to to take, or why there is none. The gateway is
// empty for the VCN's own routing.
func (n Network) route(from, to End) (layout.Gateway, *NoRoute) {
	switch {
	case from.Place != InSubnet && to.Place != InSubnet:
		return "", &NoRoute{Reason: NeitherInSubnet}
	case from.hasVCNAddress() && to.hasVCNAddress():
		return "", nil
	case from.Place == InSubnet:
		return n.routeOut(from, to)
	}
	return n.routeIn(from, to)
}

// routeOut follows the route table of from's subnet.
func (n Network) routeOut(from, to End) (layout.Gateway, *NoRoute) {
	subnet, _ := n.Plan.Subnet(from.Role)
	route, ok := n.lookup(subnet, to)
	switch {
	case !ok:
		return "", &NoRoute{NoRouteOut, subnet, to}
	case route.Gateway == layout.InternetGateway && !subnet.Public:
		return "", &NoRoute{NoPublicAddress, subnet, to}
	case to.Place == Unrouted && route.Gateway != layout.DRG:
		return "", &NoRoute{PrivateNetwork, subnet, to}
	}
	return route.Gateway, nil
}

// routeIn returns the gateway by which connections arrive at to's subnet, which is the one that answers leave by.
func (n Network) routeIn(from, to End) (layout.Gateway, *NoRoute) {
	subnet, _ := n.Plan.Subnet(to.Role)
	route, ok := n.lookup(subnet, from)
	switch {
	case from.Place == AtOracle:
		return "", &NoRoute{OracleOpensNone, subnet, from}
	case !ok:
		return "", &NoRoute{NoRouteBack, subnet, from}
	case route.Gateway == layout.NATGateway:
		return "", &NoRoute{NATGatewayOneWay, subnet, from}
	case route.Gateway == layout.InternetGateway && !subnet.Public:
		return "", &NoRoute{PrivateSubnet, subnet, from}
	case from.Place == Unrouted && route.Gateway != layout.DRG:
		return "", &NoRoute{PrivateNetwork, subnet, from}
	}
	return route.Gateway, nil
}

// lookup returns the route with the longest prefix. The route to Oracle's services is more specific than a default
// route.
func (n Network) lookup(subnet layout.Subnet, to End) (best layout.Route, found bool) {
	table, _ := n.Plan.RouteTable(subnet.RouteTable)
	bits := -1
	for _, route := range table.Routes {
		if route.Destination == layout.OSN {
			if to.Place == AtOracle {
				return route, true
			}
			continue
		}
		prefix, err := netip.ParsePrefix(route.Destination)
		if err != nil || prefix.Bits() <= bits {
			continue
		}
		leadsToOracle := to.Place == AtOracle && prefix.Bits() == 0
		if leadsToOracle || to.Place != AtOracle && layout.Within(to.Prefix, prefix) {
			best, found, bits = route, true, prefix.Bits()
		}
	}
	return best, found
}
