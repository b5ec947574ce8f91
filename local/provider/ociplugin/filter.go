package ociplugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

func isList(raw []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) }

func decode(raw []byte, into any) error { return json.Unmarshal(raw, into) }

// result is a kind with the properties of the function's elements.
func (f function) result() *kind {
	k := kind{names: f.names, path: f.path, fields: map[string]field{}}
	if base, ok := kinds[f.kind]; ok {
		k.names, k.numbers, k.texts, k.maps = base.names, base.numbers, base.texts, base.maps
		for _, name := range base.order {
			if !base.fields[name].local {
				k.fields[name] = base.fields[name]
				k.order = append(k.order, name)
			}
		}
	}
	k.outputs = f.element
	k.fill()
	return &k
}

// filter lets through the items whose top-level properties match all filters: {name, values, regex}.
func filter(items []any, filters any) ([]any, error) {
	list, _ := filters.([]any)
	out := slices.Clone(items)
	for _, e := range list {
		cond, _ := e.(map[string]any)
		name, _ := cond["name"].(string)
		values, _ := cond["values"].([]any)
		isRegex, _ := cond["regex"].(bool)
		var bad error
		out = slices.DeleteFunc(out, func(item any) bool {
			doc, _ := item.(map[string]any)
			have := fmt.Sprint(doc[name])
			for _, v := range values {
				want := fmt.Sprint(v)
				if !isRegex {
					if want == have {
						return false
					}
					continue
				}
				re, err := regexp.Compile(want)
				if err != nil {
					bad = fmt.Errorf("filter %q: %w", name, err)
					return false
				}
				if re.MatchString(have) {
					return false
				}
			}
			return true
		})
		if bad != nil {
			return nil, bad
		}
	}
	return out, nil
}
