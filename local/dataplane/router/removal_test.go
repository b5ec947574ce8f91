package router_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/router/ruleset"
)

// Without any one rule of the stack's networks, packets that need it time out, and they pass again with the rule. For
// each rule there is a VCN of its own, so that all are tried at once.
func TestEachRuleCarriesPackets(t *testing.T) {
	services, networks := readNetworks(t)
	for _, n := range networks {
		if !isLargest(n.Name) {
			continue
		}
		t.Run(n.Name, func(t *testing.T) {
			r := newRouter(t)
			var whole, without cloud.Network
			var needing []asked // with the number of the VCN as pair
			for i, reduced := range withoutOneRule(model{n.describe(t)}) {
				flows := changed(reduced, n.asked(t, services))
				if len(flows) == 0 && !isUntried(reduced.rule) {
					t.Errorf("nothing needs the rule of %s %+v", reduced.subnet, reduced.rule)
				}
				add(&whole, copyOf(reduced.whole.Network, i))
				add(&without, copyOf(reduced.without.Network, i))
				for _, flow := range flows {
					needing = append(needing, asked{flow.question, fmt.Sprint(i), flow.service})
				}
			}
			apply(t, r, without)
			for _, port := range portsOf(t, services) {
				serve(t, r.Internet(), port)
				serve(t, r.Services(), port)
			}
			parts := ruleset.ByVCN(whole)
			var probes []probe
			isServed := map[string]bool{}
			for _, flow := range needing {
				part := model{parts[flow.pair]}
				p := part.probe(r, flow.question)
				p.name = fmt.Sprintf("VCN %s, %s", flow.pair, p.name)
				probes = append(probes, p)
				if to := part.vnicOf(flow.to); to != nil && flow.port > 0 && !isServed[to.Host+fmt.Sprint(flow.port)] {
					isServed[to.Host+fmt.Sprint(flow.port)] = true
					serve(t, r.Host(to.Host), flow.port)
				}
			}
			for _, want := range []bool{false, true} {
				for i := range probes {
					probes[i].want = want
				}
				try(t, probes)
				apply(t, r, whole)
			}
			t.Logf("%d rules, %d flows that need them", len(whole.Subnets)/len(n.Subnets), len(probes))
		})
	}
}

// reduction is a network without one of its rules.
type reduction struct {
	whole, without model
	subnet         string
	rule           cloud.SecurityRule
}

func withoutOneRule(m model) (all []reduction) {
	for i, s := range m.Subnets {
		for j, rule := range s.SecurityLists[0].Rules {
			less := model{m.Network}
			less.Subnets = slices.Clone(m.Subnets)
			lists := slices.Clone(s.SecurityLists)
			lists[0].Rules = slices.Delete(slices.Clone(lists[0].Rules), j, j+1)
			less.Subnets[i].SecurityLists = lists
			all = append(all, reduction{m, less, s.Name, rule})
		}
	}
	return all
}

// isLargest reports whether a variant has the most rules of its pod network, one with and one without public endpoint.
func isLargest(name string) bool {
	return strings.HasPrefix(name, "flannel/public endpoint/both balancers/egress workers/") ||
		strings.HasPrefix(name, "vcn-native/private endpoint/both balancers/egress workers-and-pods/")
}

// isUntried reports whether a rule is for networks behind the dynamic routing gateway, where nobody is, or for messages
// to Oracle's services, which are part of connections.
func isUntried(r cloud.SecurityRule) bool {
	return slices.Equal(r.Peers, prefixes("172.16.0.0/16")) || slices.Equal(r.Peers, servicesRange) && r.Protocol == icmp
}

// changed returns two flows at most that pass in the whole network only.
func changed(r reduction, all []asked) (flows []asked) {
	for _, a := range all {
		if len(flows) < 2 && r.whole.passes(a.question) && !r.without.passes(a.question) {
			flows = append(flows, a)
		}
	}
	return flows
}

// copyOf gives a network other identifiers and public addresses.
func copyOf(n cloud.Network, number int) (c cloud.Network) {
	id := func(old string) string { return fmt.Sprintf("%s of %d", old, number) }
	c.ServiceCIDRs = n.ServiceCIDRs
	for _, s := range n.Subnets {
		s.ID, s.VcnID = id(s.ID), fmt.Sprint(number)
		s.Routes = slices.Clone(s.Routes)
		for i := range s.Routes {
			if s.Routes[i].PublicIP.IsValid() {
				s.Routes[i].PublicIP = netip.AddrFrom4([4]byte{193, byte(number), 0, 1})
			}
		}
		s.SecurityLists = slices.Clone(s.SecurityLists)
		s.SecurityLists[0].ID = s.ID
		c.Subnets = append(c.Subnets, s)
	}
	for _, v := range n.VNICs {
		v.ID, v.SubnetID, v.Host = id(v.ID), id(v.SubnetID), id(v.Host)
		if v.PublicIPs != nil {
			b := v.Addresses[0].As4()
			v = public(v, netip.AddrFrom4([4]byte{194, byte(number), b[2], b[3]}).String())
		}
		c.VNICs = append(c.VNICs, v)
	}
	return c
}

func add(to *cloud.Network, n cloud.Network) {
	to.ServiceCIDRs = n.ServiceCIDRs
	to.Subnets, to.VNICs = append(to.Subnets, n.Subnets...), append(to.VNICs, n.VNICs...)
}
