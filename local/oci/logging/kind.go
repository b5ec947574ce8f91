package logging

import "oke-guestbook/local/oci/engine"

// The service's kinds; their names are the entity types in work requests, too.
const (
	groupKind = "loggroup"
	logKind   = "log"
	agentKind = "unifiedagentconfiguration"
)

// states of log groups and logs: the service has none for a deleted one.
var states = engine.States{Creating: "CREATING", Live: "ACTIVE", Deleting: "DELETING"}
