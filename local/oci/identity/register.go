// Package identity emulates the Identity and Access Management service. Policies decide about workloads of clusters;
// users are administrators, and dynamic groups are kept and have no effect.
package identity

import "oke-guestbook/local/oci/engine"

const base = "/20160918"

// Register adds the service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	registerPolicies(api)
	e.DecideBy(permits)
	registerDynamicGroups(api)
	registerDomains(api)
	registerTenancy(api)
	registerFederation(e)
	registerUsers(api)
}
