package alarms_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/alarms"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/alarm"
)

func TestAlarms(t *testing.T) {
	for what, given := range map[string]alarms.Args{
		"emails": {Emails: []string{"a@example.com", "b@example.com"}},
		"topic":  {TopicID: "ocid1.onstopic.oc1.iad.a"},
	} {
		t.Run(what, func(t *testing.T) {
			r := mocks.New("project", "stack")
			err := r.Run(func(ctx *pulumi.Context) error {
				args := given
				args.CompartmentID = "ocid1.compartment.oc1..a"
				args.Definitions = []alarm.Definition{
					{
						Name: "full", Namespace: "guestbook", Query: "Full[5m].max() > 1", Pending: "PT5M", Severity: "WARNING",
						Body: "Empty it.",
					},
					{Name: "nodes-a", Namespace: "oci_oke", Query: `Nodes[1m]{pool = "%s"}.sum() < 2`, Pool: "a"},
				}
				args.NodePools = map[string]pulumi.StringInput{"a": pulumi.String("ocid-a"), "b": pulumi.String("ocid-b")}
				_, err := alarms.New(ctx, "s", &args)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]map[string]string{
				"s-full": {
					"namespace": "guestbook", "query": "Full[5m].max() > 1", "pendingDuration": "PT5M", "severity": "WARNING",
					"body": "Empty it.",
				},
				"s-nodes-a": {"namespace": "oci_oke", "query": `Nodes[1m]{pool = "ocid-a"}.sum() < 2`},
			} {
				made, err := r.Find("oci:Monitoring/alarm:Alarm", name)
				if err != nil {
					t.Fatal(err)
				}
				for field, value := range want {
					if got := mocks.Text(made.Inputs[resource.PropertyKey(field)]); got != value {
						t.Errorf("%s: %s is %q, want %q", name, field, got, value)
					}
				}
				if topics := mocks.Items(made.Inputs["destinations"]); len(topics) != 1 ||
					given.TopicID != "" && mocks.Text(topics[0]) != given.TopicID {
					t.Errorf("%s: destinations %v", name, topics)
				}
			}
			if _, err := r.Find("oci:Ons/notificationTopic:NotificationTopic", "s"); (err == nil) != (given.TopicID == "") {
				t.Errorf("a topic of the stack: %v", err)
			}
			for _, email := range given.Emails {
				subscription, err := r.Find("oci:Ons/subscription:Subscription", "s-"+email)
				if err != nil || mocks.Text(subscription.Inputs["endpoint"]) != email || subscription.Parent != "s" {
					t.Errorf("%s: %+v, %v", email, subscription, err)
				}
			}
		})
	}
}
