package logging

import (
	"time"

	"oke-guestbook/local/oci/engine"
)

func registerGroups(work *engine.WorkRequests) {
	work.ServeKind(&engine.Kind{
		Name: groupKind, Path: "/logGroups", Create: "logging.CreateLogGroupDetails",
		Update: "logging.UpdateLogGroupDetails", Model: "logging.LogGroup",
		States: states, CreateTime: 5 * time.Second, DeleteTime: 5 * time.Second,
		OnCreate: createGroup, OnDelete: checkGroupEmpty,
	}, "LOG_GROUP", groupKind)
}

func createGroup(c *engine.Call, doc engine.Doc) error {
	name := doc.Str("displayName")
	if others := c.All(groupKind, engine.With("displayName", name)); len(others) > 0 {
		return engine.Conflict("the log group %s has the name %q", others[0].ID, name)
	}
	doc["timeLastModified"] = engine.Timestamp(c.Now)
	return nil
}

func checkGroupEmpty(t *engine.Tx, r *engine.Resource) error {
	if logs := t.All(logKind, engine.With("logGroupId", r.ID)); len(logs) > 0 {
		return engine.Conflict("the log group %s holds the log %s", r.ID, logs[0].ID)
	}
	return nil
}
