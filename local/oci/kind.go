package oci

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/oci/schema"
)

// kind describes one kind of resource; the engine in this file does the rest.
type kind struct {
	name          string   // as the inventory shows it: the OCID's second part
	path          string   // of the collection, "/20160918/vcns"
	create        string   // model of the body of POST; empty: cannot be created by a request
	update        string   // model of the body of PUT; empty: cannot be updated
	model         string   // of an answer; what the body holds beyond it is not kept
	filters       []string // query parameters of the list that select by a field's value, beyond those that every kind has
	within        string   // the field, and the wildcard of the path, that hold the parent's OCID, if there is one
	anywhere      bool     // its list is not of one compartment
	states        states
	made, deleted time.Duration // the real service's usual durations; 0: at once
	slow          bool          // the creation ends by a task of the kind's own, not after a time
	defaults      object        // fields of the body that the service fills in
	// Hooks, each optional. They refuse by an error and change doc or the store otherwise.
	onCreate func(*call, object) error // the body with defaults; may add what the service sets
	created  func(*tx, *resource) error
	onUpdate func(c *call, old, doc object) error // doc: old with the body's fields put in
	onDelete func(*tx, *resource) error
	removed  func(*tx, *resource) error // when the terminal state is reached
	summary  func(object) object        // an item of the list, if it is not the whole document
	nameKey  string                     // "name" where a display name is called so; default "displayName"
}

// states are the names of a life cycle's states. Without a name for the last, the resource is not shown any more then.
type states struct{ creating, live, deleting, dead string }

var coreStates = states{"PROVISIONING", "AVAILABLE", "TERMINATING", "TERMINATED"}

func (k *kind) nameField() string {
	if k.nameKey != "" {
		return k.nameKey
	}
	return "displayName"
}

// has says whether answers of the kind have the field.
func (k *kind) has(field string) bool { return k.model == "" || schema.Has(k.model, field) }

// serveKind registers a kind and the routes of its collection.
func (s *Server) serveKind(k *kind) {
	s.kinds[k.name] = k
	if k.create != "" {
		s.route("POST "+k.path, k.create, func(c *call) (*answer, error) { return c.createKind(k) })
	}
	s.route("GET "+k.path, "", func(c *call) (*answer, error) { return c.listKind(k) })
	s.route("GET "+k.path+"/{id}", "", func(c *call) (*answer, error) {
		r, err := c.named(k.name, c.id())
		if err != nil {
			return nil, err
		}
		if r.Gone != nil && k.states.dead == "" {
			return nil, noSuch(r.ID) // the service has no state to tell of it
		}
		return c.answerOf(r), nil
	})
	if k.update != "" {
		s.route("PUT "+k.path+"/{id}", k.update, func(c *call) (*answer, error) { return c.updateKind(k) })
	}
	if k.create != "" {
		s.route("DELETE "+k.path+"/{id}", "", func(c *call) (*answer, error) { return c.deleteKind(k) })
		s.route("POST "+k.path+"/{id}/actions/changeCompartment", "", func(c *call) (*answer, error) {
			return nil, notImplemented("the local cloud has one compartment")
		})
	}
}

// named returns the resource of that kind, or the service's 404.
func (t *tx) named(kind, id string) (*resource, error) {
	if r := t.find(id); r != nil && r.Kind == kind {
		return r, nil
	}
	return nil, noSuch(id)
}

// live returns a resource that a body's field names, if it is of that kind and neither deleted nor being deleted.
func (t *tx) live(kind, field, id string) (*resource, error) {
	if !strings.HasPrefix(id, "ocid1."+kind+".") {
		return nil, invalid("%s: %q is no OCID of a %s", field, id, kind)
	}
	r := t.find(id)
	if r == nil || r.Kind != kind || r.Gone != nil || r.state() == t.s.kinds[kind].states.deleting {
		return nil, noSuchRelated(field, id)
	}
	return r, nil
}

func (t *tx) answerOf(r *resource) *answer {
	return &answer{Header: map[string]string{"etag": r.etag()}, Body: r.Doc}
}

func (c *call) createKind(k *kind) (*answer, error) {
	r, err := c.make(k, c.body)
	if err != nil {
		return nil, err
	}
	a := c.answerOf(r)
	a.made = r.ID
	return a, nil
}

// make adds a resource made from a create body, and starts its life cycle.
func (c *call) make(k *kind, doc object) (*resource, error) {
	orDefault(doc, k.defaults)
	id := newOCID(k.name)
	doc["id"] = id
	if k.onCreate != nil {
		if err := k.onCreate(c, doc); err != nil {
			return nil, err
		}
	}
	if err := c.limit(k.name); err != nil {
		return nil, err
	}
	for field := range doc {
		if !k.has(field) {
			delete(doc, field)
		}
	}
	return c.born(k, doc)
}

