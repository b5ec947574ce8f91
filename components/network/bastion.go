package network

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/bastion"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/layout"
)

// sessionSeconds is the longest lifetime of a session: the service's maximum, three hours.
const sessionSeconds = 3 * 60 * 60

// bastion makes the bastion through which operators reach a private endpoint, if the plan has a subnet for it.
func (b *builder) bastion() error {
	if _, planned := b.args.Plan.Subnet(layout.Bastion); !planned {
		return nil
	}
	made, err := bastion.NewBastion(b.ctx, b.name+"-bastion", &bastion.BastionArgs{
		BastionType:               pulumi.String("STANDARD"),
		CompartmentId:             pulumi.String(b.args.CompartmentID),
		TargetSubnetId:            b.network.SubnetIDs[layout.Bastion],
		ClientCidrBlockAllowLists: pulumi.ToStringArray(b.args.BastionAllowedCIDRs),
		MaxSessionTtlInSeconds:    pulumi.Int(sessionSeconds),
		FreeformTags:              b.tags,
	}, b.child)
	if err != nil {
		return fmt.Errorf("bastion: %w", err)
	}
	b.network.BastionID = made.ID().ToStringOutput()
	return nil
}
