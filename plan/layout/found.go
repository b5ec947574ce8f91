package layout

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
)

// Found is what the cloud has: the existing VCN, the parts of it that the settings name, and all others.
type Found struct {
	CompartmentID string // of the VCN
	VCNCIDRs      []string
	Subnets       map[Role]FoundSubnet     // that the settings name
	Gateways      map[Gateway]FoundGateway // that the settings name

	DrgID string // of the gateway that the VCN is attached to; empty for none

	AllSubnets  []FoundPart
	AllGateways map[Gateway][]FoundPart
	Own         map[string]string // freeform tags that all of the stack's own parts carry
}

// FoundSubnet is an existing subnet.
type FoundSubnet struct {
	VcnID, CIDR string
	Private     bool // its VNICs cannot have public addresses
}

// FoundGateway is an existing gateway. One that was not found has no VcnID.
type FoundGateway struct {
	VcnID    string
	Closed   bool     // disabled, or blocks traffic
	Services []string // names of the services that a service gateway is enabled for
}

// FoundPart is a subnet or a gateway in the VCN, whoever made it.
type FoundPart struct {
	ID    string
	CIDRs []string          // of a subnet
	Tags  map[string]string // freeform
}

func (part FoundPart) overlaps(cidr netip.Prefix) bool {
	return slices.ContainsFunc(part.CIDRs, func(text string) bool {
		taken, err := ParseCIDR(text)
		return err == nil && cidr.Overlaps(taken)
	})
}

// isOwn reports whether the stack made the part in an earlier update.
func (f Found) isOwn(part FoundPart) bool {
	for key, value := range f.Own {
		if part.Tags[key] != value {
			return false
		}
	}
	return len(f.Own) > 0
}

// AllServices reports whether the name is that of the region's entry for all of Oracle's services,
// such as "All IAD Services In Oracle Services Network".
func AllServices(name string) bool { return strings.HasPrefix(name, "All ") }

// ValidateFound adds every difference between the settings and what exists to the list. It expects valid settings with
// a vcnId.
func (s Spec) ValidateFound(p *problem.List, found Found) {
	s.compareVCN(p, found.VCNCIDRs)
	for _, role := range Roles {
		if wanted := s.Subnets[role]; s.Has(role) && wanted.ID != "" {
			s.compareSubnet(p, role, found.Subnets[role])
		}
	}
	for _, gateway := range s.ExistingGateways() {
		s.compareGateway(p, gateway, found.Gateways[gateway.Kind])
	}
	s.compareDRG(p, found.DrgID)
	if plan, err := Plan(s); err == nil { // an error is Validate's
		s.comparePlan(p, plan, found)
	}
}

// compareVCN also refuses other ranges that overlap a CIDR of the VCN: it may have several, and the settings name only
// one.
func (s Spec) compareVCN(p *problem.List, cidrs []string) {
	if !slices.Contains(cidrs, s.VcnCIDR) {
		p.Add("vcnCidr", "%s is none of the CIDRs of the existing VCN, which are %s", s.VcnCIDR, strings.Join(cidrs, ", ")).
			DependsOn("vcnId")
	}
	ranges := []struct{ key, text string }{{"servicesCidr", s.ServicesCIDR}}
	if s.PodNetwork == Flannel {
		ranges = append(ranges, struct{ key, text string }{"podsCidr", s.PodsCIDR})
	}
	for _, peer := range s.PeerCIDRs {
		ranges = append(ranges, struct{ key, text string }{"peerCidrs", peer})
	}
	for _, text := range cidrs {
		taken, err := ParseCIDR(text)
		if err != nil || text == s.VcnCIDR { // the latter is Validate's
			continue
		}
		for _, r := range ranges {
			if prefix, err := ParseCIDR(r.text); err == nil && prefix.Overlaps(taken) {
				p.Add(r.key, "%s overlaps %s, which the existing VCN has too", r.text, text).
					DependsOn("vcnId", "vcnCidr", "podNetwork")
			}
		}
	}
}

