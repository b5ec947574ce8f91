package compute

import (
	"slices"
	"time"

	"oke-guestbook/local/oci/engine"
)

// registerCapacityReports adds the report on whether there are machines. There always are, unless a fault waits for the
// launch of an instance.
func registerCapacityReports(api engine.API) {
	const model = "core.CreateComputeCapacityReportDetails"
	api.Handle("POST /computeCapacityReports", model, func(c *engine.Call) (*engine.Answer, error) {
		if c.Body.Str("compartmentId") != engine.TenancyID {
			return nil, engine.Invalid("compartmentId: must be the root compartment")
		}
		if domain := c.Body.Str("availabilityDomain"); !slices.Contains(engine.AvailabilityDomains, domain) {
			return nil, engine.Invalid("availabilityDomain: the region has no %q", domain)
		}
		var found []any
		for _, ask := range c.Body.Objects("shapeAvailabilities") {
			is := ask.Clone()
			switch {
			case ShapeNamed(ask.Str("instanceShape")) == nil:
				is["availabilityStatus"] = "HARDWARE_NOT_SUPPORTED"
			case c.LacksCapacity(c.Body.Str("availabilityDomain")):
				is["availabilityStatus"], is["availableCount"] = "OUT_OF_HOST_CAPACITY", 0
			default:
				is["availabilityStatus"], is["availableCount"] = "AVAILABLE", 1000
			}
			found = append(found, is)
		}
		return &engine.Answer{Body: engine.Doc{
			"compartmentId": engine.TenancyID, "availabilityDomain": c.Body["availabilityDomain"],
			"shapeAvailabilities": found, "timeCreated": time.Now().UTC().Format(time.RFC3339),
		}}, nil
	})
}
