package ociplugin

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/local/provider/value"
)

// change is a difference between a property's wanted and its present value.
type change struct {
	path           string // "options.serviceLbSubnetIds", "freeformTags[\"project\"]"
	added, removed bool
	replaces       bool
}

// input is the name of the input that holds the change.
func (c change) input() string {
	return c.path[:strings.IndexAny(c.path+".", ".[")]
}

// diff compares the wanted inputs with the present state. An input that is left out keeps its value, unless that
// empties it.
func (m *mapping) diff(inputs, state map[string]any) []change {
	var out []change
	for _, name := range slices.Sorted(maps.Keys(m.inputs)) {
		f := m.inputs[name]
		want, wanted := inputs[name]
		have, present := state[name]
		switch {
		case !wanted:
			if f.clears && !isEmpty(have) {
				out = append(out, change{path: name, removed: true})
			}
		case !present:
			if !isEmpty(want) {
				out = append(out, change{path: name, added: true})
			}
		default:
			out = append(out, f.compare(name, want, have)...)
		}
	}
	for i := range out {
		out[i].replaces = m.ForceNew.Contains(out[i].path)
	}
	return out
}

func (f field) compare(path string, want, have any) []change {
	changed := []change{{path: path}}
	switch w := want.(type) {
	case map[string]any:
		if h, ok := have.(map[string]any); ok {
			return f.compareObjects(path, w, h)
		}
		return changed
	case []any:
		if h, ok := have.([]any); ok && len(w) == len(h) && f.sameElements(path, w, h) {
			return nil
		}
		return changed
	}
	if sameScalar(lastName(path), want, have) {
		return nil
	}
	return changed
}

func (f field) compareObjects(path string, want, have map[string]any) []change {
	var out []change
	userKeys := f.hasUserKeys(lastName(path))
	child := func(name string) string {
		if userKeys {
			return path + "[" + strconv.Quote(name) + "]"
		}
		return path + "." + name
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if v, ok := have[name]; ok {
			out = append(out, f.fields[name].compare(child(name), want[name], v)...)
		} else if userKeys || !isEmpty(want[name]) {
			out = append(out, change{path: child(name), added: true})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok && (userKeys || f.fields[name].clears && !isEmpty(have[name])) {
			out = append(out, change{path: child(name), removed: true})
		}
	}
	return out
}

func lastName(path string) string { return path[strings.LastIndex(path, ".")+1:] }

func (f field) same(path string, want, have any) bool { return len(f.compare(path, want, have)) == 0 }

func (f field) sameElements(path string, want, have []any) bool {
	equal := func(want, have any) bool { return f.same(path, want, have) }
	if !f.set {
		return slices.EqualFunc(want, have, equal)
	}
	have = slices.Clone(have)
	for _, w := range want {
		i := slices.IndexFunc(have, func(h any) bool { return equal(w, h) })
		if i < 0 {
			return false
		}
		have = slices.Delete(have, i, i+1)
	}
	return true
}

// The service ignores the case of these.
var caseInsensitive = []string{"availabilityDomain", "cniType", "dnsLabel", "sourceType"}

func sameScalar(name string, want, have any) bool {
	if _, unknown := want.(value.Unknown); unknown {
		return false
	}
	w, h := fmt.Sprint(want), fmt.Sprint(have)
	return w == h || strings.EqualFold(w, h) && slices.Contains(caseInsensitive, name)
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
