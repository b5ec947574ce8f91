package ociplugin

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"oke-guestbook/catalog"
)

// mapping says how the properties of a kind map to OCI's REST API, and how its life cycle differs from the common one.
type mapping struct {
	catalog.Kind
	inputs  fields // without the tags: catalog.Kind.Taggable stands for them
	outputs fields

	idField       string   // of answers, with the OCID; default "id"
	updateByPost  bool     // as Object Storage does
	readsFirst    bool     // the state of a resource whose creation fails is what was read when that began, or its inputs
	deletesFailed bool     // a resource whose creation failed is deleted, and stays in the state
	ready         []string // further states that end a wait well
	deleteRetries string   // the code of a 409 that a deletion retries for longer: something else is still being deleted
	waitMinutes   int      // limit of each wait; default 20

	create, read, update, remove hook // each optional
}

// hook replaces a step of the common life cycle.
type hook func(ctx context.Context, r *step) error

// fields are properties by their names in the official plugin's schema.
type fields map[string]field

// field says how a property maps to REST. The zero value stands for one of the same name and form.
type field struct {
	rest         string // its name in REST if that differs; "object.field" for a field of an object
	fields       fields // of an object, or of a list's objects; only those that differ
	byDefault    any    // the value of an input that the program leaves out
	clears       bool   // leaving it out empties it; others keep their values (optional and computed in Terraform)
	notInBody    bool   // an input that is no part of a request's body; the state keeps it
	inCreation   string // its name in the body of the creation, which no answer repeats
	deleteQuery  string // the query parameter of the deletion that takes it
	onlyOnCreate bool   // an update does not send it
	asList       bool   // a list of one element, and an object in REST
	set          bool   // a list whose order does not matter
	number       bool   // a string, and a number in REST
	userKeys     bool   // an object whose keys the user chooses; tags and the like are known by their names
	restOnly     bool   // REST has it, the schema does not
}

// userKeyed are the names of objects whose keys the user chooses, wherever they stand.
var userKeyed = []string{"definedTags", "freeformTags", "nodeMetadata", "securityAttributes", "systemTags"}

func (f field) hasUserKeys(name string) bool {
	return f.userKeys || slices.Contains(userKeyed, name)
}

func (f field) restName(name string) string { return cmp.Or(f.rest, name) }

// all are the inputs and the outputs.
func (m *mapping) all() fields {
	all := fields{}
	maps.Copy(all, m.inputs)
	maps.Copy(all, m.outputs)
	return all
}

// complete adds to the mappings, which are by token, what the catalogue says.
func complete(mappings map[string]*mapping) map[string]*mapping {
	for token, m := range mappings {
		k, ok := catalog.Lookup(token)
		if !ok {
			panic(fmt.Sprintf("the catalogue has no %s", token)) // at start, so that the first test finds it
		}
		m.Kind = k
		if k.Taggable {
			m.inputs["definedTags"], m.inputs["freeformTags"] = field{}, field{}
		}
	}
	return mappings
}
