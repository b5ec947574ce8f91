package network

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/network/layout"
	"oke-guestbook/settings/problem"
)

// checkExisting compares what the settings say of an existing VCN, its subnets and gateways with what they are, before
// anything is made in them.
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
	found := layout.Found{VCNCIDRs: vcn.CidrBlocks, Subnets: map[layout.Role]layout.FoundSubnet{}, Gateways: map[layout.Gateway]layout.FoundGateway{}}
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
