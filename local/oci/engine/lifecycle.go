package engine

import (
	"fmt"
	"net/http"
	"slices"
)

// Create stores a new resource made from the body, and starts its life cycle.
func (c *Call) Create(kind string) (*Resource, error) {
	k, doc := c.e.kinds[kind], c.Body
	doc.Default(k.Defaults)
	doc["id"] = k.newOCID()
	if k.OnCreate != nil {
		if err := k.OnCreate(c, doc); err != nil {
			return nil, err
		}
	}
	if err := k.check(c.Tx, doc); err != nil {
		return nil, err
	}
	if n, limited := c.e.limits[kind]; limited && len(c.All(kind)) >= n {
		return nil, exceeded(c.e.limitName(kind))
	}
	return c.Insert(kind, doc)
}

// OnNamed makes a handler of the resource that the path names.
func OnNamed(kind string, h ResourceHandler) Handler {
	return func(c *Call) (*Answer, error) {
		r, err := c.Named(kind, c.ID())
		if err != nil {
			return nil, err
		}
		return h(c, r)
	}
}

// OnChangeable makes a handler that changes the resource that the path names; see Changeable.
func OnChangeable(kind string, h ResourceHandler, states ...string) Handler {
	return func(c *Call) (*Answer, error) {
		r, err := c.Changeable(kind, states...)
		if err != nil {
			return nil, err
		}
		return h(c, r)
	}
}

// Changeable returns the resource of the path to change, if it can be changed now: it exists, its etag is the one in
// if-match, no work request about it is in progress, and it is in one of the states; without any, it is neither being
// created nor deleted.
func (c *Call) Changeable(kind string, states ...string) (*Resource, error) {
	k := c.e.kinds[kind]
	r, err := c.Named(kind, c.ID())
	if err != nil {
		return nil, err
	}
	if r.Removed != nil {
		return nil, NotFound(r.ID)
	}
	if err := c.MatchEtag(r); err != nil {
		return nil, err
	}
	if err := r.CheckIdle(); err != nil {
		return nil, err
	}
	state := r.State()
	allowed := slices.Contains(states, state)
	if len(states) == 0 {
		allowed = state != k.States.Creating && state != k.States.Deleting
	}
	if !allowed {
		return nil, k.wrongState(r)
	}
	return c.Edit(r.ID), nil
}

func (k *Kind) wrongState(r *Resource) error {
	name, refuse := r.ID, IncorrectState
	if k.Title != "" {
		name = fmt.Sprintf("the %s %s", k.Title, r.ID)
	}
	if k.WrongState != nil {
		refuse = k.WrongState
	}
	return refuse("%s is %s", name, r.State())
}

// Update puts the body's fields into the resource of the path.
func (c *Call) Update(kind string) (*Resource, error) {
	k := c.e.kinds[kind]
	r, err := c.Changeable(kind)
	if err != nil {
		return nil, err
	}
	old := r.Doc.Clone()
	for field, v := range c.Body {
		if k.has(field) {
			r.Doc[field] = v
		}
	}
	if k.OnUpdate != nil {
		if err := k.OnUpdate(c, old, r.Doc); err != nil {
			return nil, err
		}
	}
	return r, k.check(c.Tx, r.Doc)
}

func (k *Kind) check(t *Tx, doc Doc) error {
	if k.Check == nil {
		return nil
	}
	return k.Check(t, doc)
}

// delete starts the deletion of the resource of the path.
func (c *Call) delete(k *Kind) (*Answer, error) {
	r, err := c.startDelete(k)
	if err != nil {
		return nil, err
	}
	if k.DeleteTime == 0 {
		err = c.Remove(r)
	} else {
		taskDeleted.After(c.Tx, k.DeleteTime, r.ID, none{})
	}
	return &Answer{Status: http.StatusNoContent}, err
}

// startDelete puts the resource of the path into the state of deletion, unless the kind refuses.
func (c *Call) startDelete(k *Kind) (*Resource, error) {
	r, err := c.Changeable(k.Name)
	if err != nil {
		return nil, err
	}
	if k.OnDelete != nil {
		if err := k.OnDelete(c.Tx, r); err != nil {
			return nil, err
		}
	}
	r.SetState(k.States.Deleting)
	return r, nil
}

// Tasks that end a creation and a deletion which only take their time.
const (
	taskCreated Task[none] = "created"
	taskDeleted Task[none] = "deleted"
)

func (e *Engine) addKindTasks() {
	taskCreated.OnDue(e, func(t *Tx, target string, _ none) error {
		r := t.Find(target)
		if r == nil {
			return nil
		}
		if states := t.e.kinds[r.Kind].States; r.State() == states.Creating {
			t.Edit(target).SetState(states.Live)
		}
		return nil
	})
	taskDeleted.OnDue(e, func(t *Tx, target string, _ none) error {
		if r := t.Edit(target); r != nil && r.Removed == nil {
			return t.Remove(r)
		}
		return nil
	})
}
