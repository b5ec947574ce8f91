// Package logging emulates the Logging service: log groups, custom logs and the flow logs of subnets, all without
// entries.
package logging

import "oke-guestbook/local/oci/engine"

const base = "/20200531"

// Register adds the Logging service to an engine.
func Register(e *engine.Engine) {
	work := &engine.WorkRequests{
		API: e.API(base), Kind: "logworkrequest", FailedAction: "IN_PROGRESS", Percent: true,
		Collections: map[string]string{groupKind: "/logGroups/", logKind: "/logs/"},
	}
	work.Serve()
	registerGroups(work)
	registerLogs(work)
}
