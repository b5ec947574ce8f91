package loadbalancer

import (
	"maps"
	"slices"

	"oke-guestbook/local/oci/engine"
)

// Part is a kind of named parts of a load balancer, with a collection of its own.
type Part struct {
	Field          string // of the load balancer, "backendSets"
	Name           string // in types of work requests, "BackendSet"
	NameKey        string
	Create, Update string // models; an empty update: it cannot be updated
	Complete       func(doc engine.Doc) error
	Get            bool // a part can be read alone
}

var parts = []Part{
	{setsField, "BackendSet", "name", "CreateBackendSetDetails", "UpdateBackendSetDetails", completeBackendSet, true},
	{"listeners", "Listener", "name", "CreateListenerDetails", "UpdateListenerDetails", completeListener, false},
	{"certificates", "Certificate", "certificateName", "CreateCertificateDetails", "", completeCertificate, false},
	{
		"ruleSets", "RuleSet", "name", "CreateRuleSetDetails", "UpdateRuleSetDetails", completeRuleSet, true,
	},
}

// servePart adds the collection of one kind of parts. Every change is a work request.
func (b *Balancers) servePart(p Part) {
	path := b.Path + "/{id}/" + p.Field
	b.API.Handle("POST "+path, b.Models+p.Create,
		b.changing(func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
			name := c.Body.Str(p.NameKey)
			if r.Doc.Sub(p.Field, name) != nil {
				return nil, engine.Conflict("the load balancer %s has a %s named %s", r.ID, p.Name, name)
			}
			return b.set(c, r, p, "Create", name)
		}))
	if p.Update != "" {
		b.API.Handle("PUT "+path+"/{name}", b.Models+p.Update,
			b.changing(func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
				name := c.Path("name")
				have := r.Doc.Sub(p.Field, name)
				if have == nil {
					return nil, engine.NotFound(name)
				}
				if b.Merges {
					c.Body.Default(have.Clone())
				}
				c.Body[p.NameKey] = name
				return b.set(c, r, p, "Update", name)
			}))
	}
	remove := func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		name := c.Path("name")
		if r.Doc.Sub(p.Field, name) == nil {
			return nil, engine.NotFound(name)
		}
		return b.begin(c, r, "Delete", p, Change{Field: p.Field, Name: name})
	}
	b.API.Handle("DELETE "+path+"/{name}", "", b.changing(remove))
	list := func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		var out []any
		for _, name := range sortedNames(r.Doc.Sub(p.Field)) {
			out = append(out, r.Doc.Sub(p.Field)[name])
		}
		return b.Page(c, out)
	}
	b.API.Handle("GET "+path, "", engine.OnNamed(b.Kind, list))
	if p.Get {
		get := func(_ *engine.Call, doc engine.Doc) (*engine.Answer, error) { return &engine.Answer{Body: doc}, nil }
		b.API.Handle("GET "+path+"/{name}", "", b.onPart(p.Field, get))
	}
}

func sortedNames(parts engine.Doc) []string { return slices.Sorted(maps.Keys(parts)) }

// set begins to set a part to the body.
func (b *Balancers) set(
	c *engine.Call, r *engine.Resource, p Part, verb, name string,
) (*engine.Answer, error) {
	key := c.Body.Str("privateKey") // of a certificate
	if err := p.Complete(c.Body); err != nil {
		return nil, err
	}
	if err := needCertificates(c, c.Body); err != nil {
		return nil, err
	}
	return b.begin(c, r, verb, p, Change{Field: p.Field, Name: name, Set: c.Body, Key: key})
}

// begin begins a change, after a check of the load balancer as it will be.
func (b *Balancers) begin(
	c *engine.Call, r *engine.Resource, verb string, p Part, ch Change,
) (*engine.Answer, error) {
	after := r.Doc.Clone()
	ch.Apply(after)
	if err := checkParts(c.Tx, after); err != nil {
		return nil, err
	}
	return b.Begin(c.Tx, r, verb, p.Name, ch), nil
}

// onPart makes a handler that reads the part that the path names.
func (b *Balancers) onPart(field string, h func(*engine.Call, engine.Doc) (*engine.Answer, error)) engine.Handler {
	return engine.OnNamed(b.Kind, func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		doc := r.Doc.Sub(field, c.Path("name"))
		if doc == nil {
			return nil, engine.NotFound(c.Path("name"))
		}
		return h(c, doc)
	})
}

// checkParts checks the references between a load balancer's parts, and the listeners' ports.
func checkParts(t *engine.Tx, doc engine.Doc) error {
	for _, name := range sortedNames(doc.Sub(setsField)) {
		if ssl := doc.Sub(setsField, name, "sslConfiguration"); ssl != nil {
			if err := checkTLS(t, doc, "the backend set "+name, ssl); err != nil {
				return err
			}
		}
	}
	ports := map[float64]string{}
	for _, name := range sortedNames(doc.Sub("listeners")) {
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
