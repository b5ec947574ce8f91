// Package alarms makes a component of the alarms of a stack, and of the topic that they are sent to.
package alarms

import (
	"fmt"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/monitoring"
	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/ons"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Args are the arguments of New.
type Args struct {
	// CompartmentID is the OCID of the compartment of the alarms and of the metrics. Required.
	CompartmentID string
	// Stack is the value of the metrics' dimension "stack". Required.
	Stack string
	// Emails get the alarms, by a topic of the stack's. Required unless TopicID is set.
	Emails []string
	// TopicID is the OCID of an existing topic, in place of one of the stack's. Optional.
	TopicID string
	// Backups and Certificates say whether a guestbook has such. Optional.
	Backups, Certificates bool
	// Tags are the freeform tags of everything. Optional.
	Tags map[string]string
}

// Alarms is the component.
type Alarms struct {
	pulumi.ResourceState
}

// alarm is one alarm. The metrics are those that "guestbook measure" posts every 5 minutes (app/internal/chores).
type alarm struct {
	name, metric, condition string
	severity, body          string
	when                    func(*Args) bool // nil: always
}

var table = []alarm{
	{
		"frontend", "FrontendReady", "max() < 1", "CRITICAL",
		"No frontend is ready: kubectl get pods -n <namespace>, and kubectl describe of one.", nil,
	},
	{
		"database", "DatabasePrimary", "max() < 1", "CRITICAL",
		"The database has no primary: kubectl get pods -n <namespace>, and kubectl logs mongo-0.", nil,
	},
	{
		"volume", "VolumeUsedPercent", "max() > 85", "WARNING",
		"The database's volume is nearly full: set storageGb to a higher number.", nil,
	},
	{
		"backup", "BackupsMissed", "max() > 2", "WARNING",
		"The last two backups are missing: kubectl get jobs -n <namespace>, and kubectl logs of the last one.",
		func(a *Args) bool { return a.Backups },
	},
	{
		"certificate", "CertificateDaysLeft", "min() < 21", "WARNING",
		"The load balancer's certificate expires within three weeks: set a renewed one.",
		func(a *Args) bool { return a.Certificates },
	},
	{
		"silent", "DatabasePrimary", "absent(20m)", "CRITICAL",
		"No metrics for 20 minutes: the job cannot run or cannot post. kubectl get nodes; kubectl get jobs -n <namespace>.",
		nil,
	},
}

// namespace is that of the metrics.
const namespace = "guestbook"

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
	for _, alarm := range table {
		if alarm.when != nil && !alarm.when(args) {
			continue
		}
		query := fmt.Sprintf(`%s[5m]{stack = "%s"}.groupBy(guestbook).%s`, alarm.metric, args.Stack, alarm.condition)
		_, err := monitoring.NewAlarm(ctx, name+"-"+alarm.name, &monitoring.AlarmArgs{
			CompartmentId:              pulumi.String(args.CompartmentID),
			MetricCompartmentId:        pulumi.String(args.CompartmentID),
			DisplayName:                pulumi.String(name + "-" + alarm.name),
			Namespace:                  pulumi.String(namespace),
			Query:                      pulumi.String(query),
			Severity:                   pulumi.String(alarm.severity),
			Body:                       pulumi.String(alarm.body),
			Destinations:               pulumi.StringArray{topic},
			IsEnabled:                  pulumi.Bool(true),
			PendingDuration:            pulumi.String("PT5M"),
			RepeatNotificationDuration: pulumi.String("PT24H"),
			FreeformTags:               pulumi.ToStringMap(args.Tags),
		}, pulumi.Parent(a))
		if err != nil {
			return nil, fmt.Errorf("alarm %s: %w", alarm.name, err)
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
