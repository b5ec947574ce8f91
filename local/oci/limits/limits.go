// Package limits emulates the Limits service: what the services' limits are, and what is used of them.
package limits

import (
	"math"

	"oke-guestbook/local/oci/engine"
)

const base = "/20190729"

// Register adds the service to an engine. It shows the limits that the other services have registered.
func Register(e *engine.Engine) {
	api := e.API(base)
	api.Handle("GET /services", "", func(c *engine.Call) (*engine.Answer, error) {
		var out []any
		seen := map[string]bool{}
		for _, l := range e.ShownLimits() {
			if !seen[l.Service] {
				seen[l.Service] = true
				out = append(out, engine.Doc{"name": l.Service, "description": l.Service})
			}
		}
		return page(c, out)
	})
	api.Handle("GET /limitDefinitions", "", func(c *engine.Call) (*engine.Answer, error) {
		var out []any
		for _, l := range selected(c, e) {
			out = append(out, engine.Doc{
				"serviceName": l.Service, "name": l.Name, "description": l.Name, "scopeType": scope(l),
				"areQuotasSupported": false, "isResourceAvailabilitySupported": true, "isDeprecated": false,
				"isEligibleForLimitIncrease": true, "isDynamic": false,
			})
		}
		return page(c, out)
	})
	api.Handle("GET /limitValues", "", func(c *engine.Call) (*engine.Answer, error) {
		if err := c.NeedsQuery("serviceName"); err != nil {
			return nil, err
		}
		var out []any
		for _, l := range selected(c, e) {
			for _, domain := range domains(l) {
				doc := engine.Doc{"name": l.Name, "scopeType": scope(l), "value": c.Limit(l.Of)}
				if domain != "" {
					doc["availabilityDomain"] = domain
				}
				if c.Matches(doc, "scopeType", "availabilityDomain") {
					out = append(out, doc)
				}
			}
		}
		return page(c, out)
	})
	api.Handle("GET /services/{service}/limits/{limit}/resourceAvailability", "", availability(e))
}

// page answers with a list of the tenancy's: limits have no other compartment.
func page(c *engine.Call, out []any) (*engine.Answer, error) {
	if err := c.NeedsQuery("compartmentId"); err != nil {
		return nil, err
	}
	if c.Query.Get("compartmentId") != engine.TenancyID {
		return nil, engine.Invalid("compartmentId: must be the tenancy's OCID")
	}
	return c.Page(out)
}

// selected are the limits that the query asks for.
func selected(c *engine.Call, e *engine.Engine) (list []engine.Limit) {
	for _, l := range e.ShownLimits() {
		if c.Matches(engine.Doc{"serviceName": l.Service, "name": l.Name}, "serviceName", "name") {
			list = append(list, l)
		}
	}
	return list
}

func scope(l engine.Limit) string {
	if l.PerDomain {
		return "AD"
	}
	return "REGION"
}

func domains(l engine.Limit) []string {
	if l.PerDomain {
		return engine.AvailabilityDomains
	}
	return []string{""}
}

func availability(e *engine.Engine) engine.Handler {
	return func(c *engine.Call) (*engine.Answer, error) {
		if err := c.NeedsQuery("compartmentId"); err != nil {
			return nil, err
		}
		for _, l := range e.ShownLimits() {
			if l.Service != c.Path("service") || l.Name != c.Path("limit") {
				continue
			}
			domain := c.Query.Get("availabilityDomain")
			if l.PerDomain && domain == "" {
				return nil, engine.Invalid("availabilityDomain: is required, as the limit is for each of them")
			}
			used := c.UsedOf(l, domain)
			free := max(float64(c.Limit(l.Of))-used, 0)
			return &engine.Answer{Body: engine.Doc{
				"used": math.Ceil(used), "available": math.Floor(free),
				"fractionalUsage": used, "fractionalAvailability": free,
			}}, nil
		}
		return nil, engine.NotFound(c.Path("service") + " " + c.Path("limit"))
	}
}
