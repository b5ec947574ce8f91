package layout

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"oke-guestbook/plan/problem"
)

// validateSubnets checks each subnet's place and that all have room.
func (s Spec) validateSubnets(p *problem.List, vcn netip.Prefix, need Capacity) {
	for _, role := range slices.Sorted(maps.Keys(s.Subnets)) {
		if !slices.Contains(Roles, role) {
			p.Add("subnets", "%q is no role; the roles are %v", role, Roles)
		} else if !s.Has(role) {
			p.Add("subnets."+string(role), "this stack has no such subnet; it has %s", s.roleNames())
		}
	}
	crowded := vcn.Bits() > smallestPlanned && s.anyAutomatic()
	if crowded {
		p.Add("vcnCidr", "%s has no room for the planned subnets: /%d is the smallest that has; in a smaller one give every subnet a cidr", vcn, smallestPlanned)
	}
	var placed []Subnet
	for _, role := range Roles {
		if !s.Has(role) {
			continue
		}
		key := "subnets." + string(role)
		if !s.validateWish(p, key, role) || crowded && s.Subnets[role].CIDR == "" {
			continue
		}
		subnet, err := s.subnet(role, vcn)
		switch {
		case err != nil:
			p.Add(key, "%v", err)
			continue
		case subnet.CIDR.Bits() > 30:
			p.Add(key+".cidr", "%s: a subnet is /30 at the smallest", subnet.CIDR)
			continue
		case subnet.CIDR.Bits() < vcn.Bits() || !vcn.Contains(subnet.CIDR.Addr()):
			p.Add(key+".cidr", "%s is outside the VCN, %s", subnet.CIDR, vcn)
			continue
		}
		for _, other := range placed {
			if other.CIDR.Overlaps(subnet.CIDR) {
				p.Add(key, "%s overlaps subnet %s, %s", subnet.CIDR, other.Role, other.CIDR)
			}
		}
		placed = append(placed, subnet)
		s.validateRoom(p, subnet, vcn, need)
	}
	if s.PodNetwork == Flannel {
		s.validateOverlay(p, need)
	}
}

// anyAutomatic reports whether a subnet of the stack takes its place in the plan.
func (s Spec) anyAutomatic() bool {
	for _, role := range Roles {
		if s.Has(role) && s.Subnets[role].CIDR == "" {
			return true
		}
	}
	return false
}

// validateWish checks which fields of a subnet's setting go together.
func (s Spec) validateWish(p *problem.List, key string, role Role) bool {
	wish := s.Subnets[role]
	ok := true
	refuse := func(field, format string, args ...any) {
		p.Add(key+field, format, args...)
		ok = false
	}
	if wish.CIDR != "" && wish.PrefixLength != 0 {
		refuse("", "takes prefixLength or cidr, not both")
	}
	if wish.ID == "" {
		return ok
	}
	checkOCID(p, key+".id", wish.ID, "subnet")
	switch {
	case s.VcnID == "":
		refuse(".id", "an existing subnet belongs to an existing VCN: set vcnId too")
	case wish.CIDR == "":
		refuse(".cidr", "say the CIDR of the existing subnet: the rules name it")
	case role == Bastion:
		refuse(".id", "the rules of the bastion's subnet are in a security list, which an existing subnet does not get: leave id out")
	case s.SecurityBy == Lists:
		refuse(".id", "an existing subnet keeps its security lists, so its rules go into network security groups: set securityBy to %s", Groups)
	}
	return ok
}

