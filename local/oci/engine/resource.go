package engine

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// Resource is one resource of the local cloud.
type Resource struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Seq  int64  `json:"seq"` // order of creation, which is the order of lists
	Rev  int64  `json:"rev"` // number of changes, for the etag
	Doc  Doc    `json:"doc"` // what clients see
	// Work is the OCID of the work request in progress; empty: there is none.
	Work string `json:"work,omitempty"`
	// Private is what the service remembers and does not show: a pointer to the type that the kind declares.
	// Read it by the function Private.
	Private any `json:"private,omitempty"`
	// Removed is when the resource reached its terminal state. It still answers GET for a while.
	Removed *time.Time `json:"removed,omitempty"`

	encoded json.RawMessage // as in the snapshot; renewed by each change
}

// Private returns what the service remembers of a resource, to read or, after Edit, to change. It panics when the kind
// declares another type: a defect of the service's package, which its first test shows.
func Private[T any](r *Resource) *T {
	p, ok := r.Private.(*T)
	if !ok {
		panic(fmt.Sprintf("the kind %s declares private state of type %T, not %T", r.Kind, r.Private, p))
	}
	return p
}

// PrivateState is a Kind's declaration of the type that Private returns.
type PrivateState func() any

// PrivateOf declares that a kind's private state is a T.
func PrivateOf[T any]() PrivateState { return func() any { return new(T) } }

// State returns the life cycle's state.
func (r *Resource) State() string { return r.Doc.Str("lifecycleState") }

// SetState sets the life cycle's state.
func (r *Resource) SetState(state string) { r.Doc["lifecycleState"] = state }

// Etag changes with every change of the resource.
func (r *Resource) Etag() string { return fmt.Sprintf("%s-%d", r.ID[len(r.ID)-8:], r.Rev) }

// CheckIdle refuses a second work request about the resource at the same time.
func (r *Resource) CheckIdle() error {
	if r.Work != "" {
		return Conflict("%s has a work request in progress: %s", r.ID, r.Work)
	}
	return nil
}

func (r *Resource) clone() (*Resource, error) {
	c := *r
	c.Doc = r.Doc.Clone()
	if r.Private == nil {
		return &c, nil
	}
	c.Private = reflect.New(reflect.TypeOf(r.Private).Elem()).Interface()
	data, err := json.Marshal(r.Private)
	if err == nil {
		err = json.Unmarshal(data, c.Private)
	}
	return &c, err
}
