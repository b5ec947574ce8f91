package ociplugin

import (
	"context"
	"net/url"
	"strings"
)

// kind says how the properties of a resource type map to OCI's REST API.
//
// Inputs and outputs are property names separated by blanks, "name=rest" where the REST API has another name and "name=rest[]" where it
// has one object and the schema a list. After an input's name "!" means that a change replaces the resource, "-" that leaving it out
// empties it (others keep their value, as the schema calls them computed), "*" that it is no part of a request's body.
//
// Paths of nested properties carry no list indices: "routeRules.destination".
type kind struct {
	token   string
	client  string
	path    string // of the collection, with {properties}
	id      string // the resource's id, default "{id}", REST's own
	item    string // of the resource, default path and the last segment of id
	entity  string // how work requests call it; empty if it has none
	inputs  string
	outputs string

	importID     string // the id to import by, default id
	updateByPost bool   // as Object Storage does
	adopts       string // the property that names an existing thing to adopt: a VCN's default resources
	createQuery  map[string]string
	deleteQuery  map[string]string
	defaults     map[string]any

	names   map[string]string // nested property to REST name, relative to its parent; may be dotted
	replace []string          // nested properties whose change replaces the resource
	sets    []string          // lists whose order does not matter
	gone    []string          // nested properties that leaving out empties
	omitted []string          // nested properties of REST that the schema lacks
	fixed   []string          // nested properties that an update does not send
	maps    []string          // objects whose keys are the user's own, besides the tags
	numbers []string          // strings here, numbers in REST
	texts   []string          // as numbers, outputs only

	discards      bool     // a creation that fails is deleted, as the official plugin does
	ready         []string // further states that end a wait well
	deleteRetries string   // the code of a 409 that deletion waits out for longer, because something is still going away
	waitMinutes   int      // default 20

	create hook
	read   hook
	update hook
	remove hook

	fields map[string]field
	order  []string
}

// hook does a step of the life cycle that differs from the common one.
type hook func(ctx context.Context, r *step) error

type field struct {
	rest                                     string
	input, replace, clears, local, singleton bool
}

func merge(maps ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

func index(list []kind) map[string]*kind {
	out := make(map[string]*kind, len(list))
	for i := range list {
		k := &list[i]
		k.fields = map[string]field{}
		k.fill()
		if k.id == "" {
			k.id = "{id}"
		}
		if k.item == "" {
			k.item = k.path + "/" + k.id[strings.LastIndex(k.id, "/")+1:]
		}
		if k.importID == "" {
			k.importID = k.id
		}
		out[k.token] = k
	}
	return out
}

func (k *kind) fill() {
	for _, spec := range strings.Fields(k.inputs) {
		k.add(spec, true)
	}
	for _, spec := range strings.Fields(k.outputs) {
		k.add(spec, false)
	}
}

func (k *kind) add(spec string, input bool) {
	name, rest, renamed := strings.Cut(spec, "=")
	f := field{input: input}
	flags := ""
	if i := strings.IndexAny(name, "!-*"); i >= 0 {
		name, flags = name[:i], name[i:]
	}
	if renamed {
		if i := strings.IndexAny(rest, "!-*"); i >= 0 {
			rest, flags = rest[:i], rest[i:]
		}
	} else {
		rest = name
	}
	f.rest, f.singleton = strings.CutSuffix(rest, "[]")
	f.replace = strings.Contains(flags, "!")
	f.clears = strings.Contains(flags, "-")
	f.local = strings.Contains(flags, "*")
	k.fields[name] = f
	k.order = append(k.order, name)
}

// expand fills the {properties} of a path or id.
func expand(template string, vars map[string]any) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(template, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		s, _ := vars[name].(string)
		b.WriteString(url.PathEscape(s))
		template = after
	}
}

// parse is the inverse of expand; ok says whether text has the template's form.
func parse(template, text string) (vars map[string]any, ok bool) {
	want, have := strings.Split(template, "/"), strings.Split(text, "/")
	if len(want) != len(have) {
		return nil, false
	}
	vars = map[string]any{}
	for i, w := range want {
		if name, isVar := strings.CutPrefix(w, "{"); isVar {
			s, err := url.PathUnescape(have[i])
			if err != nil || s == "" {
				return nil, false
			}
			vars[strings.TrimSuffix(name, "}")] = s
		} else if w != have[i] {
			return nil, false
		}
	}
	return vars, true
}
