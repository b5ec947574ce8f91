package network

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/bastion"
	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/logging"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/layout"
)

// sessionSeconds is how long a session of the bastion may last: the service's longest, three hours.
const sessionSeconds = 3 * 60 * 60

// bastion makes the bastion through which operators reach a private endpoint.
func (b *builder) bastion() error {
	if !b.args.Spec.Bastion {
		return nil
	}
	made, err := bastion.NewBastion(b.ctx, b.name+"-bastion", &bastion.BastionArgs{
		BastionType:               pulumi.String("STANDARD"),
		CompartmentId:             b.args.CompartmentID,
		TargetSubnetId:            b.network.SubnetIDs[layout.Bastion],
		ClientCidrBlockAllowLists: pulumi.ToStringArray(b.args.Spec.BastionAllowedCIDRs),
		MaxSessionTtlInSeconds:    pulumi.Int(sessionSeconds),
		FreeformTags:              b.tags,
	}, b.child)
	if err != nil {
		return fmt.Errorf("bastion: %w", err)
	}
	b.network.BastionID = made.ID().ToStringOutput()
	return nil
}

// retentionDays is how long flow logs are kept: the service's shortest.
const retentionDays = 30

// flowLogs logs the traffic of the chosen subnets, in one log group.
func (b *builder) flowLogs() error {
	if len(b.args.Spec.FlowLogs) == 0 {
		return nil
	}
	group, err := logging.NewLogGroup(b.ctx, b.name+"-flows", &logging.LogGroupArgs{
		CompartmentId: b.args.CompartmentID,
		DisplayName:   pulumi.String(b.name + "-flows"),
		Description:   pulumi.String("Flow logs of the network's subnets"),
		FreeformTags:  b.tags,
	}, b.child)
	if err != nil {
		return fmt.Errorf("log group: %w", err)
	}
	for _, role := range b.args.Spec.FlowLogs {
		name := b.resource(role) + "-flows"
		_, err := logging.NewLog(b.ctx, name, &logging.LogArgs{
			LogGroupId:        group.ID(),
			DisplayName:       pulumi.String(name),
			LogType:           pulumi.String("SERVICE"),
			IsEnabled:         pulumi.Bool(true),
			RetentionDuration: pulumi.Int(retentionDays),
			Configuration: &logging.LogConfigurationArgs{
				CompartmentId: b.args.CompartmentID.ToStringOutput().ToStringPtrOutput(),
				Source: &logging.LogConfigurationSourceArgs{
					SourceType: pulumi.String("OCISERVICE"),
					Service:    pulumi.String("flowlogs"),
					Category:   pulumi.String("all"),
					Resource:   b.network.SubnetIDs[role],
				},
			},
			FreeformTags: b.tags,
		}, pulumi.Parent(group))
		if err != nil {
			return fmt.Errorf("flow log of %s: %w", role, err)
		}
	}
	return nil
}
