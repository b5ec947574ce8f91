package reach

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"oke-guestbook/plan/layout"
)

// Internet is the name of the end that is every address outside the VCN, its peers and private networks.
const Internet = "internet"

// End is one end of a connection: a set of addresses that are routed alike.
type End struct {
	Name   string       // as it was asked for
	Role   layout.Role  // of the subnet that it lies in; empty outside the stack's subnets
	Prefix netip.Prefix // its addresses; zero for Oracle's services, whose addresses only the region knows
	Place  Place
}

// Place is where an end lies.
type Place int

// The places of ends.
const (
	InSubnet     Place = iota // in a subnet of the stack
	InVCN                     // in the VCN but in no subnet of the stack; its own rules are unknown
	AtPeer                    // behind the dynamic routing gateway
	AtOracle                  // Oracle's services
	OnInternet                // the internet, or a network of it
	Unrouted                  // a private network that no route leads to
	PerhapsInVCN              // a private network that may be another CIDR of an existing VCN, which settings do not list
)

var (
	internet = End{Name: Internet, Prefix: netip.MustParsePrefix(layout.Anywhere), Place: OnInternet}
	oracle   = End{Name: layout.OSN, Place: AtOracle}
)

// hasVCNAddress reports whether the end lies in the VCN, as far as the settings tell.
func (e End) hasVCNAddress() bool {
	return e.Place == InSubnet || e.Place == InVCN || e.Place == PerhapsInVCN
}

// Parse reads an end: a role, "internet", "osn", an IPv4 address or a CIDR. It returns a *MixedRangeError for a CIDR
// whose parts are routed differently.
func (n Network) Parse(text string) (End, error) {
	switch text {
	case Internet, layout.Anywhere:
		return internet, nil
	case layout.OSN:
		return oracle, nil
	}
	if subnet, ok := n.Plan.Subnet(layout.Role(text)); ok {
		return endOf(subnet), nil
	}
	if address, err := netip.ParseAddr(text); err == nil && address.Is4() {
		return n.place(text, netip.PrefixFrom(address, 32)), nil
	}
	prefix, err := layout.ParseCIDR(text)
	switch {
	case err != nil && strings.Contains(text, "/"):
		return End{}, err
	case err != nil:
		return End{}, fmt.Errorf("%q is none of %s, no IPv4 address and no CIDR", text, strings.Join(n.Names(), ", "))
	}
	if parts := n.parts(prefix); len(parts) > 0 {
		return End{}, &MixedRangeError{prefix, parts}
	}
	return n.place(text, prefix), nil
}

// Names returns the names that Parse knows.
func (n Network) Names() []string {
	names := []string{Internet, layout.OSN}
	for _, subnet := range n.Plan.Subnets {
		names = append(names, string(subnet.Role))
	}
	return names
}

// MixedRangeError refuses a range of addresses whose parts are routed differently.
type MixedRangeError struct {
	Range netip.Prefix
	Parts []string // roles of subnets and CIDRs that are a part of the range
}

func (e *MixedRangeError) Error() string {
	return fmt.Sprintf("%s holds %s and more, which are reached in different ways: name a part of it",
		e.Range, strings.Join(e.Parts, ", "))
}

// parts returns the subnets, peers and private networks that are a part of the range and are routed unlike the rest.
func (n Network) parts(prefix netip.Prefix) (names []string) {
	add := func(name string, part netip.Prefix) {
		if part != prefix && layout.Within(part, prefix) {
			names = append(names, name)
		}
	}
	for _, subnet := range n.Plan.Subnets {
		add(string(subnet.Role), subnet.CIDR)
	}
	if n.isPeer(prefix) {
		return names
	}
	for _, network := range slices.Concat(n.Peers, layout.PrivateNetworks) {
		add(network.String(), network)
	}
	return names
}

// intersect returns the part of the end that a rule's peer matches, and whether there is one.
func (n Network) intersect(e End, peer string) (netip.Prefix, bool) {
	if e.Place == AtOracle {
		return netip.Prefix{}, peer == layout.OSN || peer == layout.Anywhere
	}
	prefix, err := netip.ParsePrefix(peer)
	if err != nil || !prefix.Overlaps(e.Prefix) {
		return netip.Prefix{}, false
	}
	if layout.Within(e.Prefix, prefix) {
		return e.Prefix, true
	}
	// The peer is smaller than the end. Private networks, peers and the VCN do not belong to the internet, and the
	// stack's subnets do not belong to the VCN's other hosts.
	part := n.place("", prefix).Place
	if e == internet && part != OnInternet || e.Place == InVCN && part == InSubnet {
		return netip.Prefix{}, false
	}
	return prefix, true
}
