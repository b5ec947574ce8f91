// Package reach answers whether one end of a network can open a connection to
// another, as a VCN would: by routes, by rules at both ends, and by whether the
// answers get back. It looks at plans and rule tables only; nothing is sent.
package reach

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

// Network is what reachability depends on.
type Network struct {
	Plan  layout.Layout
	Rules rules.Set
	Peers []netip.Prefix // networks behind the dynamic routing gateway
}

// Of is the network that the settings ask for. The settings must be valid.
func Of(s layout.Spec) (Network, error) {
	plan, err := layout.Plan(s)
	if err != nil {
		return Network{}, err
	}
	n := Network{Plan: plan, Rules: rules.Expand(rules.Table(s), plan)}
	if s.DrgID == "" {
		return n, nil
	}
	for _, text := range s.PeerCIDRs {
		peer, err := layout.ParseCIDR(text)
		if err != nil {
			return Network{}, fmt.Errorf("peerCidrs: %w", err)
		}
		n.Peers = append(n.Peers, peer)
	}
	return n, nil
}

// Internet is the name of the end that is every address outside the VCN, its peers and private networks.
const Internet = "internet"

// End is one end of a connection: a set of addresses of one kind.
type End struct {
	Name   string
	Role   layout.Role  // of the subnet that it lies in; empty outside the stack's subnets
	Prefix netip.Prefix // its addresses; Oracle's services have none that can be named
	where  where
}

type where int

const (
	inSubnet   where = iota
	inVCN            // a host of the VCN outside the stack's subnets, about whose own rules nothing is known
	atPeer           // behind the dynamic routing gateway
	atOracle         // Oracle's services
	onTheWeb         // the internet, or a network of it
	unrouted         // a private network that nothing leads to
	maybeInVCN       // a private network that an existing VCN may have as another CIDR, which the settings do not say
)

// Parse reads an end: a role, "internet", "osn", an address or a CIDR.
func (n Network) Parse(text string) (End, error) {
	if subnet, ok := n.Plan.Subnet(layout.Role(text)); ok {
		return End{text, subnet.Role, subnet.CIDR, inSubnet}, nil
	}
	switch text {
	case Internet, layout.Anywhere:
		return End{Name: Internet, Prefix: netip.MustParsePrefix(layout.Anywhere), where: onTheWeb}, nil
	case layout.OSN:
		return End{Name: text, where: atOracle}, nil
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
		return End{}, fmt.Errorf("%s holds %s and more, which are reached in different ways: name a part of it", text, strings.Join(parts, ", "))
	}
	return n.place(text, prefix), nil
}

// parts names what lies in the range without being all of it, and is of another kind than the rest.
func (n Network) parts(prefix netip.Prefix) (names []string) {
	add := func(name string, part netip.Prefix) {
		if part != prefix && layout.Within(part, prefix) {
			names = append(names, name)
		}
	}
	for _, subnet := range n.Plan.Subnets {
		add(string(subnet.Role), subnet.CIDR)
	}
	if n.atPeer(prefix) {
		return names
	}
	for _, network := range slices.Concat(n.Peers, layout.PrivateNetworks) {
		add(network.String(), network)
	}
	return names
}

// VCN is the end that is the VCN's hosts outside the stack's subnets.
func (n Network) VCN() End { return n.place(n.Plan.VCN.String(), n.Plan.VCN) }

// place finds out what a range of addresses is.
func (n Network) place(name string, prefix netip.Prefix) End {
	for _, subnet := range n.Plan.Subnets {
		if layout.Within(prefix, subnet.CIDR) {
			return End{name, subnet.Role, prefix, inSubnet}
		}
	}
	end := End{Name: name, Prefix: prefix, where: onTheWeb}
	switch {
	case layout.Within(prefix, n.Plan.VCN):
		end.where = inVCN
	case n.atPeer(prefix):
		end.where = atPeer
	case layout.PrivateNetwork(prefix) && n.Plan.ExistingVCN != "":
		end.where = maybeInVCN
	case layout.PrivateNetwork(prefix):
		end.where = unrouted
	}
	return end
}

func (n Network) atPeer(prefix netip.Prefix) bool {
	for _, peer := range n.Peers {
		if layout.Within(prefix, peer) {
			return true
		}
	}
	return false
}

// Names lists the ends that have a name.
func (n Network) Names() []string {
	names := []string{Internet, layout.OSN}
	for _, subnet := range n.Plan.Subnets {
		names = append(names, string(subnet.Role))
	}
	return names
}

// inside reports whether the end has an address of the VCN, as far as is known.
func (e End) inside() bool { return e.where == inSubnet || e.where == inVCN || e.where == maybeInVCN }

// meets is the part of the end that a rule's peer names, and whether there is any.
func (n Network) meets(e End, peer string) (netip.Prefix, bool) {
	if e.where == atOracle {
		return netip.Prefix{}, peer == layout.OSN || peer == layout.Anywhere
	}
	prefix, err := netip.ParsePrefix(peer)
	if err != nil || !prefix.Overlaps(e.Prefix) {
		return netip.Prefix{}, false
	}
	if layout.Within(e.Prefix, prefix) {
		return e.Prefix, true
	}
	// The peer names a part of the end. The internet has no part in the VCN, in peers or in private networks, and the
	// VCN's other hosts have none in the stack's subnets.
	part := n.place("", prefix).where
	if e.Name == Internet && part != onTheWeb || e.where == inVCN && part == inSubnet {
		return netip.Prefix{}, false
	}
	return prefix, true
}
