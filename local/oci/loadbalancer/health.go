package loadbalancer

import (
	"cmp"
	"maps"
	"slices"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// Health of backends, backend sets and load balancers.
const (
	healthOK       = "OK"
	healthWarning  = "WARNING"
	healthCritical = "CRITICAL"
	healthUnknown  = "UNKNOWN"
)

// measurements answers questions about health with what was measured, or, if measured is nil, as if every backend
// were healthy.
type measurements struct{ measured cloud.MeasuredHealth }

// backends returns the health of a set's backends by name. Of the service, a primary and a standby load balancer
// check each backend; here one does (API reference, BackendHealth, of SDK 65.129).
func (m measurements) backends(r *engine.Resource, set engine.Doc) map[string]cloud.BackendHealth {
	out := map[string]cloud.BackendHealth{}
	var measured map[string]cloud.BackendHealth
	if m.measured != nil {
		measured = m.measured(r.ID, set.Str("name"))
	}
	for _, b := range set.Objects("backends") {
		name := b.Str("name")
		health := cloud.BackendHealth{Healthy: true, Result: healthOK}
		if m.measured != nil {
			health = measured[name]
			health.Result = cmp.Or(health.Result, healthUnknown)
		}
		out[name] = health
	}
	return out
}

func backendStatus(h cloud.BackendHealth) string {
	if h.Result == healthOK || h.Result == healthUnknown {
		return h.Result
	}
	return healthCritical
}

// names returns the names whose status is the given one.
func names(status map[string]string, wanted string) []any {
	out := []any{}
	for _, name := range slices.Sorted(maps.Keys(status)) {
		if status[name] == wanted {
			out = append(out, name)
		}
	}
	return out
}

// set returns the health of a backend set, and that of its backends by name (API reference, BackendSetHealth, of SDK
// 65.129). That a set without backends is unknown is not documented.
func (m measurements) set(r *engine.Resource, set engine.Doc) (status string, backends map[string]string) {
	backends = map[string]string{}
	for name, health := range m.backends(r, set) {
		backends[name] = backendStatus(health)
	}
	total, ok := len(backends), len(names(backends, healthOK))
	switch {
	case total == 0 || !hasListener(r, set.Str("name")) || 2*len(names(backends, healthUnknown)) > total:
		return healthUnknown, backends
	case ok == total:
		return healthOK, backends
	case 2*ok >= total:
		return healthWarning, backends
	default:
		return healthCritical, backends
	}
}

func hasListener(r *engine.Resource, set string) bool {
	for name := range r.Doc.Sub("listeners") {
		if r.Doc.Str("listeners", name, "defaultBackendSetName") == set {
			return true
		}
	}
	return false
}

// loadBalancer returns the health of a load balancer, and that of its backend sets by name (API reference,
// LoadBalancerHealth, of SDK 65.129).
func (m measurements) loadBalancer(r *engine.Resource) (status string, sets map[string]string) {
	sets = map[string]string{}
	for name := range r.Doc.Sub(setsField) {
		sets[name], _ = m.set(r, r.Doc.Sub(setsField, name))
	}
	switch {
	case r.State() != "ACTIVE" || len(sets) == 0:
		return healthUnknown, sets
	case len(names(sets, healthCritical)) > 0:
		return healthCritical, sets
	case len(names(sets, healthWarning)) > 0:
		return healthWarning, sets
	case 2*len(names(sets, healthUnknown)) > len(sets):
		return healthUnknown, sets
	default:
		return healthOK, sets
	}
}

func registerHealth(api engine.API, m measurements) {
	api.Handle("GET /loadBalancerHealths", "", func(c *engine.Call) (*engine.Answer, error) {
		var out []any
		for _, r := range c.All(lbKind, engine.With("compartmentId", c.Query.Get("compartmentId"))) {
			status, _ := m.loadBalancer(r)
			out = append(out, engine.Doc{"loadBalancerId": r.ID, "status": status})
		}
		return c.Page(out)
	})
	api.Handle("GET "+lbPath+"/{id}/health", "", engine.OnNamed(lbKind, m.getHealth))
	const set = lbPath + "/{id}/" + setsField + "/{name}"
	api.Handle("GET "+set+"/health", "", engine.OnNamed(lbKind, onSet(m.getSetHealth)))
	api.Handle("GET "+set+"/backends/{backend}/health", "", engine.OnNamed(lbKind, onSet(m.getBackendHealth)))
}

func onSet(h func(*engine.Call, *engine.Resource, engine.Doc) (*engine.Answer, error)) engine.ResourceHandler {
	return func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		set := r.Doc.Sub(setsField, c.Path("name"))
		if set == nil {
			return nil, engine.NotFound(c.Path("name"))
		}
		return h(c, r, set)
	}
}

func (m measurements) getHealth(_ *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	status, sets := m.loadBalancer(r)
	return &engine.Answer{Body: engine.Doc{
		"status": status, "totalBackendSetCount": len(sets),
		"criticalStateBackendSetNames": names(sets, healthCritical),
		"warningStateBackendSetNames":  names(sets, healthWarning),
		"unknownStateBackendSetNames":  names(sets, healthUnknown),
	}}, nil
}

func (m measurements) getSetHealth(_ *engine.Call, r *engine.Resource, set engine.Doc) (*engine.Answer, error) {
	status, backends := m.set(r, set)
	return &engine.Answer{Body: engine.Doc{
		"status": status, "totalBackendCount": len(backends),
		"criticalStateBackendNames": names(backends, healthCritical),
		"warningStateBackendNames":  names(backends, healthWarning),
		"unknownStateBackendNames":  names(backends, healthUnknown),
	}}, nil
}

func (m measurements) getBackendHealth(c *engine.Call, r *engine.Resource, set engine.Doc) (*engine.Answer, error) {
	if _, err := backendIndex(c, set); err != nil {
		return nil, err
	}
	health := m.backends(r, set)[c.Path("backend")]
	results := []any{}
	if vnics := vcn.VnicsOf(c.Tx, r.ID); len(vnics) > 0 && !health.At.IsZero() {
		results = append(results, engine.Doc{
			"subnetId": vnics[0].Doc["subnetId"], "sourceIpAddress": vnics[0].Doc["privateIp"],
			"timestamp": engine.Timestamp(health.At), "healthCheckStatus": health.Result,
		})
	}
	return &engine.Answer{Body: engine.Doc{"status": backendStatus(health), "healthCheckResults": results}}, nil
}
