package loadbalancer

import (
	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
)

// Balancers serves the parts of load balancers and their health: what the Load Balancing and the Network Load Balancer
// service have in common. Load balancers have backend sets in the field backendSets and listeners in listeners.
type Balancers struct {
	API    engine.API
	Kind   string // of the load balancers
	Path   string // of their collection, "/loadBalancers"
	Models string // what the names of their models begin with, "loadbalancer."
	States []string
	Parts  []Part
	// CompleteSet is that of the backend sets among Parts.
	CompleteSet func(set engine.Doc) error
	// Merges: an update of a part keeps the fields that it does not name.
	Merges bool
	// Begin begins a work request, with the answer to its request: verb is "Create", "Update" or "Delete", and what the
	// name of a Part, "Backend" or "HealthChecker".
	Begin func(t *engine.Tx, r *engine.Resource, verb, what string, ch Change) *engine.Answer
	// Page answers with a list of parts.
	Page func(c *engine.Call, items []any) (*engine.Answer, error)
	// Health is what was measured. nil: every backend is healthy.
	Health cloud.MeasuredHealth
	// HealthResult makes one entry of a backend's healthCheckResults.
	HealthResult func(h cloud.BackendHealth, vnic *engine.Resource) engine.Doc
}

// Serve registers the routes of the parts, and of the health of load balancers, backend sets and backends.
func (b *Balancers) Serve() {
	for _, p := range b.Parts {
		b.servePart(p)
	}
	b.serveBackends()
	b.serveHealth()
}

// changing makes a handler that changes a load balancer.
func (b *Balancers) changing(h engine.ResourceHandler) engine.Handler {
	return engine.OnChangeable(b.Kind, h, b.States...)
}

// Complete checks the parts of a new load balancer, and makes them the form of an answer.
func (b *Balancers) Complete(t *engine.Tx, doc engine.Doc) error {
	for _, p := range b.Parts {
		doc.Default(engine.Doc{p.Field: engine.Doc{}})
		for _, name := range sortedNames(doc.Sub(p.Field)) {
			part := doc.Sub(p.Field, name)
			part[p.NameKey] = name
			if err := p.Complete(part); err != nil {
				return err
			}
		}
	}
	return checkParts(t, doc)
}
