// Package vcn emulates the Networking service: VCNs and what is in them. Other services place their VNICs and public IP
// addresses by its functions.
package vcn

import "oke-guestbook/local/oci/engine"

const base = "/20160918"

// Register adds the Networking service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	registerVcns(api)
	registerInternetGateways(api)
	registerNatGateways(api)
	registerServiceGateways(api)
	registerDrgs(api)
	registerRouteTables(api)
	registerSecurityLists(api)
	registerDhcpOptions(api)
	registerSubnets(api)
	registerSecurityGroups(api)
	registerVnics(api)
	registerPublicIPs(api)
	registerLimits(e)
}
