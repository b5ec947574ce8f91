// Package ruleset writes the nftables rules of a VCN's router. It is plain text from plain values: nothing is executed.
package ruleset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"oke-guestbook/local/cloud"
)

// Names of the router's interfaces that lead out of the VCN. Those of VNICs are from Interface.
const (
	Internet = "internet"
	Services = "services"
)

// LogGroup is the nflog group that decisions are sent to, with a Decision as prefix.
const LogGroup = 1

// Interface returns the name of a VNIC's interface in the router: 11 characters that depend on the OCID alone.
func Interface(vnicID string) string {
	sum := sha256.Sum256([]byte(vnicID))
	return "v" + hex.EncodeToString(sum[:5])
}

// ByVCN divides the description by the VCN's OCID. Oracle's services are in each part, and so are security groups that
// name no VCN.
func ByVCN(n cloud.Network) map[string]cloud.Network {
	parts, vcnOf := map[string]cloud.Network{}, map[string]string{}
	for _, subnet := range n.Subnets {
		part := parts[subnet.VcnID]
		if len(part.Subnets) == 0 {
			part.ServiceCIDRs = n.ServiceCIDRs
			part.SecurityGroups = slices.DeleteFunc(slices.Clone(n.SecurityGroups), func(g cloud.RuleSet) bool {
				return g.VcnID != "" && g.VcnID != subnet.VcnID
			})
		}
		part.Subnets = append(part.Subnets, subnet)
		parts[subnet.VcnID] = part
		vcnOf[subnet.ID] = subnet.VcnID
	}
	for _, vnic := range n.VNICs {
		if id, ok := vcnOf[vnic.SubnetID]; ok {
			part := parts[id]
			part.VNICs = append(part.VNICs, vnic)
			parts[id] = part
		}
	}
	return parts
}

// compiler writes the table of one VCN.
type compiler struct {
	strings.Builder
	n        cloud.Network
	subnets  map[string]int // index by OCID
	groups   map[string]int // the same of network security groups
	lists    map[string]int // the same of all rule sets, those of subnets first
	rules    []cloud.RuleSet
	profiles map[string]int // of VNICs with the same rule sets, by their chains
	nat      []netip.Addr   // public addresses of NAT gateways
}

// Compile returns the input of `nft -f -` that replaces the table of a VCN in one transaction. The network has one VCN.
func Compile(n cloud.Network) (string, error) {
	c := &compiler{
		n: n, subnets: map[string]int{}, groups: map[string]int{}, lists: map[string]int{}, profiles: map[string]int{},
	}
	if err := c.index(); err != nil {
		return "", err
	}
	c.line("table ip vcn")
	c.line("delete table ip vcn")
	c.line("table ip vcn {")
	c.addressSets()
	c.WriteString(tracking)
	c.ruleChains()
	c.vnicChains()
	c.routeChains()
	c.translation()
	c.WriteString(hooks)
	c.line("}")
	return c.String(), nil
}

// index numbers what chains are named by.
func (c *compiler) index() error {
	addList := func(set cloud.RuleSet) {
		if _, ok := c.lists[set.ID]; !ok {
			c.lists[set.ID] = len(c.rules)
			c.rules = append(c.rules, set)
		}
	}
	for i, subnet := range c.n.Subnets {
		c.subnets[subnet.ID] = i
		for _, list := range subnet.SecurityLists {
			addList(list)
		}
	}
	for i, group := range c.n.SecurityGroups {
		c.groups[group.ID] = i
		addList(group)
	}
	owner := map[netip.Addr]string{}
	for _, vnic := range c.n.VNICs {
		if len(vnic.Addresses) == 0 {
			return fmt.Errorf("VNIC %s has no address", vnic.ID)
		}
		for _, address := range vnic.Addresses {
			if other := owner[address]; other != "" {
				return fmt.Errorf("VNICs %s and %s both have the address %s", other, vnic.ID, address)
			}
			owner[address] = vnic.ID
		}
		for _, group := range vnic.GroupIDs {
			if _, ok := c.groups[group]; !ok {
				return fmt.Errorf("VNIC %s is in network security group %s, which is not described", vnic.ID, group)
			}
		}
	}
	return nil
}

