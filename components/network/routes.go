package network

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/layout"
)

// gateways makes the gateways that the routes lead to and that do not exist.
// It returns their OCIDs, and the label by which rules name Oracle's services in this region.
func (b *builder) gateways() (map[layout.Gateway]pulumi.StringOutput, pulumi.StringOutput, error) {
	spec, plan := b.args.Spec, b.network.plan
	services, label, err := b.allServices()
	if err != nil {
		return nil, label, err
	}
	ids := map[layout.Gateway]pulumi.StringOutput{}
	for _, gateway := range []struct {
		kind     layout.Gateway
		existing string
		make     func() (pulumi.StringOutput, error)
	}{
		{layout.InternetGateway, spec.InternetGatewayID, b.internetGateway},
		{layout.NATGateway, spec.NATGatewayID, b.natGateway},
		{layout.ServiceGateway, spec.ServiceGatewayID, func() (pulumi.StringOutput, error) { return b.serviceGateway(services) }},
		{layout.DRG, spec.DrgID, b.drg},
	} {
		if !plan.Uses(gateway.kind) {
			continue
		}
		if gateway.existing != "" && gateway.kind != layout.DRG {
			ids[gateway.kind] = pulumi.String(gateway.existing).ToStringOutput()
			continue
		}
		if ids[gateway.kind], err = gateway.make(); err != nil {
			return nil, label, fmt.Errorf("%s gateway: %w", gateway.kind, err)
		}
	}
	return ids, label, nil
}

// allServices finds the region's entry for all of Oracle's services, such as
// "All IAD Services In Oracle Services Network": its OCID and its CIDR label.
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
	return id, label, fmt.Errorf("none of the region's %d service entries stands for all of Oracle's services", len(found.Services))
}

func (b *builder) internetGateway() (pulumi.StringOutput, error) {
	gateway, err := core.NewInternetGateway(b.ctx, b.name+"-internet", &core.InternetGatewayArgs{
		CompartmentId: b.args.CompartmentID,
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
		CompartmentId: b.args.CompartmentID,
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
		CompartmentId: b.args.CompartmentID,
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

// drg attaches a new VCN to the existing gateway; an existing VCN is attached already (checkExisting).
func (b *builder) drg() (pulumi.StringOutput, error) {
	id := b.args.Spec.DrgID
	if b.network.plan.ExistingVCN != "" {
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
	// A route to the gateway is valid only once the attachment is there.
	return attachment.DrgId, nil
}

// routeTables makes the tables that new subnets use.
func (b *builder) routeTables(gateways map[layout.Gateway]pulumi.StringOutput, services pulumi.StringOutput) (map[string]pulumi.StringOutput, error) {
	ids := map[string]pulumi.StringOutput{}
	for _, table := range b.network.plan.RouteTables {
		if table.Existing {
			continue
		}
		routes := core.RouteTableRouteRuleArray{}
		for _, route := range table.Routes {
			destination, kind := peer(route.Destination, services)
			routes = append(routes, core.RouteTableRouteRuleArgs{
				Destination:     destination,
				DestinationType: kind,
				NetworkEntityId: gateways[route.Gateway],
				Description:     pulumi.String(route.Description),
			})
		}
		name := b.name + "-" + table.Name
		made, err := core.NewRouteTable(b.ctx, name, &core.RouteTableArgs{
			CompartmentId: b.args.CompartmentID,
			VcnId:         b.network.VcnID,
			DisplayName:   pulumi.String(name),
			RouteRules:    routes,
			FreeformTags:  b.tags,
		}, b.child)
		if err != nil {
			return nil, fmt.Errorf("route table %q: %w", table.Name, err)
		}
		ids[table.Name] = made.ID().ToStringOutput()
	}
	return ids, nil
}

// peer is the other end of a rule or route, and its type, as the API writes them.
func peer(end string, services pulumi.StringOutput) (value pulumi.StringInput, kind pulumi.String) {
	if end == layout.OSN {
		return services, "SERVICE_CIDR_BLOCK"
	}
	return pulumi.String(end), "CIDR_BLOCK"
}
