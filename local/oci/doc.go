package oci

import "maps"

// object is a JSON object as encoding/json decodes it.
type object = map[string]any

// dig walks nested objects; nil when a step is missing.
func dig(o object, path ...string) any {
	var v any = o
	for _, step := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[step]
	}
	return v
}

func str(o object, path ...string) string {
	s, _ := dig(o, path...).(string)
	return s
}

func num(o object, path ...string) float64 {
	switch n := dig(o, path...).(type) {
	case float64:
		return n
	case int:
		return float64(n)
	}
	return 0
}

func flag(o object, path ...string) bool {
	b, _ := dig(o, path...).(bool)
	return b
}

func sub(o object, path ...string) object {
	m, _ := dig(o, path...).(map[string]any)
	return m
}

func list(o object, path ...string) []any {
	l, _ := dig(o, path...).([]any)
	return l
}

// texts returns the strings of a list.
func texts(o object, path ...string) []string {
	var out []string
	for _, v := range list(o, path...) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// objects returns the objects of a list; they are the list's own, not copies.
func objects(o object, path ...string) []object {
	var out []object
	for _, v := range list(o, path...) {
		if m, ok := v.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func anys[T any](in []T) []any {
	out := make([]any, len(in))
	for i, v := range in {
		out[i] = v
	}
	return out
}

// orDefault sets fields that are absent or null.
func orDefault(o, defaults object) {
	for k, v := range defaults {
		if o[k] == nil {
			o[k] = clone(v)
		}
	}
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := maps.Clone(v)
		for k, e := range out {
			out[k] = clone(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = clone(e)
		}
		return out
	}
	return v
}

// dropNulls removes null fields, at every depth: for the service they are absent.
func dropNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e == nil {
				delete(v, k)
			} else {
				v[k] = dropNulls(e)
			}
		}
	case []any:
		for i, e := range v {
			v[i] = dropNulls(e)
		}
	}
	return v
}
