package logging_test

import (
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestFlowLogs(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		groups := ocitest.Logging + "/logGroups"
		group := c.Finished(ocitest.Logging, "logging.WorkRequest",
			c.Send("POST", groups, engine.Doc{"compartmentId": oci.CompartmentID, "displayName": "flows"}, nil))
		c.Conforms("logging.LogGroup", c.Want(200, "GET", groups+"/"+group, nil).Body)
		c.Refused(409, "Conflict", "has the name", "POST", groups,
			engine.Doc{"compartmentId": oci.CompartmentID, "displayName": "flows"})
		logs := groups + "/" + group + "/logs"
		body := engine.Doc{"displayName": "workers", "logType": "SERVICE", "configuration": engine.Doc{"source": engine.Doc{
			"sourceType": "OCISERVICE", "service": "flowlogs", "category": "all", "resource": n.Workers,
		}}}
		c.Refused(400, "InvalidParameter", "retentionDuration", "POST", logs, ocitest.Changed(body, "retentionDuration", 31))
		c.Refused(400, "InvalidParameter", "no OCID of a subnet", "POST", logs,
			ocitest.Changed(body, "configuration.source.resource", n.Vcn))
		id := c.Finished(ocitest.Logging, "logging.WorkRequest", c.Send("POST", logs, body, nil))
		c.Refused(409, "Conflict", "has the flow log", "POST", logs, ocitest.Changed(body, "displayName", "again"))
		log := c.Get(logs + "/" + id)
		c.Conforms("logging.Log", log)
		if log["lifecycleState"] != "ACTIVE" || log["isEnabled"] != true || log.Num("retentionDuration") != 30 {
			t.Errorf("log %v", log)
		}
		for query, want := range map[string]int{
			"sourceService=flowlogs": 1, "sourceService=objectstorage": 0,
			"sourceResource=" + n.Workers: 1, "sourceResource=" + n.API: 0,
		} {
			if got := c.GetList(logs + "?" + query); len(got) != want {
				t.Errorf("logs with %s: %d, want %d", query, len(got), want)
			}
		}
		if got := c.GetList(logs); len(got) != 1 {
			t.Errorf("logs of the group: %v", got)
		}
		c.Finished(ocitest.Logging, "logging.WorkRequest", c.Send("PUT", logs+"/"+id, engine.Doc{"isEnabled": false}, nil))
		if log := c.Get(logs + "/" + id); log["isEnabled"] != false || log.Str("configuration", "source",
			"resource") != n.Workers {
			t.Errorf("log after its change: %v", log)
		}
		c.Refused(409, "Conflict", "holds the log", "DELETE", groups+"/"+group, nil)
		c.Finished(ocitest.Logging, "logging.WorkRequest", c.Send("DELETE", logs+"/"+id, nil, nil))
		c.Refused(404, "NotAuthorizedOrNotFound", id, "GET", logs+"/"+id, nil)
		c.Finished(ocitest.Logging, "logging.WorkRequest", c.Send("DELETE", groups+"/"+group, nil, nil))
		c.RemoveNetwork(n)
		c.NothingLeft()
	})
}

func TestBucketLogs(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		c.Want(200, "POST", "/n/"+oci.Namespace+"/b", engine.Doc{"compartmentId": oci.CompartmentID, "name": "files"})
		groups := ocitest.Logging + "/logGroups"
		group := c.Finished(ocitest.Logging, "logging.WorkRequest",
			c.Send("POST", groups, engine.Doc{"compartmentId": oci.CompartmentID, "displayName": "access"}, nil))
		logs := groups + "/" + group + "/logs"
		body := engine.Doc{"displayName": "write", "logType": "SERVICE", "configuration": engine.Doc{"source": engine.Doc{
			"sourceType": "OCISERVICE", "service": "objectstorage", "category": "write", "resource": "files",
		}}}
		c.Refused(400, "RelatedResourceNotAuthorizedOrNotFound", "other", "POST", logs,
			ocitest.Changed(body, "configuration.source.resource", "other"))
		c.Refused(400, "InvalidParameter", "category", "POST", logs,
			ocitest.Changed(body, "configuration.source.category", "all"))
		id := c.Finished(ocitest.Logging, "logging.WorkRequest", c.Send("POST", logs, body, nil))
		c.Conforms("logging.Log", c.Get(logs+"/"+id))
		c.Refused(409, "Conflict", "has the write log", "POST", logs, ocitest.Changed(body, "displayName", "again"))
		c.Finished(ocitest.Logging, "logging.WorkRequest", c.Send("POST", logs,
			ocitest.Changed(ocitest.Changed(body, "configuration.source.category", "read"), "displayName", "read"), nil))
	})
}
