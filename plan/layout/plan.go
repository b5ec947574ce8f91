package layout

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Layout is the plan of a stack's network.
type Layout struct {
	VCN         netip.Prefix
	ExistingVCN string // OCID; empty when the stack creates the VCN
	DNSLabel    string // of a new VCN
	Subnets     []Subnet
	RouteTables []RouteTable // those that the subnets use
}

// Subnet is one regional subnet.
type Subnet struct {
	Role       Role
	CIDR       netip.Prefix
	ExistingID string // OCID; empty when the stack creates the subnet
	Public     bool   // its VNICs may have public addresses
	RouteTable string // name of a table in RouteTables; an existing subnet's own table should have the same routes
	DNSLabel   string // empty in an existing VCN, whose labels are unknown
}

// RouteTable is a named set of routes. Routes within the VCN are implicit.
type RouteTable struct {
	Name     string
	Routes   []Route
	Existing bool // only existing subnets use it, so the stack does not create it
}

// Route sends traffic for Destination, a CIDR or OSN, to a gateway.
type Route struct {
	Destination string
	Gateway     Gateway
	Description string
}

// Gateway is a kind of gateway of a VCN.
type Gateway string

// The gateways that routes lead to.
const (
	InternetGateway Gateway = "internet"
	NATGateway      Gateway = "nat"
	ServiceGateway  Gateway = "service"
	DRG             Gateway = "drg"
)

// Names of the route tables.
const (
	PublicRoutes   = "public"   // to the internet
	PrivateRoutes  = "private"  // to Oracle's services, and to the internet through NAT
	ServicesRoutes = "services" // to Oracle's services
	LocalRoutes    = "local"    // to the VCN and its peers only
)

// place is the part of the VCN that is reserved for a role's subnet: the VCN is divided into 1<<bits equal parts, and
// this is the one with that number. Places are disjoint and fixed, also those of unused roles. Adding, removing or
// resizing one subnet therefore moves no other.
type place struct {
	bits, number int
	prefer       int // prefix length of the subnet, unless the place is smaller
}

// smallestPlanned is the prefix length of the smallest VCN that can be planned automatically. A sixteenth of a /25 is
// a /29, which just holds a load balancer.
const smallestPlanned = 25

var places = map[Role]place{
	Pods:                  {1, 1, 17},
	Workers:               {2, 1, 20},
	API:                   {4, 0, 29},
	Bastion:               {4, 1, 29},
	PublicLoadBalancers:   {4, 2, 24},
	InternalLoadBalancers: {4, 3, 24},
}

var dnsLabels = map[Role]string{
	API: "api", Workers: "workers", Pods: "pods", Bastion: "bastion",
	PublicLoadBalancers: "publiclb", InternalLoadBalancers: "internallb",
}

// room returns the place as a range of the VCN.
func (p place) room(vcn netip.Prefix) netip.Prefix {
	length := vcn.Bits() + p.bits
	return netip.PrefixFrom(advance(vcn.Addr(), uint32(p.number)<<(32-length)), length)
}

// Plan lays the network out. Settings that Validate refuses may give an error.
func Plan(s Spec) (Layout, error) {
	vcn, err := ParseCIDR(s.VcnCIDR)
	if err != nil {
		return Layout{}, fmt.Errorf("vcnCidr: %w", err)
	}
	plan := Layout{VCN: vcn, ExistingVCN: s.VcnID}
	if s.VcnID == "" {
		plan.DNSLabel = "guestbook"
	}
	used, needed := map[string]bool{}, map[string]bool{}
	for _, role := range Roles {
		if !s.Has(role) {
			continue
		}
		subnet, err := s.subnet(role, vcn)
		if err != nil {
			return Layout{}, fmt.Errorf("subnets.%s: %w", role, err)
		}
		plan.Subnets = append(plan.Subnets, subnet)
		used[subnet.RouteTable] = true
		needed[subnet.RouteTable] = needed[subnet.RouteTable] || subnet.ExistingID == ""
	}
	for _, table := range s.routeTables() {
		if used[table.Name] {
			table.Existing = !needed[table.Name]
			plan.RouteTables = append(plan.RouteTables, table)
		}
	}
	return plan, nil
}

