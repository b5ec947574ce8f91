package logging

import (
	"time"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/identity"
)

func registerAgents(work *engine.WorkRequests) {
	work.ServeKind(&engine.Kind{
		Name: agentKind, Path: "/unifiedAgentConfigurations", Create: "logging.CreateUnifiedAgentConfigurationDetails",
		Update: "logging.UpdateUnifiedAgentConfigurationDetails", Model: "logging.UnifiedAgentConfiguration",
		Summary:    "logging.UnifiedAgentConfigurationSummary",
		Collection: listed,
		Selects: map[string]func(engine.Doc, string) bool{
			"logId": engine.At("serviceConfiguration", "destination", "logObjectId"),
		},
		States: states, CreateTime: 5 * time.Second, DeleteTime: 5 * time.Second,
		OnCreate: createAgent, OnUpdate: touchAgent, Check: checkAgent,
	}, "CONFIGURATION", agentKind)
}

// listed completes a list, whose items have the type of the configuration: LOGGING, see checkAgent.
func listed(answer engine.Doc, _ []any) {
	delete(answer, "remainingItemsCount")
	for _, item := range answer.Objects("items") {
		item["configurationType"] = "LOGGING"
	}
}

func createAgent(c *engine.Call, doc engine.Doc) error {
	name := doc.Str("displayName")
	if others := c.All(agentKind, engine.With("displayName", name)); len(others) > 0 {
		return engine.Conflict("the agent configuration %s has the name %q", others[0].ID, name)
	}
	doc["configurationState"] = "VALID"
	doc.Default(engine.Doc{"groupAssociation": engine.Doc{"groupList": []any{}}})
	return touchAgent(c, nil, doc)
}

// The time of an event without one is the present, unless the configuration says otherwise: so the provider has it
// (terraform-provider-oci v7.32.0, logging_unified_agent_configuration_resource.go; read 2026-11-29).
func defaultParsers(doc engine.Doc) {
	for _, source := range doc.Sub("serviceConfiguration").Objects("sources") {
		if parser := source.Sub("parser"); len(parser) > 0 {
			parser.Default(engine.Doc{"isEstimateCurrentEvent": true})
		}
	}
}

func touchAgent(c *engine.Call, _, doc engine.Doc) error {
	defaultParsers(doc)
	doc["timeLastModified"] = engine.Timestamp(c.Now)
	return nil
}

// checkAgent checks that the hosts' groups, and the custom log that their lines go to, exist.
func checkAgent(t *engine.Tx, doc engine.Doc) error {
	const groups = "groupAssociation.groupList"
	for _, id := range doc.Sub("groupAssociation").Texts("groupList") {
		if _, err := t.Live(identity.DynamicGroupKind, groups, id); err != nil {
			return err
		}
	}
	config := doc.Sub("serviceConfiguration")
	if kind := config.Str("configurationType"); kind != "LOGGING" {
		return engine.NotImplemented("serviceConfiguration.configurationType: the local cloud has LOGGING only")
	}
	const destination = "serviceConfiguration.destination.logObjectId"
	log, err := t.Live(logKind, destination, config.Sub("destination").Str("logObjectId"))
	if err != nil {
		return err
	}
	if log.Doc.Str("logType") != "CUSTOM" {
		return engine.Invalid("%s: %s is no custom log", destination, log.ID)
	}
	return nil
}
