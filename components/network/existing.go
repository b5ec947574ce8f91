package network

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/core"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// checkExisting compares what the settings say of an existing VCN and its subnets
// with what they are, before anything is made in them.
func (b *builder) checkExisting() error {
	plan := b.network.plan
	if plan.ExistingVCN == "" {
		return nil
	}
	parent := pulumi.Parent(b.network)
	vcn, err := core.LookupVcn(b.ctx, &core.LookupVcnArgs{VcnId: plan.ExistingVCN}, parent)
	if err != nil {
		return fmt.Errorf("vcnId: %w", err)
	}
	if !slices.Contains(vcn.CidrBlocks, plan.VCN.String()) {
		return fmt.Errorf("vcnCidr: %s is none of the CIDRs of the existing VCN, which are %v", plan.VCN, vcn.CidrBlocks)
	}
	for _, subnet := range plan.Subnets {
		if subnet.ExistingID == "" {
			continue
		}
		found, err := core.LookupSubnet(b.ctx, &core.LookupSubnetArgs{SubnetId: subnet.ExistingID}, parent)
		if err != nil {
			return fmt.Errorf("subnets.%s.id: %w", subnet.Role, err)
		}
		switch {
		case found.VcnId != plan.ExistingVCN:
			return fmt.Errorf("subnets.%s.id: the subnet lies in another VCN, %s", subnet.Role, found.VcnId)
		case found.CidrBlock != subnet.CIDR.String():
			return fmt.Errorf("subnets.%s.cidr: the existing subnet has %s, not %s", subnet.Role, found.CidrBlock, subnet.CIDR)
		case subnet.Public && found.ProhibitPublicIpOnVnic:
			return fmt.Errorf("subnets.%s.id: the existing subnet is private, and a public one is needed", subnet.Role)
		}
	}
	return nil
}
