// Package containerlogs makes a component that sends the logs of the guestbooks' containers to the service Logging.
package containerlogs

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/logging"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/home"
	"oke-guestbook/plan/iam"
)

// Args are the arguments of New.
type Args struct {
	// CompartmentID is the OCID of the compartment of the nodes, and of everything but the dynamic group. Required.
	CompartmentID string
	// Namespaces are the namespaces whose containers' logs are sent. Required.
	Namespaces []string
	// GroupID is the OCID of a dynamic group that contains the nodes, in place of one of the stack's. Optional.
	GroupID string
	// TenancyID is the OCID of the tenancy, in which the stack's dynamic group is. Required unless GroupID is set.
	TenancyID string
	// Region is the region of the provider, such as us-ashburn-1. Required.
	Region string
	// HomeRegion is the tenancy's home region, the only one that accepts groups and policies. Optional, default Region.
	HomeRegion string
	// Tags are the freeform tags of everything. Optional.
	Tags map[string]string
}

// Logs is the component.
type Logs struct {
	pulumi.ResourceState
}

// retentionDays is how long the service keeps the logs: its minimum.
const retentionDays = 30

// New makes a log, lets the nodes write to it, and has the agent that Oracle installs on them do so (Oracle, "Custom
// Logs" and "Details for Logging", November 2026).
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Logs, error) {
	l := &Logs{}
	if err := ctx.RegisterComponentResource("oke-guestbook:containerlogs:Logs", name, l, opts...); err != nil {
		return nil, err
	}
	name += "-containers"
	tags := pulumi.ToStringMap(args.Tags)
	group, err := logging.NewLogGroup(ctx, name, &logging.LogGroupArgs{
		CompartmentId: pulumi.String(args.CompartmentID),
		DisplayName:   pulumi.String(name),
		Description:   pulumi.String("Logs of the guestbooks' containers"),
		FreeformTags:  tags,
	}, pulumi.Parent(l))
	if err != nil {
		return nil, fmt.Errorf("log group: %w", err)
	}
	log, err := logging.NewLog(ctx, name, &logging.LogArgs{
		LogGroupId:        group.ID(),
		DisplayName:       pulumi.String(name),
		LogType:           pulumi.String("CUSTOM"),
		IsEnabled:         pulumi.Bool(true),
		RetentionDuration: pulumi.Int(retentionDays),
		FreeformTags:      tags,
	}, pulumi.Parent(group))
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	nodes, policy, err := args.allow(ctx, name, l, group)
	if err != nil {
		return nil, err
	}
	_, err = logging.NewUnifiedAgentConfiguration(ctx, name, &logging.UnifiedAgentConfigurationArgs{
		CompartmentId:    pulumi.String(args.CompartmentID),
		DisplayName:      pulumi.String(name),
		Description:      pulumi.String("Reads the logs of the guestbooks' containers on the nodes"),
		IsEnabled:        pulumi.Bool(true),
		GroupAssociation: logging.UnifiedAgentConfigurationGroupAssociationArgs{GroupLists: pulumi.StringArray{nodes}},
		ServiceConfiguration: logging.UnifiedAgentConfigurationServiceConfigurationArgs{
			ConfigurationType: pulumi.String("LOGGING"),
			Destination:       logging.UnifiedAgentConfigurationServiceConfigurationDestinationArgs{LogObjectId: log.ID()},
			Sources: logging.UnifiedAgentConfigurationServiceConfigurationSourceArray{
				logging.UnifiedAgentConfigurationServiceConfigurationSourceArgs{
					SourceType: pulumi.String("LOG_TAIL"),
					Name:       pulumi.String("containers"),
					Paths:      pulumi.ToStringArray(paths(args.Namespaces)),
					// The format of the files, CRI: time, stream, a flag and the line.
					Parser: logging.UnifiedAgentConfigurationServiceConfigurationSourceParserArgs{
						ParserType: pulumi.String("CRI"),
					},
				},
			},
		},
		FreeformTags: tags,
	}, pulumi.Parent(l), pulumi.DependsOn([]pulumi.Resource{policy}))
	if err != nil {
		return nil, fmt.Errorf("agent configuration: %w", err)
	}
	return l, ctx.RegisterResourceOutputs(l, pulumi.Map{})
}

// paths are the logs of the namespaces' containers on a node, whose names are <pod>_<namespace>_<container>-<id>.log.
func paths(namespaces []string) []string {
	paths := make([]string, 0, len(namespaces))
	for _, namespace := range namespaces {
		paths = append(paths, "/var/log/containers/*_"+namespace+"_*.log")
	}
	return paths
}

// allow lets a dynamic group of the nodes write to the logs of a log group. It returns the OCID of the dynamic group,
// which it makes unless there is one, and the policy.
func (args *Args) allow(ctx *pulumi.Context, name string, l *Logs, group *logging.LogGroup,
) (pulumi.StringInput, pulumi.Resource, error) {
	options, err := home.Options(ctx, name, args.Region, args.HomeRegion, l)
	if err != nil {
		return nil, nil, err
	}
	nodes := pulumi.String(args.GroupID).ToStringOutput()
	if args.GroupID == "" {
		made, err := home.DynamicGroup{
			Name: name, TenancyID: args.TenancyID, Description: "Nodes of " + name,
			Rule: iam.NodesRule(args.CompartmentID), Tags: args.Tags,
		}.Create(ctx, name, options...)
		if err != nil {
			return nil, nil, err
		}
		nodes = made.ID().ToStringOutput()
	}
	statement := pulumi.All(nodes, group.ID()).ApplyT(func(ids []any) string {
		return iam.LogStatement(args.CompartmentID, ids[0].(string), string(ids[1].(pulumi.ID)))
	}).(pulumi.StringOutput)
	policy, err := home.Policy{
		Name: name, CompartmentID: args.CompartmentID, Description: "Lets nodes write the logs of their containers",
		Statements: pulumi.StringArray{statement}, Tags: args.Tags,
	}.Create(ctx, name, options...)
	return nodes, policy, err
}
