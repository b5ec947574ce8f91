package network

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
)

// terminated is the state of what is deleted and still listed for a while.
const terminated = "TERMINATED"

// checkExisting compares what the settings say of an existing VCN, its subnets and gateways, and what is to be made in it,
// with what is there, before anything is made.
func (b *builder) checkExisting() error {
	spec := b.args.Spec
	if spec.VcnID == "" {
		return nil
	}
	parent := pulumi.Parent(b.network)
	vcn, err := core.LookupVcn(b.ctx, &core.LookupVcnArgs{VcnId: spec.VcnID}, parent)
	if err != nil {
		return fmt.Errorf("vcnId: %w", err)
	}
	found := layout.Found{
		VCNCIDRs: vcn.CidrBlocks, Subnets: map[layout.Role]layout.FoundSubnet{}, Gateways: map[layout.Gateway]layout.FoundGateway{},
		AllGateways: map[layout.Gateway][]layout.FoundPart{}, Own: map[string]string{},
	}
	for _, key := range []string{"project", "stack"} { // the other tags may have changed since the last update
		if value, ok := b.args.Tags[key]; ok {
			found.Own[key] = value
		}
	}
	for _, subnet := range b.network.plan.Subnets {
		if subnet.ExistingID == "" {
			continue
		}
		is, err := core.LookupSubnet(b.ctx, &core.LookupSubnetArgs{SubnetId: subnet.ExistingID}, parent)
		if err != nil {
			return fmt.Errorf("subnets.%s.id: %w", subnet.Role, err)
		}
		found.Subnets[subnet.Role] = layout.FoundSubnet{VcnID: is.VcnId, CIDR: is.CidrBlock, Private: is.ProhibitPublicIpOnVnic}
	}
	for _, gateway := range spec.ExistingGateways() {
		if found.Gateways[gateway.Kind], err = b.lookupGateway(gateway, vcn.CompartmentId); err != nil {
			return fmt.Errorf("%s: %w", gateway.Key, err)
		}
	}
	if spec.DrgID != "" {
		if found.DrgID, err = b.attachedDRG(vcn.CompartmentId); err != nil {
			return fmt.Errorf("drgId: %w", err)
		}
	}
	compartments := []string{vcn.CompartmentId}
	if own, ok := b.args.CompartmentID.(pulumi.String); ok && string(own) != vcn.CompartmentId {
		compartments = append(compartments, string(own)) // where other stacks may have made theirs
	}
	for _, compartment := range compartments {
		if err := b.listParts(&found, compartment); err != nil {
			return fmt.Errorf("vcnId: what is in the VCN: %w", err)
		}
	}
	var p problem.List
	spec.ValidateFound(&p, found)
	return p.Err()
}

// lookupGateway says what a gateway is. The provider reads a NAT gateway alone, and lists the others by compartment.
func (b *builder) lookupGateway(gateway layout.ExistingGateway, compartment string) (is layout.FoundGateway, err error) {
	parent := pulumi.Parent(b.network)
	switch gateway.Kind {
	case layout.NATGateway:
		nat, err := core.LookupNatGateway(b.ctx, &core.LookupNatGatewayArgs{NatGatewayId: gateway.ID}, parent)
		if err != nil {
			return is, err
		}
		return layout.FoundGateway{VcnID: nat.VcnId, Closed: nat.BlockTraffic}, nil
	case layout.InternetGateway:
		all, err := core.GetInternetGateways(b.ctx, &core.GetInternetGatewaysArgs{CompartmentId: compartment}, parent)
		if err != nil {
			return is, err
		}
		for _, one := range all.Gateways {
			if one.Id == gateway.ID {
				is = layout.FoundGateway{VcnID: one.VcnId, Closed: !one.Enabled}
			}
		}
	case layout.ServiceGateway:
		all, err := core.GetServiceGateways(b.ctx, &core.GetServiceGatewaysArgs{CompartmentId: compartment}, parent)
		if err != nil {
			return is, err
		}
		for _, one := range all.ServiceGateways {
			if one.Id != gateway.ID {
				continue
			}
			is = layout.FoundGateway{VcnID: one.VcnId, Closed: one.BlockTraffic}
			for _, service := range one.Services {
				is.Services = append(is.Services, service.ServiceName)
			}
		}
	}
	return is, nil
}

// attachedDRG finds the gateway that the VCN is attached to. The attachment is in the VCN's compartment, wherever the gateway is.
func (b *builder) attachedDRG(compartment string) (id string, err error) {
	all, err := core.GetDrgAttachments(b.ctx, &core.GetDrgAttachmentsArgs{CompartmentId: compartment, VcnId: &b.args.Spec.VcnID}, pulumi.Parent(b.network))
	if err != nil {
		return "", err
	}
	for _, one := range all.DrgAttachments {
		if one.State == "ATTACHED" {
			id = one.DrgId
		}
	}
	return id, nil
}

// listParts adds what a compartment has in the VCN: subnets, and gateways of the kinds of which a VCN has one at most.
func (b *builder) listParts(found *layout.Found, compartment string) error {
	vcn, parent := &b.args.Spec.VcnID, pulumi.Parent(b.network)
	subnets, err := core.GetSubnets(b.ctx, &core.GetSubnetsArgs{CompartmentId: compartment, VcnId: vcn}, parent)
	if err != nil {
		return err
	}
	for _, one := range subnets.Subnets {
		if one.State != terminated {
			cidrs := slices.Compact(append([]string{one.CidrBlock}, one.Ipv4cidrBlocks...)) // the list has the first one again
			found.AllSubnets = append(found.AllSubnets, layout.FoundPart{ID: one.Id, CIDRs: cidrs, Tags: one.FreeformTags})
		}
	}
	gateway := func(kind layout.Gateway, id, state string, tags map[string]string) {
		if state != terminated {
			found.AllGateways[kind] = append(found.AllGateways[kind], layout.FoundPart{ID: id, Tags: tags})
		}
	}
	internet, err := core.GetInternetGateways(b.ctx, &core.GetInternetGatewaysArgs{CompartmentId: compartment, VcnId: vcn}, parent)
	if err != nil {
		return err
	}
	for _, one := range internet.Gateways {
		gateway(layout.InternetGateway, one.Id, one.State, one.FreeformTags)
	}
	nat, err := core.GetNatGateways(b.ctx, &core.GetNatGatewaysArgs{CompartmentId: compartment, VcnId: vcn}, parent)
	if err != nil {
		return err
	}
	for _, one := range nat.NatGateways {
		gateway(layout.NATGateway, one.Id, one.State, one.FreeformTags)
	}
	services, err := core.GetServiceGateways(b.ctx, &core.GetServiceGatewaysArgs{CompartmentId: compartment, VcnId: vcn}, parent)
	if err != nil {
		return err
	}
	for _, one := range services.ServiceGateways {
		gateway(layout.ServiceGateway, one.Id, one.State, one.FreeformTags)
	}
	return nil
}
