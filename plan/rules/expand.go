package rules

import (
	"net/netip"
	"slices"

	"oke-guestbook/plan/layout"
)

// Set holds the rules of each subnet.
type Set map[layout.Role][]Rule

// Expand turns the flows into rules at both of their ends. It leaves out a rule that another rule of the subnet
// covers.
func Expand(flows []Flow, plan layout.Layout) Set {
	set := Set{}
	for _, subnet := range plan.Subnets {
		set[subnet.Role] = withoutCovered(rulesAt(subnet.Role, flows, plan))
	}
	return set
}

// rulesAt returns the rules that the flows need at a subnet.
func rulesAt(role layout.Role, flows []Flow, plan layout.Layout) (all []Rule) {
	for _, flow := range flows {
		for _, direction := range []Direction{Ingress, Egress} {
			if rule, ok := flow.ruleAt(role, direction, plan); ok {
				all = append(all, rule)
			}
		}
	}
	return all
}

// ruleAt returns the rule that the flow needs at a subnet in one direction, if any.
func (f Flow) ruleAt(role layout.Role, direction Direction, plan layout.Layout) (Rule, bool) {
	own, peer := f.To, f.From
	if direction == Egress {
		own, peer = f.From, f.To
	}
	if own != string(role) {
		return Rule{}, false
	}
	if subnet, ok := plan.Subnet(layout.Role(peer)); ok {
		peer = subnet.CIDR.String()
	}
	return Rule{
		Direction: direction, Peer: peer, Protocol: f.Protocol, Ports: f.Ports, ICMP: f.ICMP, Description: f.Description,
	}, true
}

// withoutCovered leaves out the rules that another rule covers. Of rules that cover each other it keeps the first. It
// compares a rule only with those whose peer is the same or encloses it, so that long lists of networks stay cheap.
func withoutCovered(all []Rule) []Rule {
	byPeer := map[string][]int{}
	for i, rule := range all {
		byPeer[rule.Peer] = append(byPeer[rule.Peer], i)
	}
	var kept []Rule
	for i, rule := range all {
		covered := slices.ContainsFunc(coveringPeers(rule.Peer), func(peer string) bool {
			return slices.ContainsFunc(byPeer[peer], func(j int) bool {
				return i != j && all[j].Covers(rule) && !(i < j && rule.Covers(all[j]))
			})
		})
		if !covered {
			kept = append(kept, rule)
		}
	}
	return kept
}

// coveringPeers returns every peer that peerCovers the given one: itself, and the networks that enclose it.
func coveringPeers(peer string) []string {
	network, err := netip.ParsePrefix(peer)
	if err != nil { // layout.OSN
		return []string{peer, layout.Anywhere}
	}
	peers := []string{peer}
	for bits := network.Bits() - 1; bits >= 0; bits-- {
		peers = append(peers, netip.PrefixFrom(network.Addr(), bits).Masked().String())
	}
	return peers
}