func (c *compiler) line(format string, args ...any) {
	fmt.Fprintf(c, format, args...)
	c.WriteByte('\n')
}

// chain writes a chain of these rules.
func (c *compiler) chain(name string, rules ...string) {
	c.line("\tchain %s {", name)
	for _, rule := range rules {
		c.line("\t\t%s", rule)
	}
	c.line("\t}")
}

// elements writes a named set or map.
func (c *compiler) elements(declaration, types string, all []string) {
	c.line("\t%s {", declaration)
	c.line("\t\ttype %s", types)
	if len(all) > 0 {
		c.line("\t\telements = { %s }", strings.Join(all, ", "))
	}
	c.line("\t}")
}

// addressSets writes who has which address.
func (c *compiler) addressSets() {
	var own, public, private, hasPublic []string
	members := make([][]string, len(c.n.SecurityGroups))
	for _, vnic := range c.n.VNICs {
		for _, address := range vnic.Addresses {
			own = append(own, fmt.Sprintf("%q . %s", Interface(vnic.ID), address))
			for _, group := range vnic.GroupIDs {
				members[c.groups[group]] = append(members[c.groups[group]], address.String())
			}
			if outside, ok := vnic.PublicIPs[address]; ok {
				public = append(public, fmt.Sprintf("%s : %s", address, outside))
				private = append(private, fmt.Sprintf("%s : %s", outside, address))
				hasPublic = append(hasPublic, address.String())
			}
		}
	}
	c.elements("set own", "ifname . ipv4_addr", own)
	c.elements("set has_public", "ipv4_addr", hasPublic)
	c.elements("map public", "ipv4_addr : ipv4_addr", public)
	c.elements("map private", "ipv4_addr : ipv4_addr", private)
	for i, group := range c.n.SecurityGroups {
		c.line("\t# network security group %q", group.Name)
		c.elements(fmt.Sprintf("set group%d", i), "ipv4_addr", members[i])
	}
}

// vnicChains writes, for VNICs with the same rule sets, the chains that try one after the other, and the maps from
// interfaces to these chains.
func (c *compiler) vnicChains() {
	elements := map[bool][]string{}
	routes := []string{}
	back := []string{}
	for _, vnic := range c.n.VNICs {
		profile := c.profile(vnic)
		for _, ingress := range []bool{false, true} {
			elements[ingress] = append(elements[ingress],
				fmt.Sprintf("%q : goto %s_vnic%d", Interface(vnic.ID), direction(ingress), profile))
		}
		subnet := c.subnets[vnic.SubnetID]
		routes = append(routes, fmt.Sprintf("%q : goto routes%d", Interface(vnic.ID), subnet))
		back = append(back, fmt.Sprintf("%q : goto back%d", Interface(vnic.ID), subnet))
	}
	c.elements("map egress_of", "ifname : verdict", elements[false])
	c.elements("map ingress_of", "ifname : verdict", elements[true])
	c.elements("map routes_of", "ifname : verdict", routes)
	c.elements("map back_of", "ifname : verdict", back)
}

// profile returns the number of the chains for a VNIC, and writes them at first.
func (c *compiler) profile(vnic cloud.VNIC) int {
	var sets []int
	for _, list := range c.n.Subnets[c.subnets[vnic.SubnetID]].SecurityLists {
		sets = append(sets, c.lists[list.ID])
	}
	for _, group := range vnic.GroupIDs {
		sets = append(sets, c.lists[group])
	}
	slices.Sort(sets)
	sets = slices.Compact(sets)
	key := fmt.Sprint(sets)
	if number, ok := c.profiles[key]; ok {
		return number
	}
	number := len(c.profiles)
	c.profiles[key] = number
	for _, ingress := range []bool{false, true} {
		var jumps []string
		for _, stateless := range []bool{true, false} {
			for _, set := range sets {
				if len(c.matching(c.rules[set], ingress, stateless)) > 0 {
					jumps = append(jumps, "jump "+ruleChain(set, ingress, stateless))
				}
			}
		}
		c.chain(fmt.Sprintf("%s_vnic%d", direction(ingress), number),
			append(jumps, fmt.Sprintf("goto %s_reject", direction(ingress)))...)
	}
	return number
}
