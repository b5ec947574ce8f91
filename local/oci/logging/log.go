package logging

import (
	"slices"
	"time"

	"oke-guestbook/local/oci/engine"
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

// createLog creates a custom log, or the flow log of a subnet: the kind of service log that a network has.
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
		return checkFlowLog(c.Tx, doc)
	}
	return nil
}

func checkFlowLog(t *engine.Tx, doc engine.Doc) error {
	source := doc.Sub("configuration", "source")
	if source == nil {
		return engine.MissingParameter("configuration.source")
	}
	if source.Str("service") != "flowlogs" {
		return engine.NotImplemented("configuration.source.service: the local cloud has flowlogs only")
	}
	subnet, err := t.Live(vcn.SubnetKind, "configuration.source.resource", source.Str("resource"))
	if err != nil {
		return err
	}
	for _, other := range t.All(logKind) {
		if other.Doc.Str("configuration", "source", "resource") == subnet.ID {
			return engine.Conflict("the subnet %s has the flow log %s", subnet.ID, other.ID)
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
