// Package reach answers whether one end of a network can open a connection to another, as a VCN would: by routes, by
// the rules at both ends, and by whether answers return. It evaluates plans and rule tables only and sends nothing.
// It is hand-written because no library models OCI's routes, security rules and gateways.
package reach

import (
	"fmt"
	"net/netip"
	"slices"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

// Network is what reachability depends on.
type Network struct {
	Plan  layout.Layout
	Rules rules.Set
	Peers []netip.Prefix // networks behind the dynamic routing gateway
}

// Of returns the network of a stack. The settings must be valid.
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

// VCN returns the end that is the VCN's hosts outside the stack's subnets.
func (n Network) VCN() End { return n.place(n.Plan.VCN.String(), n.Plan.VCN) }

// Subnets returns the end of each of the stack's subnets.
func (n Network) Subnets() (ends []End) {
	for _, subnet := range n.Plan.Subnets {
		ends = append(ends, endOf(subnet))
	}
	return ends
}

func endOf(subnet layout.Subnet) End {
	return End{string(subnet.Role), subnet.Role, subnet.CIDR, InSubnet}
}

// Outside returns the ends outside the VCN: the internet, Oracle's services and each peer.
func (n Network) Outside() []End {
	ends := []End{internet, oracle}
	for _, peer := range n.Peers {
		ends = append(ends, n.place(peer.String(), peer))
	}
	return ends
}

// place finds out where a range of addresses lies.
func (n Network) place(name string, prefix netip.Prefix) End {
	for _, subnet := range n.Plan.Subnets {
		if layout.Within(prefix, subnet.CIDR) {
			return End{name, subnet.Role, prefix, InSubnet}
		}
	}
	end := End{Name: name, Prefix: prefix, Place: OnInternet}
	switch {
	case layout.Within(prefix, n.Plan.VCN):
		end.Place = InVCN
	case n.isPeer(prefix):
		end.Place = AtPeer
	case layout.PrivateNetwork(prefix) && n.Plan.ExistingVCN != "":
		end.Place = PerhapsInVCN
	case layout.PrivateNetwork(prefix):
		end.Place = Unrouted
	}
	return end
}

func (n Network) isPeer(prefix netip.Prefix) bool {
	return slices.ContainsFunc(n.Peers, func(peer netip.Prefix) bool { return layout.Within(prefix, peer) })
}
