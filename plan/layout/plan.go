package layout

import (
	"fmt"
	"net/netip"
)

// Layout is what a stack's network consists of.
type Layout struct {
	VCN         netip.Prefix
	ExistingVCN string // OCID; empty when the stack makes the VCN
	DNSLabel    string // of a new VCN
	Subnets     []Subnet
	RouteTables []RouteTable // those that the subnets use
}

// Subnet is one regional subnet.
type Subnet struct {
	Role       Role
	CIDR       netip.Prefix
	ExistingID string // OCID; empty when the stack makes the subnet
	Public     bool   // its VNICs may have public addresses
	RouteTable string // name of a table in RouteTables; an existing subnet's own table is expected to route alike
	DNSLabel   string // empty in an existing VCN, whose labels are not known
}

// RouteTable is a named set of routes besides the VCN's own.
type RouteTable struct {
	Name     string
	Routes   []Route
	Existing bool // only existing subnets need it: nothing is made
}

// Route sends what goes to Destination, a CIDR or OSN, to a gateway.
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
	PrivateRoutes  = "private"  // to Oracle's services, and through NAT where internetEgress says so
	ServicesRoutes = "services" // to Oracle's services
	LocalRoutes    = "local"    // to the VCN and its peers only
)

// place is where a role's subnet lies in the plan: part number of 1<<bits equal
// parts of the VCN. Places are disjoint, whether or not a role is in use, and
// depend on nothing else: so switching an option or resizing a subnet moves no other.
type place struct {
	bits, number int
	prefer       int // prefix length, unless the place is smaller
}

// smallestPlanned is the prefix length of the smallest VCN whose places hold a
// subnet with a load balancer: the sixteenth of a /25 is a /29.
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

// room is a role's place in the VCN.
func (p place) room(vcn netip.Prefix) netip.Prefix {
	length := vcn.Bits() + p.bits
	base := toUint(vcn.Addr()) + uint32(p.number)<<(32-length)
	return netip.PrefixFrom(fromUint(base), length)
}

// Plan lays the network out. Settings that Validate refuses give an error.
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
	wish := s.Subnets[role]
	subnet := Subnet{Role: role, ExistingID: wish.ID, Public: s.isPublic(role), RouteTable: s.routeTable(role)}
	if s.VcnID == "" {
		subnet.DNSLabel = dnsLabels[role]
	}
	var err error
	if wish.CIDR != "" {
		subnet.CIDR, err = ParseCIDR(wish.CIDR)
	} else {
		subnet.CIDR, err = automatic(role, vcn, int(wish.PrefixLength))
	}
	return subnet, err
}

// automatic is the CIDR of a subnet that does not name its own. Length 0 takes the role's usual size.
func automatic(role Role, vcn netip.Prefix, length int) (netip.Prefix, error) {
	if vcn.Bits() > smallestPlanned {
		return netip.Prefix{}, fmt.Errorf("%s has no room for the planned subnets: /%d is the smallest that has", vcn, smallestPlanned)
	}
	place := places[role]
	room := place.room(vcn)
	if length == 0 {
		length = max(place.prefer, room.Bits())
	}
	if length < room.Bits() || length > 30 {
		return netip.Prefix{}, fmt.Errorf("prefixLength %d: its place in %s is %s, so /%d to /30 can be had; a cidr of its own can be larger", length, vcn, room, room.Bits())
	}
	return netip.PrefixFrom(room.Addr(), length), nil
}

// routeTable names the table of a role's subnet.
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

// routeTables are all tables. None holds both an internet gateway and a service
// gateway, which the service refuses for the all-services entry.
func (s Spec) routeTables() []RouteTable {
	services := Route{OSN, ServiceGateway, "Oracle's services"}
	tables := []RouteTable{
		{Name: PublicRoutes, Routes: []Route{{Anywhere, InternetGateway, "The internet, in both directions"}}},
		{Name: PrivateRoutes, Routes: []Route{{Anywhere, NATGateway, "The internet, for connections from inside"}, services}},
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

// Subnet finds the subnet of a role.
func (l Layout) Subnet(role Role) (Subnet, bool) {
	for _, subnet := range l.Subnets {
		if subnet.Role == role {
			return subnet, true
		}
	}
	return Subnet{}, false
}

// RouteTable finds a table by its name.
func (l Layout) RouteTable(name string) (RouteTable, bool) {
	for _, table := range l.RouteTables {
		if table.Name == name {
			return table, true
		}
	}
	return RouteTable{}, false
}

// Uses reports whether a route that the stack makes leads to the gateway.
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

func toUint(addr netip.Addr) uint32 {
	b := addr.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func fromUint(v uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}
