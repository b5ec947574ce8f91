package ociplugin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/local/provider/value"
)

// change is a property whose wanted value is not the present one.
type change struct {
	path     string // "options.serviceLbSubnetIds", "freeformTags[\"project\"]"
	gone     bool
	added    bool
	replaces bool
}

// top is the name of the property that holds the change.
func (c change) top() string {
	return c.path[:strings.IndexAny(c.path+".", ".[")]
}

// diff compares the wanted inputs with the present state. What the inputs do not mention keeps its value, unless leaving it out empties it.
func (k *kind) diff(inputs, state map[string]any) []change {
	var out []change
	for _, name := range k.order {
		f := k.fields[name]
		want, wanted := inputs[name]
		have, present := state[name]
		switch {
		case !f.input:
		case !wanted:
			if f.clears && !isEmpty(have) {
				out = append(out, change{path: name, gone: true})
			}
		case !present:
			if !isEmpty(want) {
				out = append(out, change{path: name, added: true})
			}
		default:
			k.compare(name, want, have, &out)
		}
	}
	for i := range out {
		c := &out[i]
		c.replaces = k.fields[c.top()].replace
		for _, p := range k.replace {
			c.replaces = c.replaces || c.path == p || strings.HasPrefix(c.path, p+".")
		}
	}
	return out
}

func (k *kind) compare(path string, want, have any, out *[]change) {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			*out = append(*out, change{path: path})
			return
		}
		free := k.isFree(path)
		for _, name := range sortedKeys(w) {
			p := child(path, name, free)
			if e, ok := h[name]; ok {
				k.compare(p, w[name], e, out)
			} else if free || !isEmpty(w[name]) {
				*out = append(*out, change{path: p, added: true})
			}
		}
		for _, name := range sortedKeys(h) {
			p := child(path, name, free)
			if _, ok := w[name]; !ok && (free || slices.Contains(k.gone, p)) && !(isEmpty(h[name]) && !free) {
				*out = append(*out, change{path: p, gone: true})
			}
		}
	case []any:
		h, ok := have.([]any)
		if !ok || len(w) != len(h) || !k.sameElements(path, w, h) {
			*out = append(*out, change{path: path})
		}
	default:
		if !k.sameScalar(path, want, have) {
			*out = append(*out, change{path: path})
		}
	}
}

func child(path, name string, free bool) string {
	if free {
		return path + "[" + strconv.Quote(name) + "]"
	}
	return path + "." + name
}

func (k *kind) same(path string, want, have any) bool {
	var changes []change
	k.compare(path, want, have, &changes)
	return len(changes) == 0
}

func (k *kind) sameElements(path string, want, have []any) bool {
	if !slices.Contains(k.sets, path) {
		for i := range want {
			if !k.same(path, want[i], have[i]) {
				return false
			}
		}
		return true
	}
	used := make([]bool, len(have))
	for _, w := range want {
		found := false
		for i, h := range have {
			if !used[i] && k.same(path, w, h) {
				used[i], found = true, true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// The service does not distinguish the case of these.
var foldedNames = []string{"availabilityDomain", "cniType", "dnsLabel", "sourceType"}

func (k *kind) sameScalar(path string, want, have any) bool {
	if _, unknown := want.(value.Unknown); unknown {
		return false
	}
	w, h := fmt.Sprint(want), fmt.Sprint(have)
	return w == h || strings.EqualFold(w, h) && slices.Contains(foldedNames, path[strings.LastIndex(path, ".")+1:])
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	case string:
		return v == ""
	case bool:
		return !v
	}
	return false
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
