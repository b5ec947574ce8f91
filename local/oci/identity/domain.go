package identity

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/local/oci/engine"
)

// registerDomains adds the availability domains and fault domains.
func registerDomains(api engine.API) {
	api.Handle("GET /availabilityDomains", "", func(c *engine.Call) (*engine.Answer, error) {
		if err := c.NeedsQuery("compartmentId"); err != nil {
			return nil, err
		}
		var out []any
		for i, name := range engine.AvailabilityDomains {
			out = append(out, engine.Doc{
				"name": name, "id": fmt.Sprintf("ocid1.availabilitydomain.oc1..aaaaaaaalocalcloudad%d", i+1),
				"compartmentId": engine.TenancyID,
			})
		}
		return c.Page(out)
	})
	api.Handle("GET /faultDomains", "", func(c *engine.Call) (*engine.Answer, error) {
		if err := c.NeedsQuery("compartmentId"); err != nil {
			return nil, err
		}
		ad := c.Query.Get("availabilityDomain")
		at := slices.Index(engine.AvailabilityDomains, ad)
		if at < 0 {
			return nil, engine.Invalid("availabilityDomain: %q must be one of %s",
				ad, strings.Join(engine.AvailabilityDomains, ", "))
		}
		var out []any
		for i, name := range engine.FaultDomains {
			out = append(out, engine.Doc{
				"name": name, "availabilityDomain": ad, "compartmentId": engine.TenancyID,
				"id": fmt.Sprintf("ocid1.faultdomain.oc1..aaaaaaaalocalcloudad%dfd%d", at+1, i+1),
			})
		}
		return c.Page(out)
	})
}
