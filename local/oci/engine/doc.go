package engine

import "maps"

// Doc is a JSON object: a body, or what clients see of a resource. Resources stay JSON objects and are not decoded into
// structs, because an answer shows exactly the fields that a client has sent, that have a default or that were set: the
// difference between an absent field and its zero value is visible to clients.
type Doc map[string]any

// asDoc accepts both forms that an object can have: written in Go, or decoded by encoding/json.
func asDoc(v any) (Doc, bool) {
	switch v := v.(type) {
	case Doc:
		return v, true
	case map[string]any:
		return v, true
	}
	return nil, false
}

// Get returns the value at a path of fields, or nil if a field of the path is missing.
func (d Doc) Get(path ...string) any {
	var v any = d
	for _, field := range path {
		m, ok := asDoc(v)
		if !ok {
			return nil
		}
		v = m[field]
	}
	return v
}

// Str returns the text at a path; empty if there is none.
func (d Doc) Str(path ...string) string {
	s, _ := d.Get(path...).(string)
	return s
}

// Num returns the number at a path; 0 if there is none.
func (d Doc) Num(path ...string) float64 {
	switch n := d.Get(path...).(type) {
	case float64:
		return n
	case int:
		return float64(n)
	}
	return 0
}

// Flag returns the boolean at a path; false if there is none.
func (d Doc) Flag(path ...string) bool {
	b, _ := d.Get(path...).(bool)
	return b
}

// Sub returns the object at a path, not a copy; nil if there is none.
func (d Doc) Sub(path ...string) Doc {
	m, _ := asDoc(d.Get(path...))
	return m
}

// List returns the list at a path, not a copy; nil if there is none.
func (d Doc) List(path ...string) []any {
	l, _ := d.Get(path...).([]any)
	return l
}

// Texts returns the texts of the list at a path.
func (d Doc) Texts(path ...string) []string {
	var out []string
	for _, v := range d.List(path...) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Objects returns the objects of the list at a path: the list's own, not copies.
func (d Doc) Objects(path ...string) []Doc {
	var out []Doc
	for _, v := range d.List(path...) {
		if m, ok := asDoc(v); ok {
			out = append(out, m)
		}
	}
	return out
}

// Default sets the fields that are absent or null.
func (d Doc) Default(defaults Doc) {
	for field, v := range defaults {
		if d[field] == nil {
			d[field] = Clone(v)
		}
	}
}

// Merge sets all fields of another object.
func (d Doc) Merge(fields Doc) {
	for field, v := range fields {
		d[field] = Clone(v)
	}
}

// Clone returns a deep copy.
func (d Doc) Clone() Doc {
	c, _ := asDoc(Clone(d))
	return c
}

// Clone returns a deep copy of a JSON value.
func Clone(v any) any {
	if d, ok := asDoc(v); ok {
		out := maps.Clone(d)
		for field, e := range out {
			out[field] = Clone(e)
		}
		return out
	}
	if l, ok := v.([]any); ok {
		out := make([]any, len(l))
		for i, e := range l {
			out[i] = Clone(e)
		}
		return out
	}
	return v
}

// List returns the values as a JSON list.
func List[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// dropNulls removes null fields at every depth: the services treat them as absent.
func dropNulls(v any) {
	if d, ok := asDoc(v); ok {
		for field, e := range d {
			if e == nil {
				delete(d, field)
			} else {
				dropNulls(e)
			}
		}
	}
	if l, ok := v.([]any); ok {
		for _, e := range l {
			dropNulls(e)
		}
	}
}
