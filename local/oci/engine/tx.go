package engine

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Tx is one transaction. All of its changes are made and saved, or none.
type Tx struct {
	Now time.Time // in UTC

	e       *Engine
	changed map[string]*Resource
	retries map[string]*retry
	added   []*task
	done    []int64
	err     error // of a change that returns none; fails the commit
}

// View runs f with the store locked. f must not change anything.
func (e *Engine) View(f func(*Tx) error) error {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	return f(e.newTx())
}

// Update runs f with the store locked, and commits its changes unless it fails.
func (e *Engine) Update(f func(*Tx) error) error {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	t := e.newTx()
	if err := f(t); err != nil {
		return err
	}
	return t.commit()
}

func (e *Engine) newTx() *Tx {
	return &Tx{e: e, Now: time.Now().UTC(), changed: map[string]*Resource{}, retries: map[string]*retry{}}
}

func (t *Tx) commit() error {
	if t.err != nil {
		return t.err
	}
	if len(t.changed) == 0 && len(t.added) == 0 && len(t.done) == 0 && len(t.retries) == 0 {
		return nil
	}
	if err := t.e.store.apply(t); err != nil {
		return err
	}
	if len(t.added) > 0 || len(t.done) > 0 {
		t.e.wake()
	}
	if len(t.changed) > 0 {
		notify(t.e.changed)
	}
	return nil
}

// Find returns the resource, which the store owns, to read; or nil.
func (t *Tx) Find(id string) *Resource {
	if r, ok := t.changed[id]; ok {
		return r
	}
	return t.e.store.resources[id]
}

// Edit returns the resource to change; or nil. The change is part of the transaction.
func (t *Tx) Edit(id string) *Resource {
	if r, ok := t.changed[id]; ok {
		return r
	}
	r := t.e.store.resources[id]
	if r == nil {
		return nil
	}
	c, err := r.clone()
	if err != nil {
		t.err = err
	}
	c.Rev++
	t.changed[id] = c
	return c
}

// Add stores a new resource as it is. Insert is for kinds that have the fields of every resource.
func (t *Tx) Add(kind, id string, doc Doc) *Resource { return t.add(t.e.kinds[kind], id, doc) }

func (t *Tx) add(k *Kind, id string, doc Doc) *Resource {
	t.e.store.seq++
	r := &Resource{Kind: k.Name, ID: id, Seq: t.e.store.seq, Rev: 1, Doc: doc}
	if k.Private != nil {
		r.Private = k.Private()
	}
	t.changed[id] = r
	return r
}

// All returns the resources of a kind that exist and match all conditions, oldest first. The store owns them: to change
// one, call Edit.
func (t *Tx) All(kind string, match ...func(*Resource) bool) []*Resource {
	exists := func(r *Resource) bool { return r.Removed == nil }
	return t.AllWithRemoved(kind, append(match, exists)...)
}

// AllWithRemoved is All with the resources that were removed a while ago: work requests that have ended, say.
func (t *Tx) AllWithRemoved(kind string, match ...func(*Resource) bool) []*Resource {
	return t.list(func(r *Resource) bool {
		return r.Kind == kind && !slices.ContainsFunc(match, func(m func(*Resource) bool) bool { return !m(r) })
	})
}

// list returns the resources that match, removed ones too, oldest first.
func (t *Tx) list(match func(*Resource) bool) []*Resource {
	out := t.e.store.sorted(func(r *Resource) bool { return t.changed[r.ID] == nil && match(r) })
	for _, r := range t.changed {
		if match(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, bySeq)
	return out
}

// With matches resources by the text of a field.
func With(field, value string) func(*Resource) bool {
	return func(r *Resource) bool { return r.Doc.Str(field) == value }
}

// Named returns the resource of that kind, also when it was removed a while ago; or the service's 404.
func (t *Tx) Named(kind, id string) (*Resource, error) {
	if r := t.Find(id); r != nil && r.Kind == kind {
		return r, nil
	}
	return nil, NotFound(id)
}

// Live returns the resource that a body's field names. It refuses one of another kind, deleted or being deleted.
func (t *Tx) Live(kind, field, id string) (*Resource, error) {
	if !strings.HasPrefix(id, "ocid1."+kind+".") {
		return nil, Invalid("%s: %q is no OCID of a %s", field, id, kind)
	}
	r := t.Find(id)
	if r == nil || r.Kind != kind || r.Removed != nil || r.State() == t.e.kinds[kind].States.Deleting {
		return nil, RelatedNotFound(field, id)
	}
	return r, nil
}

// Insert stores a new resource. It fills in the fields that every resource has: OCID (unless the document has one),
// name, tags, time and state; and it drops those that the kind's model lacks. The creation ends after Kind.CreateTime,
// or with Kind.Async by a task of the kind's own.
func (t *Tx) Insert(kind string, doc Doc) (*Resource, error) {
	k := t.e.kinds[kind]
	return t.insert(k, doc, k.CreateTime)
}

// InsertLive is Insert without the time of the creation: for what comes into being with another resource.
func (t *Tx) InsertLive(kind string, doc Doc) (*Resource, error) {
	return t.insert(t.e.kinds[kind], doc, 0)
}

func (t *Tx) insert(k *Kind, doc Doc, takes time.Duration) (*Resource, error) {
	if doc["id"] == nil {
		doc["id"] = k.newOCID()
	}
	id := doc.Str("id")
	doc.Default(Doc{
		k.nameField(): k.Name + t.Now.Format("20060102150405"), "freeformTags": Doc{}, "definedTags": Doc{},
		// Without it the official provider sees a change at every preview.
		"systemTags": Doc{},
	})
	doc["timeCreated"] = Timestamp(t.Now)
	doc["lifecycleState"] = k.States.Live
	if takes > 0 || k.Async {
		doc["lifecycleState"] = k.States.Creating
	}
	maps.DeleteFunc(doc, func(field string, _ any) bool { return !k.has(field) })
	r := t.add(k, id, doc)
	if takes > 0 {
		taskCreated.After(t, takes, id, none{})
	}
	if k.Created != nil {
		return r, k.Created(t, r)
	}
	return r, nil
}

// Remove ends the life of a resource from Edit: it takes the terminal state, and the kind's and other services' Removed
// functions run.
func (t *Tx) Remove(r *Resource) error {
	k := t.e.kinds[r.Kind]
	if k.States.Deleted != "" {
		r.SetState(k.States.Deleted)
	}
	now := t.Now
	r.Removed = &now
	for _, f := range append([]func(*Tx, *Resource) error{k.Removed}, t.e.removed[r.Kind]...) {
		if f == nil {
			continue
		}
		if err := f(t, r); err != nil {
			return err
		}
	}
	return nil
}

// RemoveAll removes resources from All.
func (t *Tx) RemoveAll(resources []*Resource) error {
	for _, r := range resources {
		if err := t.Remove(t.Edit(r.ID)); err != nil {
			return err
		}
	}
	return nil
}