// born adds a resource whose document is complete but for what every resource has.
func (t *tx) born(k *kind, doc object) (*resource, error) {
	id := str(doc, "id")
	// Without systemTags the official provider sees a change at every preview of those that have them.
	orDefault(doc, object{k.nameField(): defaultName(k.name, t.now), "freeformTags": object{}, "definedTags": object{}, "systemTags": object{}})
	doc["timeCreated"] = stamp(t.now)
	doc["lifecycleState"] = k.states.live
	if k.made > 0 || k.slow {
		doc["lifecycleState"] = k.states.creating
	}
	for _, field := range []string{"id", "timeCreated", "lifecycleState", "freeformTags", "definedTags", "systemTags", k.nameField()} {
		if !k.has(field) {
			delete(doc, field)
		}
	}
	r := t.add(k.name, id, doc)
	if k.made > 0 {
		t.later(k.made, "settle", id, nil)
	}
	if k.created != nil {
		return r, k.created(t, r)
	}
	return r, nil
}

// settle ends a creation.
func settle(t *tx, k *task) error {
	if r := t.find(k.Target); r != nil && r.state() == t.s.kinds[r.Kind].states.creating {
		t.edit(k.Target).Doc["lifecycleState"] = t.s.kinds[r.Kind].states.live
	}
	return nil
}

func (c *call) updateKind(k *kind) (*answer, error) {
	r, err := c.changeable(k)
	if err != nil {
		return nil, err
	}
	old, _ := clone(r.Doc).(map[string]any)
	r = c.edit(r.ID)
	for field, v := range c.body {
		if k.has(field) {
			r.Doc[field] = v
		}
	}
	if k.onUpdate != nil {
		if err := k.onUpdate(c, old, r.Doc); err != nil {
			return nil, err
		}
	}
	return c.answerOf(r), nil
}

// changeable returns the resource of the path if it can be changed now.
func (c *call) changeable(k *kind) (*resource, error) {
	r, err := c.named(k.name, c.id())
	if err != nil {
		return nil, err
	}
	if r.Gone != nil {
		return nil, noSuch(r.ID)
	}
	if err := c.match(r); err != nil {
		return nil, err
	}
	if state := r.state(); state == k.states.creating || state == k.states.deleting {
		return nil, incorrectState("%s is %s", r.ID, state)
	}
	return r, nil
}

func (c *call) deleteKind(k *kind) (*answer, error) {
	r, err := c.changeable(k)
	if err != nil {
		return nil, err
	}
	if err := c.destroy(r.ID); err != nil {
		return nil, err
	}
	return &answer{Status: http.StatusNoContent}, nil
}

// destroy begins the end of a resource's life, unless its kind refuses.
func (t *tx) destroy(id string) error {
	r := t.edit(id)
	k := t.s.kinds[r.Kind]
	if k.onDelete != nil {
		if err := k.onDelete(t, r); err != nil {
			return err
		}
	}
	if k.deleted == 0 {
		return t.bury(r)
	}
	r.Doc["lifecycleState"] = k.states.deleting
	t.later(k.deleted, "remove", id, nil)
	return nil
}

// remove ends a deletion.
func remove(t *tx, k *task) error {
	if r := t.edit(k.Target); r != nil && r.Gone == nil {
		return t.bury(r)
	}
	return nil
}

func (t *tx) bury(r *resource) error {
	k := t.s.kinds[r.Kind]
	if k.states.dead != "" {
		r.Doc["lifecycleState"] = k.states.dead
	}
	now := t.now
	r.Gone = &now
	if k.removed != nil {
		return k.removed(t, r)
	}
	return nil
}

// everyList are query parameters that say nothing about which items to return, or that other code reads.
var everyList = []string{"compartmentId", "limit", "page", "sortBy", "sortOrder", "compartmentIdInSubtree", "isCompartmentIdInSubtree", "detail"}

func (c *call) listKind(k *kind) (*answer, error) {
	if k.within == "" && !k.anywhere && c.query.Get("compartmentId") == "" {
		return nil, missingParameter("compartmentId")
	}
	filters := append([]string{k.nameField(), "lifecycleState"}, k.filters...)
	for q := range c.query {
		if !slices.Contains(filters, q) && !slices.Contains(everyList, q) {
			return nil, invalid("%s is not a parameter of this list", q)
		}
	}
	keep := func(r *resource) bool {
		for _, f := range filters {
			if c.query.Has(f) && !slices.Contains(c.query[f], fmt.Sprint(r.Doc[f])) {
				return false
			}
		}
		if k.within != "" {
			return str(r.Doc, k.within) == c.req.PathValue(k.within)
		}
		return k.anywhere || str(r.Doc, "compartmentId") == c.query.Get("compartmentId")
	}
	var items []any
	found := c.all(k.name, keep)
	sortBy(found, k.nameField(), c.query)
	for _, r := range found {
		item := r.Doc
		if k.summary != nil {
			item = k.summary(item)
		}
		items = append(items, item)
	}
	return c.page(items)
}

// sortBy orders a list: by default newest first, as the service does.
func sortBy(found []*resource, nameKey string, query url.Values) {
	order := query.Get("sortOrder")
	switch by := query.Get("sortBy"); by {
	case "DISPLAYNAME", "NAME", "displayName", "name":
		slices.SortStableFunc(found, func(a, b *resource) int { return strings.Compare(str(a.Doc, nameKey), str(b.Doc, nameKey)) })
		if order == "DESC" {
			slices.Reverse(found)
		}
	default:
		if order != "ASC" {
			slices.Reverse(found)
		}
	}
}

// stamp writes a time as the services do.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func defaultName(kind string, now time.Time) string { return kind + now.Format("20060102150405") }
