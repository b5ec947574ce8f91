package catalog

import (
	"fmt"
	"net/url"
	"strings"
)

// Template is a path or an id whose variable segments are in braces, as OpenAPI writes them:
// "/20200531/logGroups/{logGroupId}/logs". A variable is a property of the resource, or "id" for its id in REST.
type Template string

// Expand fills in the variables, escaped as path segments. A variable without a value leaves its segment empty.
func (t Template) Expand(vars map[string]any) string {
	segments := strings.Split(string(t), "/")
	for i, s := range segments {
		if name, ok := variable(s); ok {
			segments[i] = ""
			if v := vars[name]; v != nil {
				segments[i] = url.PathEscape(fmt.Sprint(v))
			}
		}
	}
	return strings.Join(segments, "/")
}

// Parse is the inverse of Expand. ok is false if text does not have the template's form.
func (t Template) Parse(text string) (vars map[string]any, ok bool) {
	want, have := strings.Split(string(t), "/"), strings.Split(text, "/")
	if len(want) != len(have) {
		return nil, false
	}
	vars = map[string]any{}
	for i, s := range want {
		name, isVariable := variable(s)
		if !isVariable {
			if s != have[i] {
				return nil, false
			}
			continue
		}
		v, err := url.PathUnescape(have[i])
		if err != nil || v == "" {
			return nil, false
		}
		vars[name] = v
	}
	return vars, true
}

// Variables lists the names in braces.
func (t Template) Variables() []string {
	var names []string
	for s := range strings.SplitSeq(string(t), "/") {
		if name, ok := variable(s); ok {
			names = append(names, name)
		}
	}
	return names
}

func variable(segment string) (name string, ok bool) {
	if !strings.HasPrefix(segment, "{") || !strings.HasSuffix(segment, "}") {
		return "", false
	}
	return segment[1 : len(segment)-1], true
}