func (s Spec) compareSubnet(p *problem.List, role Role, found FoundSubnet) {
	key, kind := "subnets."+string(role), map[bool]string{true: "private", false: "public"}
	if found.VcnID != s.VcnID {
		p.Add(key+".id", "the subnet lies in another VCN, %s", found.VcnID).DependsOn("vcnId")
	}
	if found.CIDR != s.Subnets[role].CIDR {
		p.Add(key+".cidr", "the existing subnet has %s, not %s", found.CIDR, s.Subnets[role].CIDR)
	}
	if found.Private == s.isPublic(role) {
		p.Add(key+".id", "the existing subnet is %s, and a %s one is needed", kind[found.Private], kind[!found.Private]).
			DependsOn("apiEndpoint")
	}
}

func (s Spec) compareGateway(p *problem.List, gateway ExistingGateway, found FoundGateway) {
	switch {
	case found.VcnID == "":
		p.Add(gateway.Key, "the compartment of the existing VCN holds no such gateway").DependsOn("vcnId")
	case found.VcnID != s.VcnID:
		p.Add(gateway.Key, "the gateway belongs to another VCN, %s", found.VcnID).DependsOn("vcnId")
	case found.Closed && gateway.Kind == InternetGateway:
		p.Add(gateway.Key, "the gateway is disabled: enable it")
	case found.Closed:
		p.Add(gateway.Key, "the gateway blocks traffic: allow it")
	case gateway.Kind == ServiceGateway && !slices.ContainsFunc(found.Services, AllServices):
		p.Add(gateway.Key, "the gateway is enabled for %s: enable it for all of the region's services",
			enabledFor(found.Services))
	}
}

// compareDRG refuses a gateway that the VCN is not attached to: the service refuses routes to it.
func (s Spec) compareDRG(p *problem.List, attached string) {
	switch {
	case s.DrgID == "" || attached == s.DrgID:
	case attached == "":
		p.Add("drgId", "the VCN's compartment holds no attachment of the VCN to the gateway: attach it first").
			DependsOn("vcnId")
	default:
		p.Add("drgId", "the existing VCN is attached to %s, and can be attached to one gateway only: set drgId to it, "+
			"or attach the VCN to the other", attached).DependsOn("vcnId")
	}
}

// comparePlan refuses subnets that would overlap existing ones, and a second gateway of a kind that a VCN has only one
// of.
func (s Spec) comparePlan(p *problem.List, plan Layout, found Found) {
	named := map[string]bool{} // OCIDs
	for _, subnet := range plan.Subnets {
		named[subnet.ExistingID] = true
	}
	for _, subnet := range plan.Subnets {
		key := "subnets." + string(subnet.Role)
		for _, part := range found.AllSubnets {
			if subnet.ExistingID == "" && !named[part.ID] && !found.isOwn(part) && part.overlaps(subnet.CIDR) {
				p.Add(key,
					"%s overlaps the existing subnet %s, %s: set %s.cidr to a free range, or id and cidr to that subnet's to use it",
					subnet.CIDR, part.ID, strings.Join(part.CIDRs, ", "), key).DependsOn(occupied...)
			}
		}
	}
	for _, kind := range s.madeGateways(plan) {
		key := string(kind) + "GatewayId"
		for _, part := range found.AllGateways[kind] {
			if !found.isOwn(part) {
				p.Add(key, "the VCN already has %s, and can have only one: set %s to it", part.ID, key).DependsOn(routes...)
			}
		}
	}
}

// madeGateways are the kinds of gateway that the stack makes in its VCN.
func (s Spec) madeGateways(plan Layout) []Gateway {
	return slices.DeleteFunc([]Gateway{InternetGateway, NATGateway, ServiceGateway}, func(kind Gateway) bool {
		named := slices.ContainsFunc(s.ExistingGateways(), func(g ExistingGateway) bool { return g.Kind == kind })
		return named || !plan.Uses(kind)
	})
}

func enabledFor(services []string) string {
	if len(services) == 0 {
		return "no service"
	}
	return fmt.Sprintf("%s only", strings.Join(services, ", "))
}
