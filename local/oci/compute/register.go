// Package compute emulates the Compute service: the instances that node pools create, with their boot volumes, and the
// images and shapes that the region offers.
package compute

import "oke-guestbook/local/oci/engine"

const base = "/20160918"

// Register adds the Compute service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	registerInstances(api)
	registerBootVolumes(api)
	registerVnicAttachments(api)
	registerImages(api)
	registerShapes(api)
	registerCapacityReports(api)
	registerCapacityReservations(api)
	registerLimits(e)
}
