package ruleset

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"oke-guestbook/local/cloud"
)

func direction(ingress bool) string {
	if ingress {
		return "ingress"
	}
	return "egress"
}

// ruleChain names the chain of a rule set's rules of one direction and kind.
func ruleChain(set int, ingress, stateless bool) string {
	kind := "stateful"
	if stateless {
		kind = "stateless"
	}
	return fmt.Sprintf("rules%d_%s_%s", set, direction(ingress), kind)
}

// ruleChains writes the chains of all security lists and network security groups.
func (c *compiler) ruleChains() {
	for i, set := range c.rules {
		c.line("\t# %q", set.Name)
		for _, ingress := range []bool{false, true} {
			for _, stateless := range []bool{true, false} {
				if rules := c.matching(set, ingress, stateless); len(rules) > 0 {
					c.chain(ruleChain(i, ingress, stateless), rules...)
				}
			}
		}
	}
}

// matching returns the rules of a set that have one direction and kind. Each goes to the chain that records whether
// answers are allowed, and accepts.
func (c *compiler) matching(set cloud.RuleSet, ingress, stateless bool) (lines []string) {
	kind := "tracked"
	if stateless {
		kind = "untracked"
	}
	for _, rule := range set.Rules {
		if rule.Ingress != ingress || rule.Stateless != stateless {
			continue
		}
		peer, ok := c.peer(rule)
		if !ok {
			continue
		}
		words := slices.Concat(peer, service(rule), []string{fmt.Sprintf("goto %s_%s", direction(ingress), kind)})
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}

// peer returns the match of the rule's peer, and false for a rule that matches nobody.
func (c *compiler) peer(rule cloud.SecurityRule) ([]string, bool) {
	address := "ip daddr"
	if rule.Ingress {
		address = "ip saddr"
	}
	if rule.PeerGroupID != "" {
		group, ok := c.groups[rule.PeerGroupID]
		return []string{fmt.Sprintf("%s @group%d", address, group)}, ok
	}
	peers := disjoint(rule.Peers)
	if len(peers) == 1 && peers[0].Bits() == 0 {
		return nil, true
	}
	return []string{address, setOf(peers)}, len(peers) > 0
}

// service returns the match of the rule's protocol and its options.
func service(rule cloud.SecurityRule) (words []string) {
	const icmp, tcp, udp = 1, 6, 17
	switch rule.Protocol {
	case -1:
		return nil
	case tcp, udp:
		name := map[int]string{tcp: "tcp", udp: "udp"}[rule.Protocol]
		words = append(ports(name+" sport", rule.SourcePorts), ports(name+" dport", rule.DestinationPorts)...)
	case icmp:
		if rule.ICMPType >= 0 {
			words = []string{fmt.Sprintf("icmp type %d", rule.ICMPType)}
		}
		if rule.ICMPType >= 0 && rule.ICMPCode >= 0 {
			words = append(words, fmt.Sprintf("icmp code %d", rule.ICMPCode))
		}
	}
	if len(words) == 0 {
		words = []string{fmt.Sprintf("ip protocol %d", rule.Protocol)}
	}
	return words
}

func ports(key string, all [2]int) []string {
	switch {
	case all == [2]int{}:
		return nil
	case all[0] == all[1]:
		return []string{fmt.Sprintf("%s %d", key, all[0])}
	}
	return []string{fmt.Sprintf("%s %d-%d", key, all[0], all[1])}
}

// disjoint returns the IPv4 prefixes without those that lie in another one, because nft refuses overlaps in a set.
func disjoint(prefixes []netip.Prefix) (kept []netip.Prefix) {
	sorted := make([]netip.Prefix, 0, len(prefixes))
	for _, p := range prefixes {
		if p.Addr().Is4() {
			sorted = append(sorted, p.Masked())
		}
	}
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		if order := a.Bits() - b.Bits(); order != 0 {
			return order
		}
		return a.Addr().Compare(b.Addr())
	})
	for _, p := range sorted {
		if !slices.ContainsFunc(kept, func(wide netip.Prefix) bool { return wide.Contains(p.Addr()) }) {
			kept = append(kept, p)
		}
	}
	return kept
}

// setOf writes an anonymous set of disjoint prefixes.
func setOf(prefixes []netip.Prefix) string {
	texts := make([]string, len(prefixes))
	for i, p := range prefixes {
		texts[i] = p.String()
	}
	return "{ " + strings.Join(texts, ", ") + " }"
}
