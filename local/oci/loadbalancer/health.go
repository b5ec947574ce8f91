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

// health returns the health of a set's backends by name. Of the service, a primary and a standby load balancer
// check each backend; here one does (API reference, BackendHealth, of SDK 65.129).
func (b *Balancers) health(r *engine.Resource, set engine.Doc) map[string]cloud.BackendHealth {
	out := map[string]cloud.BackendHealth{}
	var measured map[string]cloud.BackendHealth
	if b.Health != nil {
		measured = b.Health(r.ID, set.Str("name"))
	}
	for _, backend := range set.Objects("backends") {
		name := backend.Str("name")
		health := cloud.BackendHealth{Healthy: true, Result: healthOK}
		if b.Health != nil {
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
func (b *Balancers) healthOfSet(r *engine.Resource, set engine.Doc) (status string, backends map[string]string) {
	backends = map[string]string{}
	for name, health := range b.health(r, set) {
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
func (b *Balancers) healthOf(r *engine.Resource) (status string, sets map[string]string) {
	sets = map[string]string{}
	for name := range r.Doc.Sub(setsField) {
		sets[name], _ = b.healthOfSet(r, r.Doc.Sub(setsField, name))
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

func (b *Balancers) serveHealth() {
	b.API.Handle("GET "+b.Path+"/{id}/health", "", engine.OnNamed(b.Kind, b.getHealth))
	set := b.Path + "/{id}/" + setsField + "/{name}"
	b.API.Handle("GET "+set+"/health", "", engine.OnNamed(b.Kind, onSet(b.getSetHealth)))
	b.API.Handle("GET "+set+"/backends/{backend}/health", "", engine.OnNamed(b.Kind, onSet(b.getBackendHealth)))
}

// ServeHealths registers the route that lists the health of all load balancers, whose OCIDs are in the field id.
func (b *Balancers) ServeHealths(path, id string) {
	b.API.Handle("GET "+path, "", func(c *engine.Call) (*engine.Answer, error) {
		var out []any
		for _, r := range c.All(b.Kind, engine.With("compartmentId", c.Query.Get("compartmentId"))) {
			status, _ := b.healthOf(r)
			out = append(out, engine.Doc{id: r.ID, "status": status})
		}
		return b.Page(c, out)
	})
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

func (b *Balancers) getHealth(_ *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	status, sets := b.healthOf(r)
	return &engine.Answer{Body: engine.Doc{
		"status": status, "totalBackendSetCount": len(sets),
		"criticalStateBackendSetNames": names(sets, healthCritical),
		"warningStateBackendSetNames":  names(sets, healthWarning),
		"unknownStateBackendSetNames":  names(sets, healthUnknown),
	}}, nil
}

func (b *Balancers) getSetHealth(_ *engine.Call, r *engine.Resource, set engine.Doc) (*engine.Answer, error) {
	status, backends := b.healthOfSet(r, set)
	return &engine.Answer{Body: engine.Doc{
		"status": status, "totalBackendCount": len(backends),
		"criticalStateBackendNames": names(backends, healthCritical),
		"warningStateBackendNames":  names(backends, healthWarning),
		"unknownStateBackendNames":  names(backends, healthUnknown),
	}}, nil
}

func (b *Balancers) getBackendHealth(c *engine.Call, r *engine.Resource, set engine.Doc) (*engine.Answer, error) {
	if _, err := backendIndex(c, set); err != nil {
		return nil, err
	}
	health := b.health(r, set)[c.Path("backend")]
	results := []any{}
	if vnics := vcn.VnicsOf(c.Tx, r.ID); len(vnics) > 0 && !health.At.IsZero() {
		results = append(results, b.HealthResult(health, vnics[0]))
	}
	return &engine.Answer{Body: engine.Doc{"status": backendStatus(health), "healthCheckResults": results}}, nil
}

// healthResult is a result of the Load Balancing service's.
func healthResult(h cloud.BackendHealth, vnic *engine.Resource) engine.Doc {
	return engine.Doc{
		"subnetId": vnic.Doc["subnetId"], "sourceIpAddress": vnic.Doc["privateIp"],
		"timestamp": engine.Timestamp(h.At), "healthCheckStatus": h.Result,
	}
}
