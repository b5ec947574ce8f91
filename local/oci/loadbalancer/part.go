package loadbalancer

import (
	"maps"
	"slices"

	"oke-guestbook/local/oci/engine"
)

// part is a kind of named parts of a load balancer, with a collection of its own.
type part struct {
	field          string // of the load balancer, "backendSets"
	name           string // in types of work requests, "BackendSet"
	nameKey        string
	create, update string // models; an empty update: it cannot be updated
	complete       func(doc engine.Doc) error
	get            bool // a part can be read alone
}

var parts = []part{
	{setsField, "BackendSet", "name", "CreateBackendSetDetails", "UpdateBackendSetDetails", completeBackendSet, true},
	{"listeners", "Listener", "name", "CreateListenerDetails", "UpdateListenerDetails", completeListener, false},
	{"certificates", "Certificate", "certificateName", "CreateCertificateDetails", "", completeCertificate, false},
	{
		"ruleSets", "RuleSet", "name", "CreateRuleSetDetails", "UpdateRuleSetDetails", completeRuleSet, true,
	},
}

// registerPart adds the collection of one kind of parts. Every change is a work request.
func registerPart(api engine.API, p part) {
	path := lbPath + "/{id}/" + p.field
	api.Handle("POST "+path, "loadbalancer."+p.create,
		changing(func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
			name := c.Body.Str(p.nameKey)
			if r.Doc.Sub(p.field, name) != nil {
				return nil, engine.Conflict("the load balancer %s has a %s named %s", r.ID, p.name, name)
			}
			return p.set(c, r, "Create", name)
		}))
	if p.update != "" {
		api.Handle("PUT "+path+"/{name}", "loadbalancer."+p.update,
			changing(func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
				name := c.Path("name")
				if r.Doc.Sub(p.field, name) == nil {
					return nil, engine.NotFound(name)
				}
				c.Body[p.nameKey] = name
				return p.set(c, r, "Update", name)
			}))
	}
	api.Handle("DELETE "+path+"/{name}", "", changing(func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		name := c.Path("name")
		if r.Doc.Sub(p.field, name) == nil {
			return nil, engine.NotFound(name)
		}
		return p.begin(c, r, "Delete", change{Field: p.field, Name: name})
	}))
	list := func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		var out []any
		for _, name := range slices.Sorted(maps.Keys(r.Doc.Sub(p.field))) {
			out = append(out, r.Doc.Sub(p.field)[name])
		}
		return c.Page(out)
	}
	api.Handle("GET "+path, "", engine.OnNamed(lbKind, list))
	if p.get {
		api.Handle("GET "+path+"/{name}", "", onPart(p.field, func(_ *engine.Call, doc engine.Doc) (*engine.Answer, error) {
			return &engine.Answer{Body: doc}, nil
		}))
	}
}

// set begins to set a part to the body.
func (p part) set(c *engine.Call, r *engine.Resource, verb, name string) (*engine.Answer, error) {
	key := c.Body.Str("privateKey") // of a certificate
	if err := p.complete(c.Body); err != nil {
		return nil, err
	}
	return p.begin(c, r, verb, change{Field: p.field, Name: name, Set: c.Body, Key: key})
}

// begin begins a change, after a check of the load balancer as it will be.
func (p part) begin(c *engine.Call, r *engine.Resource, verb string, ch change) (*engine.Answer, error) {
	after := r.Doc.Clone()
	ch.apply(after)
	if err := checkParts(c.Tx, after); err != nil {
		return nil, err
	}
	return begin(c.Tx, r, verb+p.name, changeTime, ch), nil
}

// onPart makes a handler that reads the part that the path names.
func onPart(field string, h func(*engine.Call, engine.Doc) (*engine.Answer, error)) engine.Handler {
	return engine.OnNamed(lbKind, func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		doc := r.Doc.Sub(field, c.Path("name"))
		if doc == nil {
			return nil, engine.NotFound(c.Path("name"))
		}
		return h(c, doc)
	})
}

// checkParts checks the references between a load balancer's parts, and the listeners' ports.
func checkParts(t *engine.Tx, doc engine.Doc) error {
	for _, name := range slices.Sorted(maps.Keys(doc.Sub(setsField))) {
		if ssl := doc.Sub(setsField, name, "sslConfiguration"); ssl != nil {
			if err := checkTLS(t, doc, "the backend set "+name, ssl); err != nil {
				return err
			}
		}
	}
	ports := map[float64]string{}
	for _, name := range slices.Sorted(maps.Keys(doc.Sub("listeners"))) {
		listener := doc.Sub("listeners", name)
		if set := listener.Str("defaultBackendSetName"); doc.Sub(setsField, set) == nil {
			return engine.Invalid("the listener %s has the default backend set %q, which the load balancer lacks", name, set)
		}
		if ssl := listener.Sub("sslConfiguration"); ssl != nil {
			if err := checkTLS(t, doc, "the listener "+name, ssl); err != nil {
				return err
			}
		}
		if err := checkRuleSets(doc, name, listener); err != nil {
			return err
		}
		port := listener.Num("port")
		if other := ports[port]; other != "" {
			return engine.Invalid("the listeners %s and %s have the same port %v", other, name, port)
		}
		ports[port] = name
	}
	return nil
}
