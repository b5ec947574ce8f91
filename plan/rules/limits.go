package rules

import (
	"math"
	"slices"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
)

// limit is how many rules of some directions something holds (Oracle, "Service Limits", Networking).
type limit struct {
	holder     string
	holds      int
	kind       string
	directions []Direction
}

var (
	listLimits = []limit{
		{"security list", 200, "ingress rules", []Direction{Ingress}},
		{"security list", 200, "egress rules", []Direction{Egress}},
	}
	groupLimits = []limit{{"network security group", 120, "rules", []Direction{Ingress, Egress}}}
)

// lists are the settings that add rules.
var lists = []struct {
	key     string
	shorten func(*layout.Spec)
}{
	{"apiAllowedCidrs", func(s *layout.Spec) { s.APIAllowedCIDRs = first(s.APIAllowedCIDRs) }},
	{"loadBalancerAllowedCidrs", func(s *layout.Spec) { s.LoadBalancerAllowedCIDRs = first(s.LoadBalancerAllowedCIDRs) }},
	{"internalLoadBalancerAllowedCidrs", func(s *layout.Spec) { s.InternalLoadBalancerAllowedCIDRs = first(s.InternalLoadBalancerAllowedCIDRs) }},
	{"loadBalancerPorts", func(s *layout.Spec) { s.LoadBalancerPorts = first(s.LoadBalancerPorts) }},
	{"extraRules", func(s *layout.Spec) { s.ExtraRules = first(s.ExtraRules) }},
}

func first[T any](list []T) []T { return list[:min(1, len(list))] }

// CheckLimits adds the subnets that need more rules than one security list, or network security group, holds, each by the
// setting that asks for most of them.
func CheckLimits(p *problem.List, s layout.Spec) {
	plan, err := layout.Plan(s)
	if err != nil {
		return // told by layout, with the setting
	}
	set := Expand(Table(s), plan)
	for _, role := range layout.Roles {
		limits := listLimits
		if s.SecurityBy == layout.Groups && role != layout.Bastion {
			limits = groupLimits
		}
		for _, limit := range limits {
			needs := limit.count(set[role])
			if needs <= limit.holds {
				continue
			}
			key, fewest := "", math.MaxInt
			for _, list := range lists {
				shorter := s
				list.shorten(&shorter)
				if n := limit.count(rulesAt(role, Table(shorter), plan)); n < fewest {
					key, fewest = list.key, n
				}
			}
			p.Add(key, "subnet %s needs %d %s, and a %s holds %d: allow fewer, wider networks or port ranges", role, needs, limit.kind, limit.holder, limit.holds)
		}
	}
}

func (l limit) count(all []Rule) (n int) {
	for _, rule := range all {
		if slices.Contains(l.directions, rule.Direction) {
			n++
		}
	}
	return n
}
