package ociplugin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/local/provider/value"
)

// body is the request that creates or updates the resource with the given inputs.
func (k *kind) body(inputs map[string]any, update bool) map[string]any {
	out := map[string]any{}
	for name, v := range inputs {
		f, ok := k.fields[name]
		if !ok || !f.input || f.local {
			continue
		}
		if name == "definedTags" {
			v = nestTags(v)
		}
		out[f.rest] = k.toREST(name, v, update)
	}
	return out
}

func (k *kind) toREST(path string, v any, update bool) any {
	switch v := v.(type) {
	case map[string]any:
		if k.isFree(path) {
			if strings.HasSuffix(path, "definedTags") && strings.Contains(path, ".") {
				return nestTags(v)
			}
			return v
		}
		out := map[string]any{}
		for name, e := range v {
			p := path + "." + name
			if update && slices.Contains(k.fixed, p) {
				continue
			}
			rest := name
			if r, ok := k.names[p]; ok {
				rest = strings.TrimSuffix(r, "[]")
			}
			put(out, rest, k.toREST(p, e, update))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = k.toREST(path, e, update)
		}
		return out
	case string:
		if slices.Contains(k.numbers, path) {
			if n, err := strconv.ParseInt(v, 10, 64); err == nil {
				return n
			}
		}
	}
	return v
}

// isFree says whether the keys of the object are the user's own.
func (k *kind) isFree(path string) bool {
	last := path[strings.LastIndex(path, ".")+1:]
	switch last {
	case "freeformTags", "definedTags", "systemTags", "nodeMetadata", "securityAttributes":
		return true
	}
	return slices.Contains(k.maps, path)
}

// properties is the resource's state as REST tells it, by the names of the schema.
func (k *kind) properties(doc map[string]any) map[string]any {
	out := map[string]any{}
	for name, f := range k.fields {
		v, ok := doc[f.rest]
		if !ok || v == nil {
			continue
		}
		if name == "definedTags" || name == "systemTags" {
			v = flattenTags(v)
		}
		v = k.fromREST(name, v)
		if f.singleton {
			v = []any{v}
		}
		out[name] = v
	}
	return out
}

func (k *kind) fromREST(path string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if k.isFree(path) {
			if strings.HasSuffix(path, "definedTags") && strings.Contains(path, ".") {
				return flattenTags(v)
			}
			return v
		}
		rest := clone(v)
		out := map[string]any{}
		for p, restName := range k.names {
			if i := strings.LastIndex(p, "."); i < 0 || p[:i] != path {
				continue
			}
			restName, list := strings.CutSuffix(restName, "[]")
			if e := take(rest, restName); e != nil {
				e = k.fromREST(p, e)
				if list {
					e = []any{e}
				}
				out[p[len(path)+1:]] = e
			}
		}
		for name, e := range rest {
			if e != nil && !slices.Contains(k.omitted, path+"."+name) {
				out[name] = k.fromREST(path+"."+name, e)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = k.fromREST(path, e)
		}
		return out
	case float64:
		if slices.Contains(k.numbers, path) || slices.Contains(k.texts, path) {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return v
}

// nestTags makes {"namespace.key": value} the {"namespace": {"key": value}} of REST.
func nestTags(v any) any {
	flat, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for name, e := range flat {
		put(out, name, e)
	}
	return out
}

func flattenTags(v any) any {
	nested, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for namespace, keys := range nested {
		m, _ := keys.(map[string]any)
		for key, e := range m {
			out[namespace+"."+key] = fmt.Sprint(e)
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

// take removes and returns what put set.
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
	inner = clone(inner)
	v := inner[tail]
	delete(inner, tail)
	m[head] = inner
	if len(inner) == 0 {
		delete(m, head)
	}
	return v
}

func clone(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// previewed is the state to expect: what the inputs say, and else unknown.
func (k *kind) previewed(inputs, old map[string]any) map[string]any {
	out := map[string]any{}
	for _, name := range k.order {
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
