package logging

import (
	"slices"
	"time"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/objectstorage"
	"oke-guestbook/local/oci/vcn"
)

func registerLogs(work *engine.WorkRequests) {
	work.ServeKind(&engine.Kind{
		Name: logKind, Path: "/logGroups/{logGroupId}/logs", Parent: "logGroupId", Create: "logging.CreateLogDetails",
		Update: "logging.UpdateLogDetails", Model: "logging.Log", Summary: "logging.LogSummary", Filters: []string{"logType"},
		Selects: map[string]func(engine.Doc, string) bool{
			"sourceService":  engine.At("configuration", "source", "service"),
			"sourceResource": engine.At("configuration", "source", "resource"),
		},
		States: states, CreateTime: 20 * time.Second, DeleteTime: 5 * time.Second,
		Defaults: engine.Doc{"isEnabled": true, "retentionDuration": 30.0}, OnCreate: createLog,
		OnUpdate: updateLog, Check: checkRetention,
	}, "LOG", logKind)
}

// createLog creates a custom log, or a service log: the flow log of a subnet, or the access log of a bucket.
func createLog(c *engine.Call, doc engine.Doc) error {
	group, err := c.Named(groupKind, c.Path("logGroupId"))
	if err != nil {
		return err
	}
	if group.Removed != nil {
		return engine.NotFound(group.ID)
	}
	doc["logGroupId"], doc["compartmentId"], doc["tenancyId"] = group.ID, group.Doc["compartmentId"], engine.TenancyID
	doc["timeLastModified"] = engine.Timestamp(c.Now)
	name := doc.Str("displayName")
	others := c.All(logKind, engine.With("logGroupId", group.ID), engine.With("displayName", name))
	if len(others) > 0 {
		return engine.Conflict("the log %s has the name %q", others[0].ID, name)
	}
	if doc.Str("logType") == "SERVICE" {
		return checkSource(c.Tx, doc)
	}
	return nil
}

// FlowLogs returns the subnets that have a flow log which is enabled.
func FlowLogs(t *engine.Tx) map[string]bool {
	subnets := map[string]bool{}
	for _, r := range t.All(logKind) {
		source := r.Doc.Sub("configuration", "source")
		if source.Str("service") == "flowlogs" && r.Doc.Flag("isEnabled") && r.State() == "ACTIVE" {
			subnets[source.Str("resource")] = true
		}
	}
	return subnets
}

// checkSource checks the source of a service log: a subnet has one flow log, a bucket one log of each category.
func checkSource(t *engine.Tx, doc engine.Doc) error {
	source := doc.Sub("configuration", "source")
	if source == nil {
		return engine.MissingParameter("configuration.source")
	}
	service, resource, category := source.Str("service"), source.Str("resource"), source.Str("category")
	title := category + " log"
	const field = "configuration.source.resource"
	switch service {
	case "flowlogs":
		if _, err := t.Live(vcn.SubnetKind, field, resource); err != nil {
			return err
		}
		title, category = "flow log", "" // one, whatever its category is
	case "objectstorage":
		if !objectstorage.HasBucket(t, resource) {
			return engine.RelatedNotFound(field, resource)
		}
		if category != "read" && category != "write" {
			return engine.Invalid("configuration.source.category: %q must be read or write", category)
		}
	default:
		return engine.NotImplemented("configuration.source.service: the local cloud has flowlogs and objectstorage only")
	}
	for _, other := range t.All(logKind) {
		if was := other.Doc.Sub("configuration", "source"); was.Str("service") == service &&
			was.Str("resource") == resource && (category == "" || was.Str("category") == category) {
			return engine.Conflict("%s has the %s %s", resource, title, other.ID)
		}
	}
	doc.Sub("configuration").Default(engine.Doc{
		"archiving": engine.Doc{"isEnabled": false}, "compartmentId": doc["compartmentId"],
	})
	source.Default(engine.Doc{"parameters": engine.Doc{}})
	return nil
}

// updateLog keeps the source of a log: of its configuration, a body can change the rest.
func updateLog(_ *engine.Call, old, doc engine.Doc) error {
	if config, was := doc.Sub("configuration"), old.Sub("configuration"); was != nil {
		source := was.Sub("source")
		if p := config.Sub("source", "parameters"); p != nil {
			source["parameters"] = p
		}
		config["source"] = source
		config.Default(was)
	}
	return nil
}

// checkRetention checks the retention: 30 to 180 days in steps of 30 (API reference, CreateLogDetails).
func checkRetention(_ *engine.Tx, doc engine.Doc) error {
	if days := doc.Num("retentionDuration"); !slices.Contains([]float64{30, 60, 90, 120, 150, 180}, days) {
		return engine.Invalid("retentionDuration: %v must be 30, 60, 90, 120, 150 or 180 days", days)
	}
	return nil
}
