package loadbalancer

import (
	"maps"
	"slices"

	"oke-guestbook/local/oci/engine"
)

// setHealth returns the health of a backend set. Nothing is probed, so backends are healthy; without backends the
// health is unknown, as on the service.
func setHealth(set engine.Doc) string {
	if len(set.List("backends")) == 0 {
		return "UNKNOWN"
	}
	return "OK"
}

// health returns the health of a load balancer, and the names of the backend sets whose health is unknown.
func health(r *engine.Resource) (status string, unknown []any) {
	status, unknown = "OK", []any{}
	for _, name := range slices.Sorted(maps.Keys(r.Doc.Sub(setsField))) {
		if setHealth(r.Doc.Sub(setsField, name)) == "UNKNOWN" {
			status, unknown = "UNKNOWN", append(unknown, name)
		}
	}
	return status, unknown
}

func registerHealth(api engine.API) {
	api.Handle("GET /loadBalancerHealths", "", func(c *engine.Call) (*engine.Answer, error) {
		var out []any
		for _, r := range c.All(lbKind, engine.With("compartmentId", c.Query.Get("compartmentId"))) {
			status, _ := health(r)
			out = append(out, engine.Doc{"loadBalancerId": r.ID, "status": status})
		}
		return c.Page(out)
	})
	api.Handle("GET "+lbPath+"/{id}/health", "", engine.OnNamed(lbKind, getHealth))
	const set = lbPath + "/{id}/" + setsField + "/{name}"
	api.Handle("GET "+set+"/health", "", onPart(setsField, getSetHealth))
	api.Handle("GET "+set+"/backends/{backend}/health", "", onPart(setsField, getBackendHealth))
}

func getHealth(_ *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	status, unknown := health(r)
	return &engine.Answer{Body: engine.Doc{
		"status": status, "totalBackendSetCount": len(r.Doc.Sub(setsField)), "unknownStateBackendSetNames": unknown,
		"criticalStateBackendSetNames": []any{}, "warningStateBackendSetNames": []any{},
	}}, nil
}

func getSetHealth(_ *engine.Call, set engine.Doc) (*engine.Answer, error) {
	return &engine.Answer{Body: engine.Doc{
		"status": setHealth(set), "totalBackendCount": len(set.List("backends")), "criticalStateBackendNames": []any{},
		"unknownStateBackendNames": []any{}, "warningStateBackendNames": []any{},
	}}, nil
}

func getBackendHealth(c *engine.Call, set engine.Doc) (*engine.Answer, error) {
	_, err := backendIndex(c, set)
	return &engine.Answer{Body: engine.Doc{"status": "OK", "healthCheckResults": []any{}}}, err
}
