package notifications_test

import (
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestNotifications(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		const topics, subscriptions = ocitest.Notifications + "/topics", ocitest.Notifications + "/subscriptions"
		body := engine.Doc{"compartmentId": oci.CompartmentID, "name": "alarms"}
		c.Refused(400, "InvalidParameter", "name", "POST", topics, ocitest.Changed(body, "name", "two words"))
		c.Want(200, "POST", topics, body)
		c.Refused(409, "Conflict", "has the name", "POST", topics, ocitest.Changed(body, "description", "again"))
		topic := c.GetList(topics + "?compartmentId=" + oci.CompartmentID)[0].Str("topicId")
		c.Want(200, "PUT", topics+"/"+topic, engine.Doc{"description": "of the stack"})
		if got := c.Get(topics + "/" + topic); got["description"] != "of the stack" || got["lifecycleState"] != "ACTIVE" {
			t.Errorf("topic after its change: %v", got)
		}

		subscription := engine.Doc{
			"compartmentId": oci.CompartmentID, "topicId": topic, "protocol": "EMAIL", "endpoint": "ops@example.com",
		}
		c.Refused(400, "InvalidParameter", "no email address", "POST", subscriptions,
			ocitest.Changed(subscription, "endpoint", "ops"))
		c.Refused(400, "InvalidParameter", "https://", "POST", subscriptions,
			ocitest.Changed(subscription, "protocol", "SLACK"))
		c.Refused(400, "InvalidParameter", "protocol", "POST", subscriptions,
			ocitest.Changed(subscription, "protocol", "PIGEON"))
		c.Refused(400, "InvalidParameter", "no OCID", "POST", subscriptions,
			ocitest.Changed(subscription, "topicId", oci.CompartmentID))
		c.Want(200, "POST", subscriptions, subscription)
		c.Refused(409, "Conflict", "has the endpoint", "POST", subscriptions,
			ocitest.Changed(subscription, "freeformTags", engine.Doc{"a": "b"}))
		made := c.GetList(subscriptions + "?compartmentId=" + oci.CompartmentID + "&topicId=" + topic)
		if len(made) != 1 || made[0]["lifecycleState"] != "PENDING" {
			t.Fatalf("subscriptions %v", made)
		}
		c.Conforms("ons.Subscription", c.Get(subscriptions+"/"+made[0].Str("id")))
		c.Want(204, "DELETE", topics+"/"+topic, nil)
		c.Refused(404, "NotAuthorizedOrNotFound", "", "GET", subscriptions+"/"+made[0].Str("id"), nil)
		c.NothingLeft()
	})
}
