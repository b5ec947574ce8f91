package ociplugin

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/local/provider/value"
)

// body is the body of the request that creates or updates the resource with the given inputs.
func (m *mapping) body(inputs map[string]any, update bool) map[string]any {
	known := maps.Clone(inputs)
	maps.DeleteFunc(known, func(name string, _ any) bool {
		f, ok := m.inputs[name]
		return !ok || f.notInBody
	})
	return m.inputs.toREST(known, update)
}

// toREST converts an object with these properties to REST's form.
func (fs fields) toREST(object map[string]any, update bool) map[string]any {
	out := map[string]any{}
	for name, v := range object {
		if f := fs[name]; !update || !f.onlyOnCreate {
			put(out, f.restName(name), f.toREST(name, v, update))
		}
	}
	return out
}

func (f field) toREST(name string, v any, update bool) any {
	switch v := v.(type) {
	case map[string]any:
		switch {
		case name == "definedTags":
			return nestTags(v)
		case f.hasUserKeys(name):
			return v
		}
		return f.fields.toREST(v, update)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = f.toREST(name, e, update)
		}
		return out
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); f.number && err == nil {
			return n
		}
	}
	return v
}

// properties converts a resource as REST returns it to the properties of the schema.
func (m *mapping) properties(doc map[string]any) map[string]any {
	out := map[string]any{}
	for name, f := range m.all() {
		if v := doc[f.restName(name)]; v != nil {
			out[name] = f.fromREST(name, v)
		}
	}
	return out
}

// fromREST is the inverse of toREST. What is null, or not in the schema, is left out.
func (fs fields) fromREST(object map[string]any) map[string]any {
	object, out := maps.Clone(object), map[string]any{}
	for name, f := range fs {
		if v := take(object, f.restName(name)); v != nil && !f.restOnly {
			out[name] = f.fromREST(name, v)
		}
	}
	for name, v := range object {
		if v != nil {
			out[name] = field{}.fromREST(name, v)
		}
	}
	return out
}

func (f field) fromREST(name string, v any) any {
	if f.asList {
		f.asList = false
		return []any{f.fromREST(name, v)}
	}
	switch v := v.(type) {
	case map[string]any:
		switch {
		case name == "definedTags", name == "systemTags":
			return flattenTags(v)
		case f.hasUserKeys(name):
			return v
		}
		return f.fields.fromREST(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = f.fromREST(name, e)
		}
		if f.set {
			slices.SortFunc(out, bySetOrder)
		}
		return out
	case float64:
		if f.number {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return v
}

// bySetOrder orders the elements of a set as the official plugin does: by their quoted values, attribute by attribute
// in the order of the names (hashicorp/go-cty v1.5.0, Less).
func bySetOrder(a, b any) int { return strings.Compare(fmt.Sprintf("%q", a), fmt.Sprintf("%q", b)) }

// nestTags makes {"namespace.key": value} the {"namespace": {"key": value}} of REST.
func nestTags(flat map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range flat {
		put(out, name, v)
	}
	return out
}

func flattenTags(nested map[string]any) map[string]any {
	out := map[string]any{}
	for namespace, keys := range nested {
		m, _ := keys.(map[string]any)
		for key, v := range m {
			out[namespace+"."+key] = fmt.Sprint(v)
		}
	}
	return out
}

// put sets the value at a path of at most two segments.
func put(m map[string]any, path string, v any) {
	head, tail, nested := strings.Cut(path, ".")
	if !nested {
		m[head] = v
		return
	}
	inner, _ := m[head].(map[string]any)
	if inner == nil {
		inner = map[string]any{}
		m[head] = inner
	}
	inner[tail] = v
}

// take removes and returns the value at a path of at most two segments. It changes m, but not what m holds.
func take(m map[string]any, path string) any {
	head, tail, nested := strings.Cut(path, ".")
	if !nested {
		v := m[head]
		delete(m, head)
		return v
	}
	inner, ok := m[head].(map[string]any)
	if !ok {
		return nil
	}
	inner = maps.Clone(inner)
	v := inner[tail]
	delete(inner, tail)
	m[head] = inner
	if len(inner) == 0 {
		delete(m, head)
	}
	return v
}

// previewed is the state that a step is expected to lead to. For a creation, which has no old state, what the inputs do
// not say is unknown.
func (m *mapping) previewed(inputs, old map[string]any) map[string]any {
	out := map[string]any{}
	for name := range m.all() {
		if v, ok := inputs[name]; ok {
			out[name] = v
		} else if v, ok := old[name]; ok {
			out[name] = v
		} else if old == nil {
			out[name] = value.Unknown{}
		}
	}
	return out
}
