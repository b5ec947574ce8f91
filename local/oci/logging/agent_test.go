package logging_test

import (
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestAgentConfigurations(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		finished := func(method, path string, body engine.Doc) string {
			return c.Finished(ocitest.Logging, "logging.WorkRequest", c.Send(method, path, body, nil))
		}
		group := c.Create("dynamicGroups", engine.Doc{
			"compartmentId": engine.TenancyID, "name": "nodes", "description": "nodes",
			"matchingRule": "instance.compartment.id = '" + oci.CompartmentID + "'",
		}).Str("id")
		groups := ocitest.Logging + "/logGroups"
		logGroup := finished("POST", groups, engine.Doc{"compartmentId": oci.CompartmentID, "displayName": "containers"})
		logs := groups + "/" + logGroup + "/logs"
		log := finished("POST", logs, engine.Doc{"displayName": "containers", "logType": "CUSTOM"})
		agents := ocitest.Logging + "/unifiedAgentConfigurations"
		body := engine.Doc{
			"compartmentId": oci.CompartmentID, "displayName": "containers", "description": "containers", "isEnabled": true,
			"groupAssociation": engine.Doc{"groupList": []any{group}},
			"serviceConfiguration": engine.Doc{
				"configurationType": "LOGGING", "destination": engine.Doc{"logObjectId": log},
				"sources": []any{engine.Doc{
					"sourceType": "LOG_TAIL", "name": "containers", "paths": []any{"/var/log/containers/*.log"},
					"parser": engine.Doc{"parserType": "CRI"},
				}},
			},
		}
		c.Refused(400, "InvalidParameter", "parserType", "POST", agents, ocitest.Changed(body, "serviceConfiguration.sources",
			[]any{engine.Doc{
				"sourceType": "LOG_TAIL", "name": "c", "paths": []any{"/a"}, "parser": engine.Doc{"parserType": "CRIO"},
			}}))
		c.Refused(400, "RelatedResourceNotAuthorizedOrNotFound", "groupList", "POST", agents,
			ocitest.Changed(body, "groupAssociation.groupList", []any{"ocid1.dynamicgroup.oc1..other"}))
		c.Refused(400, "RelatedResourceNotAuthorizedOrNotFound", "logObjectId", "POST", agents,
			ocitest.Changed(body, "serviceConfiguration.destination.logObjectId", "ocid1.log.oc1..other"))
		id := finished("POST", agents, body)
		agent := c.Get(agents + "/" + id)
		c.Conforms("logging.UnifiedAgentConfiguration", agent)
		if agent["lifecycleState"] != "ACTIVE" || agent["configurationState"] != "VALID" {
			t.Errorf("agent configuration %v", agent)
		}
		source := agent.Sub("serviceConfiguration").Objects("sources")[0]
		if source.Sub("parser")["isEstimateCurrentEvent"] != true {
			t.Errorf("parser %v: an event without a time has none", source.Sub("parser"))
		}
		c.Refused(409, "Conflict", "has the name", "POST", agents, body)
		list := agents + "?compartmentId=" + oci.CompartmentID + "&logId="
		of, other := c.Get(list+log), c.Get(list+"ocid1.log.oc1..other")
		c.Conforms("logging.UnifiedAgentConfigurationCollection", of)
		if len(of.List("items")) != 1 || len(other.List("items")) != 0 {
			t.Errorf("configurations of the log: %v, of another: %v", of, other)
		}
		change := ocitest.Changed(body, "isEnabled", false)
		delete(change, "compartmentId")
		finished("PUT", agents+"/"+id, change)
		if c.Get(agents + "/" + id)["isEnabled"] != false {
			t.Error("the change had no effect")
		}
		finished("DELETE", agents+"/"+id, nil)
		c.Refused(404, "NotAuthorizedOrNotFound", id, "GET", agents+"/"+id, nil)
	})
}
