// Package alarms makes a component of the alarms of a stack, and of the topic that they are sent to.
package alarms

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/monitoring"
	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/ons"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/alarm"
)

// Args are the arguments of New.
type Args struct {
	// CompartmentID is the OCID of the compartment of the alarms, the metrics and the cluster. Required.
	CompartmentID string
	// Definitions are the alarms. Required.
	Definitions []alarm.Definition
	// NodePools are the OCIDs of the node pools that the definitions name. Required for those.
	NodePools map[string]pulumi.StringInput
	// Emails get the alarms, by a topic of the stack's. Required unless TopicID is set.
	Emails []string
	// TopicID is the OCID of an existing topic, in place of one of the stack's. Optional.
	TopicID string
	// Tags are the freeform tags of everything. Optional.
	Tags map[string]string
}

// Alarms is the component.
type Alarms struct {
	pulumi.ResourceState
}

// New makes the alarms of a stack.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Alarms, error) {
	a := &Alarms{}
	if err := ctx.RegisterComponentResource("oke-guestbook:alarms:Alarms", name, a, opts...); err != nil {
		return nil, err
	}
	topic, err := args.topic(ctx, name, a)
	if err != nil {
		return nil, fmt.Errorf("topic: %w", err)
	}
	for _, d := range args.Definitions {
		query := pulumi.StringInput(pulumi.String(d.Query))
		if d.Pool != "" {
			query = pulumi.Sprintf(d.Query, args.NodePools[d.Pool])
		}
		_, err := monitoring.NewAlarm(ctx, name+"-"+d.Name, &monitoring.AlarmArgs{
			CompartmentId:              pulumi.String(args.CompartmentID),
			MetricCompartmentId:        pulumi.String(args.CompartmentID),
			DisplayName:                pulumi.String(name + "-" + d.Name),
			Namespace:                  pulumi.String(d.Namespace),
			Query:                      query,
			PendingDuration:            pulumi.String(d.Pending),
			Severity:                   pulumi.String(d.Severity),
			Body:                       pulumi.String(d.Body),
			Destinations:               pulumi.StringArray{topic},
			IsEnabled:                  pulumi.Bool(true),
			RepeatNotificationDuration: pulumi.String("PT24H"),
			FreeformTags:               pulumi.ToStringMap(args.Tags),
		}, pulumi.Parent(a))
		if err != nil {
			return nil, fmt.Errorf("alarm %s: %w", d.Name, err)
		}
	}
	return a, ctx.RegisterResourceOutputs(a, pulumi.Map{})
}

// topic returns the OCID of the topic, which it makes with its subscriptions unless there is one.
func (args *Args) topic(ctx *pulumi.Context, name string, a *Alarms) (pulumi.StringInput, error) {
	if args.TopicID != "" {
		return pulumi.String(args.TopicID), nil
	}
	tags := pulumi.ToStringMap(args.Tags)
	topic, err := ons.NewNotificationTopic(ctx, name, &ons.NotificationTopicArgs{
		CompartmentId: pulumi.String(args.CompartmentID),
		Name:          pulumi.String(name),
		Description:   pulumi.Sprintf("Alarms of stack %s of %s", ctx.Stack(), ctx.Project()),
		FreeformTags:  tags,
	}, pulumi.Parent(a))
	if err != nil {
		return nil, err
	}
	for _, email := range args.Emails {
		_, err := ons.NewSubscription(ctx, name+"-"+email, &ons.SubscriptionArgs{
			CompartmentId: pulumi.String(args.CompartmentID),
			TopicId:       topic.TopicId,
			Protocol:      pulumi.String("EMAIL"),
			Endpoint:      pulumi.String(email),
			FreeformTags:  tags,
		}, pulumi.Parent(topic))
		if err != nil {
			return nil, fmt.Errorf("subscription of %s: %w", email, err)
		}
	}
	return topic.TopicId, nil
}
