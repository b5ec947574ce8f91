// Package logging emulates the Logging service: log groups, custom logs and access logs of buckets without entries, the
// flow logs of subnets, the search in their entries, and configurations of agents, which no agent reads.
package logging

import (
	"time"

	"oke-guestbook/local/flowlog"
	"oke-guestbook/local/oci/engine"
)

const (
	base       = "/20200531"
	searchBase = "/20190909"
)

// Flows returns the records of flows that began at or after from and before to, the oldest first.
type Flows func(from, to time.Time) ([]flowlog.Record, error)

// Register adds the Logging service to an engine. Without flows, the flow logs are empty.
func Register(e *engine.Engine, flows Flows) {
	if flows == nil {
		flows = func(time.Time, time.Time) ([]flowlog.Record, error) { return nil, nil }
	}
	registerSearch(e.API(searchBase), flows)
	work := &engine.WorkRequests{
		API: e.API(base), Kind: "logworkrequest", FailedAction: "IN_PROGRESS", Percent: true,
		Collections: map[string]string{
			groupKind: "/logGroups/", logKind: "/logs/", agentKind: "/unifiedAgentConfigurations/",
		},
	}
	work.Serve()
	registerGroups(work)
	registerLogs(work)
	registerAgents(work)
}
