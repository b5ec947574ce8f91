package alarms_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/alarms"
	"oke-guestbook/internal/mocks"
)

func TestAlarms(t *testing.T) {
	for what, tc := range map[string]struct {
		args         alarms.Args
		made, absent []string
	}{
		"emails": {
			alarms.Args{Emails: []string{"a@example.com", "b@example.com"}},
			[]string{"s-frontend", "s-database", "s-volume", "s-silent"},
			[]string{"s-backup", "s-certificate"},
		},
		"topic, backups, certificate": {
			alarms.Args{TopicID: "ocid1.onstopic.oc1.iad.a", Backups: true, Certificates: true},
			[]string{"s-frontend", "s-backup", "s-certificate"},
			nil,
		},
	} {
		t.Run(what, func(t *testing.T) {
			r := mocks.New("project", "stack")
			err := r.Run(func(ctx *pulumi.Context) error {
				args := tc.args
				args.CompartmentID, args.Stack = "ocid1.compartment.oc1..a", "s"
				args.ClusterID, args.Nodes = pulumi.String("ocid1.cluster.oc1.iad.a"), 3
				_, err := alarms.New(ctx, "s", &args)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			nodes, err := r.Find("oci:Monitoring/alarm:Alarm", "s-nodes")
			if err != nil {
				t.Fatal(err)
			}
			const want = `KubernetesNodeCondition[1m]{clusterId = "ocid1.cluster.oc1.iad.a", nodeCondition = "Ready"}` +
				".groupBy(clusterId).sum() < 3"
			if query := mocks.Text(nodes.Inputs["query"]); query != want ||
				mocks.Text(nodes.Inputs["namespace"]) != "oci_oke" {
				t.Errorf("s-nodes: query %s", query)
			}
			for _, name := range tc.made {
				alarm, err := r.Find("oci:Monitoring/alarm:Alarm", name)
				if err != nil {
					t.Fatal(err)
				}
				if query := mocks.Text(alarm.Inputs["query"]); !strings.Contains(query, `{stack = "s"}.groupBy(guestbook).`) {
					t.Errorf("%s: query %s", name, query)
				}
				if topics := mocks.Items(alarm.Inputs["destinations"]); len(topics) != 1 ||
					tc.args.TopicID != "" && mocks.Text(topics[0]) != tc.args.TopicID {
					t.Errorf("%s: destinations %v", name, topics)
				}
			}
			for _, name := range tc.absent {
				if _, err := r.Find("oci:Monitoring/alarm:Alarm", name); err == nil {
					t.Errorf("%s exists", name)
				}
			}
			if _, err := r.Find("oci:Ons/notificationTopic:NotificationTopic", "s"); (err == nil) != (tc.args.TopicID == "") {
				t.Errorf("a topic of the stack: %v", err)
			}
			for _, email := range tc.args.Emails {
				subscription, err := r.Find("oci:Ons/subscription:Subscription", "s-"+email)
				if err != nil || mocks.Text(subscription.Inputs["endpoint"]) != email || subscription.Parent != "s" {
					t.Errorf("%s: %+v, %v", email, subscription, err)
				}
			}
		})
	}
}
