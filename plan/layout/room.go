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
		if slices.Contains(Roles, role) && !s.Has(role) {
			p.Add("subnets."+string(role), "this stack has no such subnet; it has %s", s.roleNames()).DependsOn(presence[role])
		}
	}
	tooSmall := vcn.Bits() > smallestPlanned && s.anyAutomatic()
	if tooSmall {
		p.Add("vcnCidr", "%s has no room for the planned subnets: use a /%d or larger, or give every subnet a cidr",
			vcn, smallestPlanned).
			DependsOn(occupied...)
	}
	var placed []Subnet
	overlaps := map[Role]bool{} // reported ones
	for _, role := range Roles {
		if !s.Has(role) {
			continue
		}
		key := "subnets." + string(role)
		if !s.validateFields(p, key, role) || tooSmall && s.Subnets[role].CIDR == "" {
			continue
		}
		subnet, err := s.subnet(role, vcn)
		switch {
		case err != nil:
			p.Add(key, "%v", err).DependsOn("vcnCidr")
			continue
		case !Within(subnet.CIDR, vcn):
			p.Add(key+".cidr", "%s is outside the VCN, %s", subnet.CIDR, vcn).DependsOn("vcnCidr")
			continue
		}
		for _, other := range placed {
			if !other.CIDR.Overlaps(subnet.CIDR) {
				continue
			}
			wrong, kept := subnet, other
			if s.Subnets[role] == (SubnetSpec{}) { // it is at its place in the plan, where the other one must not be
				wrong, kept = other, subnet
			}
			if !overlaps[wrong.Role] {
				p.Add("subnets."+string(wrong.Role), "%s overlaps subnet %s, %s", wrong.CIDR, kept.Role, kept.CIDR).
					DependsOn(occupied...)
			}
			overlaps[wrong.Role] = true
		}
		placed = append(placed, subnet)
		s.validateRoom(p, subnet, vcn, need)
	}
	if s.PodNetwork == Flannel {
		s.validateOverlay(p, need)
	}
	s.validateServices(p, need)
}

// ownServices are those of every cluster: kubernetes and kube-dns. What add-ons have besides is not known.
const ownServices = 2

