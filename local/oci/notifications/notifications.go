// Package notifications emulates the Notifications service: topics, and subscriptions that stay unconfirmed. No message
// is delivered.
package notifications

import (
	"net/mail"
	"regexp"
	"strings"

	"oke-guestbook/local/oci/engine"
)

const base = "/20181201"

// TopicKind is the kind of topics; alarms name them.
const TopicKind = "onstopic"

const subscriptionKind = "onssubscription"

// Register adds the service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	api.Serve(&engine.Kind{
		Name: TopicKind, Path: "/topics", Create: "ons.CreateTopicDetails", Update: "ons.TopicAttributesDetails",
		Model: "ons.NotificationTopic", Summary: "ons.NotificationTopicSummary", NameKey: "name",
		States: engine.States{Creating: "CREATING", Live: "ACTIVE", Deleting: "DELETING"}, OnCreate: createTopic,
		OnDelete: removeSubscriptions,
	})
	api.Serve(&engine.Kind{
		Name: subscriptionKind, Path: "/subscriptions", Create: "ons.CreateSubscriptionDetails",
		Update: "ons.UpdateSubscriptionDetails", Model: "ons.Subscription", Summary: "ons.SubscriptionSummary",
		Filters: []string{"topicId"},
		// Nobody confirms by the link in an email.
		States:   engine.States{Creating: "CREATING", Live: "PENDING", Deleting: "DELETED"},
		OnCreate: createSubscription,
	})
}

// topicName is the form of a name ("CreateTopicDetails", API reference, November 2026).
var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// createTopic completes a topic, whose OCID is in topicId.
func createTopic(c *engine.Call, doc engine.Doc) error {
	name := doc.Str("name")
	if !topicName.MatchString(name) {
		return engine.Invalid("name: %q may have letters, digits, dashes and underscores", name)
	}
	if others := c.All(TopicKind, engine.With("name", name)); len(others) > 0 {
		return engine.Conflict("the topic %s has the name %q", others[0].ID, name)
	}
	id := doc.Str("id")
	doc["topicId"], doc["shortTopicId"] = id, engine.ShortID(id)
	doc["apiEndpoint"] = "https://cell1.notification." + engine.Region + ".oci.oraclecloud.com"
	return nil
}

// removeSubscriptions deletes a topic's subscriptions with it.
func removeSubscriptions(t *engine.Tx, topic *engine.Resource) error {
	return t.RemoveAll(t.All(subscriptionKind, engine.With("topicId", topic.ID)))
}

func createSubscription(c *engine.Call, doc engine.Doc) error {
	if _, err := c.Live(TopicKind, "topicId", doc.Str("topicId")); err != nil {
		return err
	}
	protocol, endpoint := doc.Str("protocol"), doc.Str("endpoint")
	switch protocol {
	case "EMAIL":
		if address, err := mail.ParseAddress(endpoint); err != nil || address.Address != endpoint {
			return engine.Invalid("endpoint: %q is no email address", endpoint)
		}
	case "CUSTOM_HTTPS", "SLACK", "PAGERDUTY":
		if !strings.HasPrefix(endpoint, "https://") {
			return engine.Invalid("endpoint: %q must begin with https://", endpoint)
		}
	case "SMS", "ORACLE_FUNCTIONS":
	default:
		return engine.Invalid("protocol: %q is none of the service's", protocol)
	}
	same := c.All(subscriptionKind, engine.With("topicId", doc.Str("topicId")), engine.With("endpoint", endpoint))
	if len(same) > 0 {
		return engine.Conflict("the subscription %s has the endpoint", same[0].ID)
	}
	doc["createdTime"] = float64(c.Now.UnixMilli())
	return nil
}
