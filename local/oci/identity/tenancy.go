package identity

import "oke-guestbook/local/oci/engine"

// Names of the tenancy and of its one compartment.
const (
	TenancyName     = "local"
	CompartmentName = "oke-guestbook"
)

// registerTenancy adds the tenancy, its two compartments (the root and one below it) and its region.
func registerTenancy(api engine.API) {
	api.Handle("GET /compartments", "", func(c *engine.Call) (*engine.Answer, error) {
		if err := c.NeedsQuery("compartmentId"); err != nil {
			return nil, err
		}
		doc := compartmentDoc(engine.CompartmentID)
		if c.Query.Get("compartmentId") != engine.TenancyID || !c.Matches(doc, "name", "lifecycleState") {
			return c.Page(nil)
		}
		return c.Page([]any{doc})
	})
	api.Handle("GET /compartments/{id}", "", func(c *engine.Call) (*engine.Answer, error) {
		if !engine.IsCompartment(c.ID()) {
			return nil, engine.NotFound(c.ID())
		}
		return &engine.Answer{Body: compartmentDoc(c.ID())}, nil
	})
	api.Handle("GET /tenancies/{id}", "", func(c *engine.Call) (*engine.Answer, error) {
		if c.ID() != engine.TenancyID {
			return nil, engine.NotFound(c.ID())
		}
		return &engine.Answer{Body: engine.Doc{
			"id": engine.TenancyID, "name": TenancyName, "description": "The local cloud", "homeRegionKey": "IAD",
			"freeformTags": engine.Doc{}, "definedTags": engine.Doc{},
		}}, nil
	})
	api.Handle("GET /tenancies/{id}/regionSubscriptions", "", func(*engine.Call) (*engine.Answer, error) {
		return &engine.Answer{Body: []any{engine.Doc{
			"regionKey": "IAD", "regionName": engine.Region, "status": "READY", "isHomeRegion": true,
		}}}, nil
	})
	api.Handle("GET /regions", "", func(*engine.Call) (*engine.Answer, error) {
		return &engine.Answer{Body: []any{engine.Doc{"key": "IAD", "name": engine.Region}}}, nil
	})
}

func compartmentDoc(id string) engine.Doc {
	name := TenancyName
	if id == engine.CompartmentID {
		name = CompartmentName
	}
	return engine.Doc{
		"id": id, "compartmentId": engine.TenancyID, "name": name, "description": "Of the local cloud",
		"lifecycleState": "ACTIVE", "timeCreated": "2026-01-01T00:00:00.000Z", "isAccessible": true,
		"freeformTags": engine.Doc{}, "definedTags": engine.Doc{},
	}
}
