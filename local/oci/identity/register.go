// Package identity emulates the Identity and Access Management service. Policies and dynamic groups are kept and not
// enforced.
package identity

import "oke-guestbook/local/oci/engine"

const base = "/20160918"

// Register adds the service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	registerPolicies(api)
	registerDynamicGroups(api)
	registerDomains(api)
	registerTenancy(api)
	registerFederation(e)
	registerUsers(api)
}
