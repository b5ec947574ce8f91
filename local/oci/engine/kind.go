package engine

import (
	"strings"
	"time"

	"oke-guestbook/local/oci/schema"
)

// Kind describes one kind of resource. The engine does the rest: create, read, list, update and delete.
type Kind struct {
	Name  string // the second part of its OCIDs, "routetable"; the inventory shows it
	Title string // in messages: "the <title> <OCID> is <state>"; empty: the OCID alone
	Path  string // of the collection, "/vcns"; API.Serve puts the API's base path before it
	// Models of schema/models.json. Create and Update are of the bodies of POST and PUT; empty: the engine serves no such
	// request. Model is of the answer; empty: any fields. Summary is of a list's item; empty: the whole answer.
	Create, Update, Model, Summary string
	NameKey                        string   // the field with the name; default "displayName"
	Filters                        []string // further query parameters of the list that select by a field's value
	// Collection completes the answer of the list, which has items and remainingItemsCount, by the items of all pages.
	// nil: the answer is the array of items.
	Collection func(answer Doc, all []any)
	// Selects are further query parameters of the list, with the function that compares a value.
	Selects         map[string]func(doc Doc, value string) bool
	Parent          string // field, and wildcard of the path, with the parent's OCID; empty: no parent
	AllCompartments bool   // the list needs no compartment
	Global          bool   // its OCIDs name no region
	States          States
	// CreateTime and DeleteTime are the real service's usual durations; 0: at once. Async: a task of the kind's own ends
	// the creation.
	CreateTime, DeleteTime time.Duration
	Async                  bool
	Defaults               Doc          // fields of the body that the service fills in
	Limit                  int          // the default of the service limit on the number of resources; 0: no limit
	Private                PrivateState // by PrivateOf; nil: the service remembers nothing that it does not show
	// WrongState makes the refusal of a change in a state that does not allow it; default IncorrectState.
	WrongState func(format string, args ...any) *Failure

	// Functions of the service, each optional. An error refuses the request. OnGet runs before a resource is shown, also
	// to workloads if it permits it: without one, they see none. OnCreate gets the body with the defaults,
	// OnUpdate the old document and the new one; then Check gets the new document in both cases. They may complete it.
	// Created runs after the resource was stored, Removed when it reaches the terminal state.
	OnGet    func(c *Call, r *Resource) error
	OnCreate func(c *Call, doc Doc) error
	OnUpdate func(c *Call, old, doc Doc) error
	Check    func(t *Tx, doc Doc) error
	Created  func(t *Tx, r *Resource) error
	OnDelete func(t *Tx, r *Resource) error
	Removed  func(t *Tx, r *Resource) error
}

// States are a life cycle's states. Without Deleted, a deleted resource answers 404 at once.
type States struct{ Creating, Live, Deleting, Deleted string }

// Usual life cycles.
var (
	CoreStates    = States{"PROVISIONING", "AVAILABLE", "TERMINATING", "TERMINATED"}
	ServiceStates = States{"CREATING", "ACTIVE", "DELETING", "DELETED"}
	AttachStates  = States{"ATTACHING", "ATTACHED", "DETACHING", "DETACHED"}
)

func (k *Kind) nameField() string {
	if k.NameKey != "" {
		return k.NameKey
	}
	return "displayName"
}

func (k *Kind) newOCID() string {
	if k.Global {
		return newOCID(k.Name, "")
	}
	return NewOCID(k.Name)
}

// has reports whether answers of the kind have the field.
func (k *Kind) has(field string) bool { return k.Model == "" || schema.Has(k.Model, field) }

// AddKind registers a kind without any routes.
func (e *Engine) AddKind(k *Kind) {
	e.kinds[k.Name] = k
	if k.Limit > 0 {
		e.limits[k.Name] = k.Limit
	}
}

// Kinds returns the registered kinds, in no particular order.
func (e *Engine) Kinds() map[string]*Kind { return e.kinds }

// WhenRemoved registers a function that runs when a resource of another service's kind reaches its terminal state.
func (e *Engine) WhenRemoved(kind string, f func(*Tx, *Resource) error) {
	e.removed[kind] = append(e.removed[kind], f)
}

// Serve registers a kind and the routes of its collection.
func (a API) Serve(k *Kind) {
	a.ServeReads(k)
	path := strings.TrimPrefix(k.Path, a.Base)
	if k.Create != "" {
		a.Handle("POST "+path, k.Create, func(c *Call) (*Answer, error) {
			r, err := c.Create(k.Name)
			if err != nil {
				return nil, err
			}
			answer := r.Answer()
			answer.Created = r.ID
			return answer, nil
		})
		a.ServeDelete(k)
		a.Handle("POST "+path+"/{id}/actions/changeCompartment", "", func(*Call) (*Answer, error) {
			return nil, NotImplemented("the local cloud has one compartment")
		})
	}
	if k.Update != "" {
		a.Handle("PUT "+path+"/{id}", k.Update, func(c *Call) (*Answer, error) {
			r, err := c.Update(k.Name)
			if err != nil {
				return nil, err
			}
			return r.Answer(), nil
		})
	}
}

// ServeDelete registers the route that deletes a resource of a registered kind: for kinds that another service creates.
func (a API) ServeDelete(k *Kind) {
	path := strings.TrimPrefix(k.Path, a.Base)
	a.Handle("DELETE "+path+"/{id}", "", func(c *Call) (*Answer, error) { return c.delete(k) })
}

// ServeReads registers a kind and the routes that list and get its resources: for kinds whose changes are not the
// engine's.
func (a API) ServeReads(k *Kind) {
	path := k.Path
	k.Path = a.Base + path
	a.AddKind(k)
	a.Handle("GET "+path, "", func(c *Call) (*Answer, error) { return c.listKind(k) })
	a.Handle("GET "+path+"/{id}", "", OnNamed(k.Name, func(c *Call, r *Resource) (*Answer, error) {
		if r.Removed != nil && k.States.Deleted == "" {
			return nil, NotFound(r.ID)
		}
		if k.OnGet != nil {
			if err := k.OnGet(c, r); err != nil {
				return nil, err
			}
		}
		return r.Answer(), nil
	}))
}
