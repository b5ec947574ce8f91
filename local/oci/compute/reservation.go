package compute

import (
	"slices"

	"oke-guestbook/local/oci/engine"
)

const reservationKind = "capacityreservation"

// registerCapacityReservations adds reservations. Instances that use one are counted, and never too many.
func registerCapacityReservations(api engine.API) {
	api.Serve(&engine.Kind{
		Name: reservationKind, Title: "capacity reservation", Path: "/computeCapacityReservations",
		Create: "core.CreateComputeCapacityReservationDetails", Update: "core.UpdateComputeCapacityReservationDetails",
		Model: "core.ComputeCapacityReservation", Summary: "core.ComputeCapacityReservationSummary",
		Filters: []string{"availabilityDomain"},
		States:  engine.ServiceStates,
		Defaults: engine.Doc{
			"isDefaultReservation": false, "instanceReservationConfigs": []any{}, "usedInstanceCount": 0.0,
		},
		Check: completeReservation,
	})
}

func completeReservation(_ *engine.Tx, doc engine.Doc) error {
	if domain := doc.Str("availabilityDomain"); !slices.Contains(engine.AvailabilityDomains, domain) {
		return engine.Invalid("availabilityDomain: the region has no %q", domain)
	}
	sum := 0.0
	for i, config := range doc.Objects("instanceReservationConfigs") {
		if shape := config.Str("instanceShape"); ShapeNamed(shape) == nil {
			return engine.Invalid("instanceReservationConfigs[%d].instanceShape: %q is not offered in this region", i, shape)
		}
		config.Default(engine.Doc{"usedCount": 0.0})
		sum += config.Num("reservedCount")
	}
	doc["reservedInstanceCount"] = sum
	return nil
}

// CheckReservation refuses the OCID in a field unless it is of a reservation of the availability domain that has
// machines of the shape and size. What of it is used already is not looked at.
func CheckReservation(t *engine.Tx, field, id, domain, shape string, size engine.Doc) error {
	r, err := t.Live(reservationKind, field, id)
	if err != nil {
		return err
	}
	if state := r.State(); state != "ACTIVE" {
		return engine.Invalid("%s: the capacity reservation %s is %s", field, id, state)
	}
	if is := r.Doc.Str("availabilityDomain"); is != domain {
		return engine.Invalid("%s: the capacity reservation %s is in %s, not in %s", field, id, is, domain)
	}
	if reserved(r.Doc, shape, size) == nil {
		return engine.Invalid("%s: the capacity reservation %s has no %s with %v OCPUs and %v GB", field, id, shape,
			size.Num("ocpus"), size.Num("memoryInGBs"))
	}
	return nil
}

// reserved returns the configuration of a reservation for machines of the shape and size, or nil.
func reserved(reservation engine.Doc, shape string, size engine.Doc) engine.Doc {
	for _, config := range reservation.Objects("instanceReservationConfigs") {
		same := config.Sub("instanceShapeConfig")
		if config.Str("instanceShape") == shape && (same == nil ||
			same.Num("ocpus") == size.Num("ocpus") && same.Num("memoryInGBs") == size.Num("memoryInGBs")) {
			return config
		}
	}
	return nil
}

// countReserved adds n to the instances that use the reservation of the instance, if it has one.
func countReserved(t *engine.Tx, instance engine.Doc, n float64) {
	r := t.Edit(instance.Str("capacityReservationId"))
	if r == nil {
		return
	}
	r.Doc["usedInstanceCount"] = r.Doc.Num("usedInstanceCount") + n
	if config := reserved(r.Doc, instance.Str("shape"), instance.Sub("shapeConfig")); config != nil {
		config["usedCount"] = config.Num("usedCount") + n
	}
}