// addresses is how many a subnet must hold, for what, and what to set where no VCN has that many.
func (s Spec) addresses(role Role, need Capacity) (count int, reason, fewer string) {
	nodes, pods, vnics := 0, 0, 0
	for _, pool := range need.Pools {
		nodes += pool.Nodes
		pods += pool.Nodes * pool.PodsPerNode
		vnics += pool.Nodes * ((pool.PodsPerNode + podsPerVNIC - 1) / podsPerVNIC)
	}
	switch role {
	case Workers:
		return nodes, fmt.Sprintf("%d nodes", nodes), "take fewer nodes"
	case Pods:
		return pods + vnics, fmt.Sprintf("%d Pods and the %d VNICs that carry them", pods, vnics), "take fewer nodes or a lower maxPodsPerNode"
	case PublicLoadBalancers:
		count = max(1, need.PublicLoadBalancers)
		return count * addressesPerBalancer, fmt.Sprintf("load balancers, %d of them,", count), "take fewer load balancers"
	case InternalLoadBalancers:
		count = max(1, need.InternalLoadBalancers)
		return count * addressesPerBalancer, fmt.Sprintf("load balancers, %d of them,", count), "take fewer load balancers"
	}
	return 1, "endpoints", ""
}

func (s Spec) validateRoom(p *problem.List, subnet Subnet, vcn netip.Prefix, need Capacity) {
	count, reason, fewer := s.addresses(subnet.Role, need)
	holds := 1<<(32-subnet.CIDR.Bits()) - reserved
	if count <= holds {
		return
	}
	key := "subnets." + string(subnet.Role)
	length := 32
	for 1<<(32-length)-reserved < count {
		length--
	}
	advice, way := "", "enlarge vcnCidr"
	if min(length, vcn.Bits()) <= largestVCN {
		way = fewer
	}
	switch spare, ok := s.spare(subnet, vcn, length); {
	case length < vcn.Bits():
		advice = fmt.Sprintf("that takes a /%d, more than the whole VCN, %s: %s", length, vcn, way)
	case subnet.ExistingID != "":
		advice = fmt.Sprintf("choose a subnet of /%d", length)
	case s.Subnets[subnet.Role].CIDR == "" && length >= places[subnet.Role].room(vcn).Bits():
		advice = fmt.Sprintf("prefixLength %d would do", length)
	case !ok:
		advice = fmt.Sprintf("that takes a /%d, and beside the other subnets' places %s has none: %s", length, vcn, way)
	default:
		advice = fmt.Sprintf("cidr %s would do", spare)
	}
	p.Add(key, "%s need %d addresses, but %s holds %d: %s", reason, count, subnet.CIDR, holds, advice)
}

// spare finds a range of that prefix length in the VCN for a subnet that needs more: where it is, if no other subnet is in
// the way, else the first that is clear of the others' places.
func (s Spec) spare(subnet Subnet, vcn netip.Prefix, length int) (netip.Prefix, bool) {
	if length < vcn.Bits() {
		return netip.Prefix{}, false
	}
	var subnets, kept []netip.Prefix
	for _, role := range Roles {
		other, err := s.subnet(role, vcn)
		if role == subnet.Role || !s.Has(role) || err != nil {
			continue
		}
		subnets, kept = append(subnets, other.CIDR), append(kept, other.CIDR)
		if s.Subnets[role].CIDR == "" {
			kept = append(kept, places[role].room(vcn))
		}
	}
	if here := netip.PrefixFrom(subnet.CIDR.Addr(), length).Masked(); !slices.ContainsFunc(subnets, here.Overlaps) {
		return here, true
	}
	for i := range 1 << (length - vcn.Bits()) {
		if there := (place{bits: length - vcn.Bits(), number: i}).room(vcn); !slices.ContainsFunc(kept, there.Overlaps) {
			return there, true
		}
	}
	return netip.Prefix{}, false
}

// validateOverlay checks that flannel's range has a /25 for each node.
func (s Spec) validateOverlay(p *problem.List, need Capacity) {
	nodes := 0
	for _, pool := range need.Pools {
		nodes += pool.Nodes
	}
	pods, err := ParseCIDR(s.PodsCIDR)
	if err != nil || pods.Bits() > flannelNodeBits || nodes <= 1<<(flannelNodeBits-pods.Bits()) {
		return
	}
	length := flannelNodeBits
	for 1<<(flannelNodeBits-length) < nodes {
		length--
	}
	p.Add("podsCidr", "%d nodes need a /%d each, but %s holds %d: /%d would do", nodes, flannelNodeBits, pods, 1<<(flannelNodeBits-pods.Bits()), length)
}
