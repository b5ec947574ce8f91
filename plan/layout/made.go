package layout

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
)

// Made is what earlier updates have made of the stack's network.
type Made struct {
	VCNCIDRs []string             // of the stack's own VCN; none in an existing one
	Subnets  map[Role]FoundSubnet // in the VCN that the settings mean
}

// MadeBy returns the role of a subnet that the stack with that name of its network has made, by its display name.
func MadeBy(network, displayName string) (role Role, ok bool) {
	name, ok := strings.CutPrefix(displayName, network+"-")
	role = Role(name)
	return role, ok && slices.Contains(Roles, role)
}

// ValidateMade adds every change of addresses that the service would refuse in the middle of the update: a subnet's
// CIDR changes in place and keeps its network address, and no subnet may be outside a changed CIDR of the VCN (API
// reference, UpdateSubnetDetails and ModifyVcnCidr, SDK 65.129). Whether a smaller subnet still holds the addresses in
// use, only the service knows. It expects valid settings.
func (s Spec) ValidateMade(p *problem.List, made Made) {
	plan, err := Plan(s)
	if err != nil { // Validate's
		return
	}
	changed := len(made.VCNCIDRs) > 0 && !slices.Contains(made.VCNCIDRs, s.VcnCIDR)
	var unfit, keep []string // subnets that a changed CIDR of the VCN moves or leaves out, and the settings that keep them
	allInside := true
	for _, role := range Roles {
		was, err := ParseCIDR(made.Subnets[role].CIDR)
		if err != nil { // there is none
			continue
		}
		inside := !changed || Within(was, plan.VCN)
		subnet, _ := plan.Subnet(role)
		moved := subnet.stays(made.Subnets[role]) && subnet.CIDR.Addr() != was.Addr()
		switch automatic := s.Subnets[role].CIDR == ""; {
		case !inside || moved && changed && automatic:
			unfit = append(unfit, fmt.Sprintf("%s %s", role, was))
			keep = append(keep, fmt.Sprintf("subnets.%s.cidr to %s", role, was))
			allInside = allInside && inside
		case moved:
			p.Add(s.placed(role), "the stack's subnet is %s and cannot become %s: Oracle Cloud changes the size of a subnet, "+
				"not its address. Set subnets.%s.cidr to %s, or make another stack", was, subnet.CIDR, role, was).
				DependsOn(occupied...)
		}
	}
	s.compareGone(p, plan, made)
	if len(unfit) == 0 {
		return
	}
	way := "set it back, or make another stack; if nothing runs yet, destroy this one first"
	if allInside {
		way = "set it back, or set " + strings.Join(keep, ", ")
	}
	p.Add("vcnCidr", "the stack's VCN has %s. Oracle Cloud changes the size of a subnet, not its address, and %s does "+
		"not suit those that exist, %s: %s", strings.Join(made.VCNCIDRs, ", "), s.VcnCIDR, strings.Join(unfit, ", "), way).
		DependsOn(occupied...)
}

// compareGone refuses subnets in the place of one that the update deletes: it does so after it has made the others.
func (s Spec) compareGone(p *problem.List, plan Layout, made Made) {
	for _, role := range Roles {
		was, err := ParseCIDR(made.Subnets[role].CIDR)
		if now, planned := plan.Subnet(role); err != nil || planned && now.ExistingID == "" {
			continue
		}
		for _, subnet := range plan.Subnets {
			if subnet.ExistingID == "" && subnet.CIDR.Overlaps(was) {
				p.Add(s.placed(subnet.Role), "%s overlaps %s, the stack's subnet %s, which is deleted only after the others are "+
					"made: set another cidr, or delete that subnet by an update of its own first", subnet.CIDR, was, role).
					DependsOn(occupied...)
			}
		}
	}
}

// placed is the setting that says where the subnet of a role lies.
func (s Spec) placed(role Role) string {
	if s.Subnets[role].CIDR == "" {
		return "subnets." + string(role)
	}
	return "subnets." + string(role) + ".cidr"
}

// stays reports whether the update keeps a subnet that the stack has made. One that becomes public or private is
// replaced.
func (subnet Subnet) stays(made FoundSubnet) bool {
	return subnet.Role != "" && subnet.ExistingID == "" && subnet.Public == !made.Private
}
