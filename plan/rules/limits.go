package rules

import (
	"math"
	"slices"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
)

// limit is how many rules of some directions a security list or a network security group holds (Oracle, "Service
// Limits", Networking).
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
	{"internalLoadBalancerAllowedCidrs", func(s *layout.Spec) {
		s.InternalLoadBalancerAllowedCIDRs = first(s.InternalLoadBalancerAllowedCIDRs)
	}},
	{"loadBalancerPorts", func(s *layout.Spec) { s.LoadBalancerPorts = first(s.LoadBalancerPorts) }},
	{"extraRules", func(s *layout.Spec) { s.ExtraRules = first(s.ExtraRules) }},
}

// decisive are the settings that the number of a subnet's rules follows from.
var decisive = []string{
	"podNetwork", "apiEndpoint", "loadBalancers", "internetEgress", "bastion", "securityBy", "vcnCidr", "subnets",
	"apiAllowedCidrs", "loadBalancerAllowedCidrs", "internalLoadBalancerAllowedCidrs", "loadBalancerPorts", "extraRules",
}

func first[T any](list []T) []T { return list[:min(1, len(list))] }

// CheckLimits adds a problem for each subnet that needs more rules than one security list, or network security group,
// holds. The problem is that of the setting that adds most of them.
func CheckLimits(p *problem.List, s layout.Spec) {
	plan, err := layout.Plan(s)
	if err != nil {
		return // reported by package layout
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
			p.Add(limit.largest(s, role, plan),
				"subnet %s needs %d %s, but a %s holds %d: allow fewer, wider networks or port ranges",
				role, needs, limit.kind, limit.holder, limit.holds).DependsOn(decisive...)
		}
	}
}

// largest returns the setting that adds most rules of a subnet: the one without which the fewest are left.
func (l limit) largest(s layout.Spec, role layout.Role, plan layout.Layout) (key string) {
	fewest := math.MaxInt
	for _, list := range lists {
		shorter := s
		list.shorten(&shorter)
		if n := l.count(rulesAt(role, Table(shorter), plan)); n < fewest {
			key, fewest = list.key, n
		}
	}
	return key
}

func (l limit) count(all []Rule) (n int) {
	for _, rule := range all {
		if slices.Contains(l.directions, rule.Direction) {
			n++
		}
	}
	return n
}