// validateServices checks that the Services have room. The first and the last address of the range are none of a
// Service (Kubernetes, pkg/registry/core/service/ipallocator, of IPv4).
func (s Spec) validateServices(p *problem.List, need Capacity) {
	services, err := ParseCIDR(s.ServicesCIDR)
	if err != nil {
		return
	}
	if holds, all := 1<<(32-services.Bits())-2, ownServices+need.ServiceAddresses; all > holds {
		p.Add("servicesCidr", "%d Services of Kubernetes and guestbooks need an address each, but %s holds %d: widen it, "+
			"which replaces a cluster that exists", all, services, holds).DependsOn(need.BalancerSettings...)
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

// validateFields checks which fields of a subnet's setting go together.
func (s Spec) validateFields(p *problem.List, key string, role Role) bool {
	wanted := s.Subnets[role]
	ok := true
	refuse := func(field, format string, args ...any) problem.Entry {
		ok = false
		return p.Add(key+field, format, args...)
	}
	if wanted.CIDR != "" && wanted.PrefixLength != 0 {
		refuse("", "takes prefixLength or cidr, not both")
	}
	if wanted.ID == "" {
		return ok
	}
	switch {
	case s.VcnID == "":
		refuse(".id", "an existing subnet belongs to an existing VCN: set vcnId too").DependsOn("vcnId")
	case wanted.CIDR == "":
		refuse(".cidr", "is required for an existing subnet, as the rules name it")
	case role == Bastion:
		refuse(".id",
			"the rules of the bastion's subnet are in a security list, which an existing subnet does not get: leave id out")
	case s.SecurityBy == Lists:
		refuse(".id", "an existing subnet keeps its security lists, so its rules must be in groups: set securityBy to %s",
			Groups).DependsOn("securityBy")
	}
	return ok
}

// demand is what a subnet must have room for.
type demand struct {
	addresses int
	reason    string   // what the addresses are for
	fewer     string   // what to change where no VCN has that many
	dependsOn []string // settings that the demand follows from
}

// demandOf is what the subnet of a role must have room for.
func demandOf(role Role, need Capacity) demand {
	nodes, pods, vnics := 0, 0, 0
	for _, pool := range need.Pools {
		nodes += pool.Nodes
		pods += pool.Nodes * pool.PodsPerNode
		vnics += pool.Nodes * ((pool.PodsPerNode + podsPerVNIC - 1) / podsPerVNIC)
	}
	virtual := 0 // virtual nodes with one VNIC each, and their Pods (Oracle, "Comparing Virtual Nodes with Managed Nodes")
	for _, pool := range need.VirtualPools {
		virtual += pool.Nodes * (1 + pool.PodsPerNode)
	}
	balancers := func(n int) demand {
		n = max(1, n)
		reason := fmt.Sprintf("%d load balancers", n)
		return demand{n * addressesPerBalancer, reason, "use fewer load balancers", need.BalancerSettings}
	}
	switch role {
	case Workers:
		return demand{nodes, fmt.Sprintf("%d nodes", nodes), "use fewer nodes", need.PoolSettings}
	case Pods:
		reason := fmt.Sprintf("%d Pods and the %d VNICs that carry them", pods, vnics)
		fewer := "use fewer nodes or a lower maxPodsPerNode"
		if virtual > 0 {
			reason += fmt.Sprintf(", and %d virtual nodes and their Pods,", virtual)
			fewer += ", or a lower podsPerNode of virtualNodePools"
		}
		return demand{pods + vnics + virtual, reason, fewer, need.PoolSettings}
	case PublicLoadBalancers:
		return balancers(need.PublicLoadBalancers)
	case InternalLoadBalancers:
		return balancers(need.InternalLoadBalancers)
	}
	return demand{addresses: 1, reason: "endpoints"}
}

func (s Spec) validateRoom(p *problem.List, subnet Subnet, vcn netip.Prefix, need Capacity) {
	demand, holds := demandOf(subnet.Role, need), 1<<(32-subnet.CIDR.Bits())-reserved
	if demand.addresses <= holds {
		return
	}
	_, advice := s.advise(subnet, vcn, demand)
	p.Add("subnets."+string(subnet.Role), "%s need %d addresses, but %s holds %d: %s",
		demand.reason, demand.addresses, subnet.CIDR, holds, advice).
		DependsOn(occupied...).DependsOn(demand.dependsOn...)
}

// advise returns the setting of a subnet that would meet the demand, if there is one, and the advice in words.
func (s Spec) advise(subnet Subnet, vcn netip.Prefix, demand demand) (wanted SubnetSpec, advice string) {
	length := 32
	for 1<<(32-length)-reserved < demand.addresses {
		length--
	}
	way := "enlarge vcnCidr"
	if min(length, vcn.Bits()) <= largestVCN {
		way = demand.fewer
	}
	switch spare, ok := s.spare(subnet, vcn, length); {
	case length < vcn.Bits():
		return wanted, fmt.Sprintf("that takes a /%d, more than the whole VCN, %s: %s", length, vcn, way)
	case subnet.ExistingID != "":
		return wanted, fmt.Sprintf("choose a subnet of /%d", length)
	case s.Subnets[subnet.Role].CIDR == "" && length >= places[subnet.Role].room(vcn).Bits():
		return SubnetSpec{PrefixLength: PrefixLength(length)}, fmt.Sprintf("prefixLength %d would do", length)
	case !ok:
		return wanted, fmt.Sprintf("that takes a /%d, and %s has none beside the other subnets' places: %s", length, vcn, way)
	default:
		return SubnetSpec{CIDR: spare.String()}, fmt.Sprintf("cidr %s would do", spare)
	}
}

// spare finds a range of that prefix length in the VCN for a subnet that needs more room: around where it is, unless
// another subnet is in the way, else the first range outside the others' places.
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
	holds := 1 << (flannelNodeBits - pods.Bits())
	p.Add("podsCidr", "%d nodes need a /%d each, but %s holds %d: /%d would do",
		nodes, flannelNodeBits, pods, holds, length).
		DependsOn("podNetwork").DependsOn(need.PoolSettings...)
}
