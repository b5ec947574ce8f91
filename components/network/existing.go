package network

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/lookup"
	"oke-guestbook/plan/layout"
)

// terminated is the state of deleted resources, which the service lists for a while.
const terminated = "TERMINATED"

// Look asks the cloud about an existing VCN: the subnets and gateways that args name, and the others in it. It
// registers nothing; without an existing VCN it finds nothing. Its errors begin with the setting's key.
func Look(ctx *pulumi.Context, args *Args) (found layout.Found, err error) {
	if args.Plan.ExistingVCN == "" {
		return found, nil
	}
	vcn, err := core.LookupVcn(ctx, &core.LookupVcnArgs{VcnId: args.Plan.ExistingVCN})
	if err != nil || vcn.State == "" {
		return found, unseen("vcnId", "VCN", args.Plan.ExistingVCN, err)
	}
	found = layout.Found{
		CompartmentID: vcn.CompartmentId,
		VCNCIDRs:      vcn.CidrBlocks,
		Subnets:       map[layout.Role]layout.FoundSubnet{},
		Gateways:      map[layout.Gateway]layout.FoundGateway{},
		AllGateways:   map[layout.Gateway][]layout.FoundPart{},
		Own:           map[string]string{},
	}
	for _, key := range []string{"project", "stack"} { // the other tags may have changed since the last update
		if value, ok := args.Tags[key]; ok {
			found.Own[key] = value
		}
	}
	l := search{ctx: ctx, args: args, found: &found}
	if err := l.named(vcn.CompartmentId); err != nil {
		return found, err
	}
	compartments := []string{vcn.CompartmentId}
	if args.CompartmentID != vcn.CompartmentId {
		compartments = append(compartments, args.CompartmentID) // other stacks may have made theirs in it
	}
	for i, compartment := range compartments {
		if err := l.list(compartment, i == 0); err != nil {
			return found, fmt.Errorf("vcnId: what is in the VCN: %w", err)
		}
	}
	return found, nil
}

// unseen is the error about a resource that the cloud has not shown.
func unseen(setting, what, id string, err error) error {
	if err != nil && !lookup.Hidden(err) {
		return fmt.Errorf("%s: %w", setting, err)
	}
	return fmt.Errorf("%s: %s", setting, lookup.Unseen(what, id))
}

// CheckDRG asks the cloud for the gateway of drgId. No function of the provider reads one gateway: its route tables are
// listed, of which each has two from its beginning (Oracle documentation, "DRG Route Tables").
func CheckDRG(ctx *pulumi.Context, id string) error {
	if id == "" {
		return nil
	}
	args := map[string]string{"drgId": id}
	var found struct {
		Tables []lookup.Resource `pulumi:"drgRouteTables"`
	}
	if err := ctx.Invoke("oci:Core/getDrgRouteTables:getDrgRouteTables", args, &found); err != nil ||
		len(found.Tables) == 0 {
		return unseen("drgId", "dynamic routing gateway", id, err)
	}
	return nil
}

// search carries what the steps of Look share.
type search struct {
	ctx   *pulumi.Context
	args  *Args
	found *layout.Found
}