func (s Spec) subnet(role Role, vcn netip.Prefix) (Subnet, error) {
	wanted := s.Subnets[role]
	subnet := Subnet{Role: role, ExistingID: wanted.ID, Public: s.isPublic(role), RouteTable: s.routeTable(role)}
	if s.VcnID == "" {
		subnet.DNSLabel = dnsLabels[role]
	}
	var err error
	if wanted.CIDR != "" {
		subnet.CIDR, err = ParseCIDR(wanted.CIDR)
	} else {
		subnet.CIDR, err = automatic(role, vcn, int(wanted.PrefixLength))
	}
	return subnet, err
}

// automatic returns the CIDR of a subnet that has none in the settings. Length 0 means the role's preferred size.
func automatic(role Role, vcn netip.Prefix, length int) (netip.Prefix, error) {
	if vcn.Bits() > smallestPlanned {
		return netip.Prefix{}, fmt.Errorf("%s has no room for the planned subnets: /%d is the smallest that has",
			vcn, smallestPlanned)
	}
	place := places[role]
	room := place.room(vcn)
	if length == 0 {
		length = max(place.prefer, room.Bits())
	}
	if length < room.Bits() || length > 30 {
		return netip.Prefix{}, fmt.Errorf("prefixLength %d: its place in %s is %s, so /%d to /30 can be had; "+
			"a cidr of its own can be larger", length, vcn, room, room.Bits())
	}
	return netip.PrefixFrom(room.Addr(), length), nil
}

// routeTable returns the name of the route table of a role's subnet.
func (s Spec) routeTable(role Role) string {
	switch {
	case s.isPublic(role):
		return PublicRoutes
	case s.EgressToInternet(role):
		return PrivateRoutes
	case role == InternalLoadBalancers || role == Bastion:
		return LocalRoutes
	}
	return ServicesRoutes
}

// routeTables returns every table. None has routes to both an internet gateway and a service gateway, because OCI
// refuses that combination for the all-services entry.
func (s Spec) routeTables() []RouteTable {
	services := Route{OSN, ServiceGateway, "Oracle's services"}
	tables := []RouteTable{
		{Name: PublicRoutes, Routes: []Route{{Anywhere, InternetGateway, "The internet, in both directions"}}},
		{Name: PrivateRoutes, Routes: []Route{
			{Anywhere, NATGateway, "The internet, for connections from inside"}, services,
		}},
		{Name: ServicesRoutes, Routes: []Route{services}},
		{Name: LocalRoutes},
	}
	if s.DrgID == "" {
		return tables
	}
	for i := range tables {
		for _, peer := range s.PeerCIDRs {
			tables[i].Routes = append(tables[i].Routes, Route{peer, DRG, "A peered network"})
		}
	}
	return tables
}

// Subnet returns the subnet of a role, if the plan has one.
func (l Layout) Subnet(role Role) (Subnet, bool) {
	for _, subnet := range l.Subnets {
		if subnet.Role == role {
			return subnet, true
		}
	}
	return Subnet{}, false
}

// RouteTable returns the table with that name, if the plan has one.
func (l Layout) RouteTable(name string) (RouteTable, bool) {
	for _, table := range l.RouteTables {
		if table.Name == name {
			return table, true
		}
	}
	return RouteTable{}, false
}

// Uses reports whether a route that the stack creates leads to the gateway.
func (l Layout) Uses(gateway Gateway) bool {
	for _, table := range l.RouteTables {
		for _, route := range table.Routes {
			if !table.Existing && route.Gateway == gateway {
				return true
			}
		}
	}
	return false
}

// advance returns the IPv4 address n addresses after addr. It is hand-written because the CIDR libraries have no such
// sum for netip: go-cidr computes with net.IPNet, and netipx steps one address at a time.
func advance(addr netip.Addr, n uint32) netip.Addr {
	b := addr.As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+n)
	return netip.AddrFrom4(b)
}
