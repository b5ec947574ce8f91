package network

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/logging"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// retentionDays is how long flow logs are kept: the service's minimum.
const retentionDays = 30

// flowLogs makes a log of the traffic of each chosen subnet, in one log group.
func (b *builder) flowLogs() error {
	if len(b.args.FlowLogs) == 0 {
		return nil
	}
	group, err := logging.NewLogGroup(b.ctx, b.name+"-flows", &logging.LogGroupArgs{
		CompartmentId: pulumi.String(b.args.CompartmentID),
		DisplayName:   pulumi.String(b.name + "-flows"),
		Description:   pulumi.String("Flow logs of the network's subnets"),
		FreeformTags:  b.tags,
	}, b.child)
	if err != nil {
		return fmt.Errorf("log group: %w", err)
	}
	for _, role := range b.args.FlowLogs {
		name := b.resource(role) + "-flows"
		_, err := logging.NewLog(b.ctx, name, &logging.LogArgs{
			LogGroupId:        group.ID(),
			DisplayName:       pulumi.String(name),
			LogType:           pulumi.String("SERVICE"),
			IsEnabled:         pulumi.Bool(true),
			RetentionDuration: pulumi.Int(retentionDays),
			Configuration: &logging.LogConfigurationArgs{
				CompartmentId: pulumi.String(b.args.CompartmentID),
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