// named looks up what args name by OCID, except for the gateways that the provider only lists.
func (l search) named(compartment string) error {
	for _, subnet := range l.args.Plan.Subnets {
		if subnet.ExistingID == "" {
			continue
		}
		is, err := core.LookupSubnet(l.ctx, &core.LookupSubnetArgs{SubnetId: subnet.ExistingID})
		if err != nil || is.State == "" {
			return unseen(fmt.Sprintf("subnets.%s.id", subnet.Role), "subnet", subnet.ExistingID, err)
		}
		l.found.Subnets[subnet.Role] = layout.FoundSubnet{
			VcnID: is.VcnId, CIDR: is.CidrBlock, Private: is.ProhibitPublicIpOnVnic,
		}
	}
	if id := l.args.Gateways[layout.NATGateway]; id != "" {
		nat, err := core.LookupNatGateway(l.ctx, &core.LookupNatGatewayArgs{NatGatewayId: id})
		if err != nil || nat.State == "" {
			return unseen("natGatewayId", "NAT gateway", id, err)
		}
		l.found.Gateways[layout.NATGateway] = layout.FoundGateway{VcnID: nat.VcnId, Closed: nat.BlockTraffic}
	}
	if l.args.Gateways[layout.DRG] == "" {
		return nil
	}
	// The attachment is in the VCN's compartment, wherever the gateway is.
	all, err := core.GetDrgAttachments(l.ctx, &core.GetDrgAttachmentsArgs{
		CompartmentId: compartment, VcnId: &l.args.Plan.ExistingVCN,
	})
	if err != nil {
		return fmt.Errorf("drgId: %w", err)
	}
	for _, one := range all.DrgAttachments {
		if one.State == "ATTACHED" {
			l.found.DrgID = one.DrgId
		}
	}
	return nil
}

// list adds what a compartment has in the VCN: its subnets, and gateways of the kinds that a VCN has at most one of.
// In the VCN's own compartment it also finds the named internet and service gateway, and for that lists those of every
// VCN.
func (l search) list(compartment string, ofVCN bool) error {
	vcn := &l.args.Plan.ExistingVCN
	subnets, err := core.GetSubnets(l.ctx, &core.GetSubnetsArgs{CompartmentId: compartment, VcnId: vcn})
	if err != nil {
		return err
	}
	for _, one := range subnets.Subnets {
		if one.State != terminated {
			cidrs := slices.Compact(append([]string{one.CidrBlock}, one.Ipv4cidrBlocks...)) // the list has the first one again
			l.found.AllSubnets = append(l.found.AllSubnets, layout.FoundPart{ID: one.Id, CIDRs: cidrs, Tags: one.FreeformTags})
		}
	}
	nat, err := core.GetNatGateways(l.ctx, &core.GetNatGatewaysArgs{CompartmentId: compartment, VcnId: vcn})
	if err != nil {
		return err
	}
	for _, one := range nat.NatGateways {
		part := layout.FoundPart{ID: one.Id, Tags: one.FreeformTags}
		l.add(layout.NATGateway, part, one.State, layout.FoundGateway{VcnID: one.VcnId}, false)
	}
	internet, err := core.GetInternetGateways(l.ctx, &core.GetInternetGatewaysArgs{CompartmentId: compartment})
	if err != nil {
		return err
	}
	for _, one := range internet.Gateways {
		is := layout.FoundGateway{VcnID: one.VcnId, Closed: !one.Enabled}
		l.add(layout.InternetGateway, layout.FoundPart{ID: one.Id, Tags: one.FreeformTags}, one.State, is, ofVCN)
	}
	services, err := core.GetServiceGateways(l.ctx, &core.GetServiceGatewaysArgs{CompartmentId: compartment})
	if err != nil {
		return err
	}
	for _, one := range services.ServiceGateways {
		is := layout.FoundGateway{VcnID: one.VcnId, Closed: one.BlockTraffic}
		for _, service := range one.Services {
			is.Services = append(is.Services, service.ServiceName)
		}
		l.add(layout.ServiceGateway, layout.FoundPart{ID: one.Id, Tags: one.FreeformTags}, one.State, is, ofVCN)
	}
	return nil
}

// add records a listed gateway: as one in the VCN if it is, and as the one that args name if mayBeNamed.
func (l search) add(kind layout.Gateway, part layout.FoundPart, state string, is layout.FoundGateway, mayBeNamed bool) {
	if state == terminated {
		return
	}
	if mayBeNamed && part.ID == l.args.Gateways[kind] {
		l.found.Gateways[kind] = is
	}
	if is.VcnID == l.args.Plan.ExistingVCN {
		l.found.AllGateways[kind] = append(l.found.AllGateways[kind], part)
	}
}
