package doctor

import (
	"context"
	"fmt"
	"slices"

	"oke-guestbook/internal/ocirest"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
)

// part is a subnet or gateway as the Networking service lists it.
type part struct {
	ID, VcnID, LifecycleState string
	CIDRBlock                 string
	IPv4CIDRBlocks            []string
	ProhibitPublicIPOnVnic    bool
	IsEnabled                 *bool
	BlockTraffic              bool
	Services                  []struct{ ServiceName string }
	FreeformTags              map[string]string
}

// available is the state of networks that can be used.
const available = "AVAILABLE"

// existing is what the check of an existing network shares.
type existing struct {
	*visit
	found layout.Found
}

// network compares an existing VCN with the settings, by the rules of the program.
func (v *visit) network(ctx context.Context) []Result {
	id := v.settings.Network.VcnID
	if id == "" {
		return nil
	}
	var vcn struct {
		CompartmentID, DisplayName, LifecycleState string
		CIDRBlocks                                 []string
	}
	if err := v.cloud.get(ctx, network, "/vcns/"+id, nil, &vcn); ocirest.IsNotFound(err) {
		return []Result{v.unseen("vcnId", "VCN", id)}
	} else if err != nil {
		return []Result{unavailable("vcnId", err)}
	}
	if vcn.LifecycleState != available {
		return []Result{unusable("vcnId", "VCN", vcn.DisplayName, vcn.LifecycleState, available)}
	}
	e := &existing{v, layout.Found{
		VCNCIDRs: vcn.CIDRBlocks, Subnets: map[layout.Role]layout.FoundSubnet{},
		Gateways:    map[layout.Gateway]layout.FoundGateway{},
		AllGateways: map[layout.Gateway][]layout.FoundPart{},
		Own:         map[string]string{"project": v.Project, "stack": v.Name},
	}}
	if results := e.subnets(ctx); len(results) > 0 {
		return results
	}
	compartments := slices.Compact([]string{vcn.CompartmentID, v.compartmentID})
	for _, compartment := range compartments {
		if err := e.list(ctx, compartment); err != nil {
			return []Result{v.unasked("what is in the VCN", err)}
		}
	}
	var problems problem.List
	v.settings.Network.ValidateFound(&problems, e.found)
	results := judged(&problems)
	if len(results) == 0 {
		results = []Result{ok("VCN %s and what the settings name in it", vcn.DisplayName)}
	}
	return results
}

// subnets looks up those that the settings name.
func (e *existing) subnets(ctx context.Context) (results []Result) {
	for _, subnet := range e.plan.Subnets {
		if subnet.ExistingID == "" {
			continue
		}
		var is part
		setting := fmt.Sprintf("subnets.%s.id", subnet.Role)
		err := e.cloud.get(ctx, network, "/subnets/"+subnet.ExistingID, nil, &is)
		switch {
		case ocirest.IsNotFound(err):
			results = append(results, e.unseen(setting, "subnet", subnet.ExistingID))
		case err != nil:
			results = append(results, unavailable(setting, err))
		case is.LifecycleState != available:
			results = append(results, unusable(setting, "subnet", subnet.ExistingID, is.LifecycleState, available))
		}
		e.found.Subnets[subnet.Role] = layout.FoundSubnet{
			VcnID: is.VcnID, CIDR: is.CIDRBlock, Private: is.ProhibitPublicIPOnVnic,
		}
	}
	return results
}

// list adds what a compartment has in the VCN.
func (e *existing) list(ctx context.Context, compartmentID string) error {
	vcnID := e.settings.Network.VcnID
	subnets, err := e.parts(ctx, "/subnets", compartmentID)
	if err != nil {
		return err
	}
	for _, one := range subnets {
		cidrs := slices.Compact(append([]string{one.CIDRBlock}, one.IPv4CIDRBlocks...))
		e.found.AllSubnets = append(e.found.AllSubnets, layout.FoundPart{ID: one.ID, CIDRs: cidrs, Tags: one.FreeformTags})
	}
	for path, kind := range map[string]layout.Gateway{
		"/internetGateways": layout.InternetGateway, "/natGateways": layout.NATGateway,
		"/serviceGateways": layout.ServiceGateway,
	} {
		gateways, err := e.parts(ctx, path, compartmentID)
		if err != nil {
			return err
		}
		for _, one := range gateways {
			e.gateway(kind, one)
		}
	}
	attachments, err := list[struct{ DrgID, LifecycleState string }](ctx, e.cloud, network, "/drgAttachments",
		ocirest.In(compartmentID, "vcnId", vcnID))
	for _, one := range attachments {
		if one.LifecycleState == "ATTACHED" {
			e.found.DrgID = one.DrgID
		}
	}
	return err
}

// parts lists parts of the VCN that are not deleted, and gateways of other VCNs that the settings name.
func (e *existing) parts(ctx context.Context, path, compartmentID string) ([]part, error) {
	all, err := list[part](ctx, e.cloud, network, path, ocirest.In(compartmentID))
	return slices.DeleteFunc(all, func(p part) bool {
		named := slices.ContainsFunc(e.settings.Network.ExistingGateways(),
			func(g layout.ExistingGateway) bool { return g.ID == p.ID })
		return p.LifecycleState == "TERMINATED" || p.VcnID != e.settings.Network.VcnID && !named
	}), err
}

// gateway records a gateway: as one in the VCN if it is, and as the one that the settings name.
func (e *existing) gateway(kind layout.Gateway, one part) {
	for _, wanted := range e.settings.Network.ExistingGateways() {
		if wanted.ID != one.ID {
			continue
		}
		is := layout.FoundGateway{VcnID: one.VcnID, Closed: one.BlockTraffic || one.IsEnabled != nil && !*one.IsEnabled}
		for _, service := range one.Services {
			is.Services = append(is.Services, service.ServiceName)
		}
		e.found.Gateways[kind] = is
		return
	}
	e.found.AllGateways[kind] = append(e.found.AllGateways[kind], layout.FoundPart{ID: one.ID, Tags: one.FreeformTags})
}
