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
	// CompartmentID is the OCID of the compartment of the alarms, the metrics and the cluster. Required.
	CompartmentID string
	// Stack is the value of the metrics' dimension "stack". Required.
	Stack string
	// Emails get the alarms, by a topic of the stack's. Required unless TopicID is set.
	Emails []string
	// TopicID is the OCID of an existing topic, in place of one of the stack's. Optional.
	TopicID string
	// ClusterID is the OCID of the stack's cluster, and Nodes how many nodes it has at least. Required.
	ClusterID pulumi.StringInput
	Nodes     int
	// Backups and Certificates say whether a guestbook has such. Optional.
	Backups, Certificates bool
	// Tags are the freeform tags of everything. Optional.
	Tags map[string]string
}

// Alarms is the component.
type Alarms struct {
	pulumi.ResourceState
}

// alarm is one alarm.
type alarm struct {
	name, metric, condition string
	severity, body          string
	when                    func(*Args) bool // nil: always
}

// table has the alarms of the guestbooks, by the metrics that "guestbook measure" posts every 5 minutes
// (app/internal/chores).
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

// nodes is the alarm of the cluster.
var nodes = alarm{
	name: "nodes", severity: "WARNING",
	body: "Fewer nodes are ready than the node pools have: kubectl get nodes, and kubectl describe of one that is not.",
}

// readyNodes is the query for fewer ready nodes than a number. OKE posts once a minute how many nodes are in a
// condition, for each node or for several (Oracle, "Kubernetes Engine (OKE) Metrics", 2025-01-15; not tried): the sum
// of a minute is the number of nodes either way.
const readyNodes = `KubernetesNodeCondition[1m]{clusterId = "%s", nodeCondition = "Ready"}` +
	".groupBy(clusterId).sum() < %d"

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
		full := args.alarm(name, alarm, topic)
		full.Namespace, full.Query = pulumi.String("guestbook"), pulumi.String(query)
		full.PendingDuration = pulumi.String("PT5M")
		if _, err := monitoring.NewAlarm(ctx, name+"-"+alarm.name, full, pulumi.Parent(a)); err != nil {
			return nil, fmt.Errorf("alarm %s: %w", alarm.name, err)
		}
	}
	if args.Nodes > 0 {
		full := args.alarm(name, nodes, topic)
		full.Namespace, full.Query = pulumi.String("oci_oke"), pulumi.Sprintf(readyNodes, args.ClusterID, args.Nodes)
		full.PendingDuration = pulumi.String("PT10M") // OKE needs minutes to replace a node
		if _, err := monitoring.NewAlarm(ctx, name+"-"+nodes.name, full, pulumi.Parent(a)); err != nil {
			return nil, fmt.Errorf("alarm %s: %w", nodes.name, err)
		}
	}
	return a, ctx.RegisterResourceOutputs(a, pulumi.Map{})
}

// alarm returns what all alarms have. What they ask for is missing.
func (args *Args) alarm(name string, alarm alarm, topic pulumi.StringInput) *monitoring.AlarmArgs {
	return &monitoring.AlarmArgs{
		CompartmentId:              pulumi.String(args.CompartmentID),
		MetricCompartmentId:        pulumi.String(args.CompartmentID),
		DisplayName:                pulumi.String(name + "-" + alarm.name),
		Severity:                   pulumi.String(alarm.severity),
		Body:                       pulumi.String(alarm.body),
		Destinations:               pulumi.StringArray{topic},
		IsEnabled:                  pulumi.Bool(true),
		RepeatNotificationDuration: pulumi.String("PT24H"),
		FreeformTags:               pulumi.ToStringMap(args.Tags),
	}
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
