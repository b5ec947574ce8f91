package network

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/layout"
)

// gateways makes the gateways that the planned routes lead to and that do not exist. It returns the OCIDs of all of
// them, and the CIDR label by which rules name Oracle's services in this region.
func (b *builder) gateways() (map[layout.Gateway]pulumi.StringOutput, pulumi.StringOutput, error) {
	services, label, err := b.allServices()
	if err != nil {
		return nil, label, err
	}
	ids := map[layout.Gateway]pulumi.StringOutput{}
	for _, gateway := range []struct {
		kind layout.Gateway
		make func() (pulumi.StringOutput, error)
	}{
		{layout.InternetGateway, b.internetGateway},
		{layout.NATGateway, b.natGateway},
		{layout.ServiceGateway, func() (pulumi.StringOutput, error) { return b.serviceGateway(services) }},
		{layout.DRG, b.attachDRG},
	} {
		existing := b.args.Gateways[gateway.kind]
		switch {
		case !b.args.Plan.Uses(gateway.kind):
		case existing != "" && gateway.kind != layout.DRG:
			ids[gateway.kind] = pulumi.String(existing).ToStringOutput()
		default:
			if ids[gateway.kind], err = gateway.make(); err != nil {
				return nil, label, fmt.Errorf("%s gateway: %w", gateway.kind, err)
			}
		}
	}
	return ids, label, nil
}

// allServices finds the region's entry for all of Oracle's services, such as "All IAD Services In Oracle Services
// Network". It returns the OCID and the CIDR label of the entry.
func (b *builder) allServices() (id, label pulumi.StringOutput, err error) {
	found, err := core.GetServices(b.ctx, &core.GetServicesArgs{}, pulumi.Parent(b.network))
	if err != nil {
		return id, label, fmt.Errorf("looking up Oracle's services: %w", err)
	}
	for _, service := range found.Services {
		if layout.AllServices(service.Name) {
			return pulumi.String(service.Id).ToStringOutput(), pulumi.String(service.CidrBlock).ToStringOutput(), nil
		}
	}
	return id, label, fmt.Errorf("none of the region's %d service entries stands for all of Oracle's services",
		len(found.Services))
}

func (b *builder) internetGateway() (pulumi.StringOutput, error) {
	gateway, err := core.NewInternetGateway(b.ctx, b.name+"-internet", &core.InternetGatewayArgs{
		CompartmentId: pulumi.String(b.args.CompartmentID),
		VcnId:         b.network.VcnID,
		DisplayName:   pulumi.String(b.name + "-internet"),
		Enabled:       pulumi.Bool(true),
		FreeformTags:  b.tags,
	}, b.child)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return gateway.ID().ToStringOutput(), nil
}

func (b *builder) natGateway() (pulumi.StringOutput, error) {
	gateway, err := core.NewNatGateway(b.ctx, b.name+"-nat", &core.NatGatewayArgs{
		CompartmentId: pulumi.String(b.args.CompartmentID),
		VcnId:         b.network.VcnID,
		DisplayName:   pulumi.String(b.name + "-nat"),
		FreeformTags:  b.tags,
	}, b.child)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return gateway.ID().ToStringOutput(), nil
}

func (b *builder) serviceGateway(services pulumi.StringOutput) (pulumi.StringOutput, error) {
	gateway, err := core.NewServiceGateway(b.ctx, b.name+"-services", &core.ServiceGatewayArgs{
		CompartmentId: pulumi.String(b.args.CompartmentID),
		VcnId:         b.network.VcnID,
		DisplayName:   pulumi.String(b.name + "-services"),
		Services:      core.ServiceGatewayServiceArray{core.ServiceGatewayServiceArgs{ServiceId: services}},
		FreeformTags:  b.tags,
	}, b.child)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return gateway.ID().ToStringOutput(), nil
}

// attachDRG attaches a new VCN to the existing dynamic routing gateway. An existing VCN has its attachment already.
func (b *builder) attachDRG() (pulumi.StringOutput, error) {
	id := b.args.Gateways[layout.DRG]
	if b.args.Plan.ExistingVCN != "" {
		return pulumi.String(id).ToStringOutput(), nil
	}
	attachment, err := core.NewDrgAttachment(b.ctx, b.name+"-drg", &core.DrgAttachmentArgs{
		DrgId:       pulumi.String(id),
		DisplayName: pulumi.String(b.name + "-drg"),
		NetworkDetails: &core.DrgAttachmentNetworkDetailsArgs{
			Id:   b.network.VcnID,
			Type: pulumi.String("VCN"),
		},
		FreeformTags: b.tags,
	}, b.child)
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return attachment.DrgId, nil // a route to the gateway is valid only when the attachment exists
}
