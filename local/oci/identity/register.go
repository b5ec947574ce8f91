// Package identity emulates the Identity and Access Management service. Policies decide about workloads, clusters, node
// pools, instances and services; users are administrators.
package identity

import (
	"time"

	"oke-guestbook/local/oci/engine"
)

const base = "/20160918"

// Register adds the service to an engine. Policies are in force after a delay, which the engine's speed divides.
func Register(e *engine.Engine, delay time.Duration) {
	api := e.API(base)
	policies{delay}.register(api)
	registerDynamicGroups(api)
	registerDomains(api)
	registerTenancy(api)
	registerTags(api)
	registerFederation(e)
	registerUsers(api)
}
