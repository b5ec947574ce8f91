package setting

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"oke-guestbook/plan/problem"
)

// reader knows where a value stands, and where to add the problem of one that cannot be read.
type reader struct {
	list  *problem.List
	path  string // of the value, such as nodePools[0].size
	owner string // the setting or the object that has no usable value if this one cannot be read, such as nodePools[0]
}

func (r reader) at(part string) reader {
	r.path += part
	return r
}

// Decode reads the values of a configuration, each as JSON, into the settings' fields. A setting without a value, or
// with null, keeps the one that it has. Keys that are not declared are problems, and so are values of another type.
func (g Group) Decode(list *problem.List, values map[string]json.RawMessage) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if _, known := g.Find(key); !known {
			list.Add(key, "there is no such setting%s", Nearest(key, g.Keys()))
		}
	}
	for _, s := range g {
		if raw, ok := values[s.Key]; ok {
			s.read(reader{list, s.Key, s.Key}, raw)
		}
	}
}

// readFields reads an object that is a part of a setting. If a field has no usable value, the object has none either.
func (r reader) readFields(raw json.RawMessage, fields Group) {
	r.owner = r.path
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		r.refuse("object", err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		part := r.at("." + name)
		if s, known := fields.Find(name); known {
			s.read(part, values[name])
			continue
		}
		hint := cmp.Or(Nearest(name, fields.Keys()), "; there are "+strings.Join(fields.Keys(), ", "))
		r.list.Add(part.path, "there is no such setting%s", hint).Invalidates(r.owner)
	}
}

// typeNames are the types of Pulumi's project schema as messages call them.
var typeNames = map[string]string{
	"string": "text", "integer": "an integer", "number": "a number", "boolean": "true or false",
	"array": "a list", "object": "an object",
}

// refuse adds the problem of a value that could not be decoded, if there was an error.
func (r reader) refuse(want string, err error) {
	if err == nil {
		return
	}
	text := err.Error()
	var mismatch *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &mismatch):
		text = fmt.Sprintf("must be %s, not %s", typeNames[want], mismatch.Value)
	case errors.As(err, &syntax):
		text = "must be " + typeNames[want]
	}
	r.list.Add(r.path, "%s", text).Invalidates(r.owner)
}

// Nearest returns a hint at the name that a misspelt one most likely means, or nothing if none is near.
func Nearest(misspelt string, names []string) string {
	best, bestDistance := "", len(misspelt)/2+1
	for _, name := range names {
		if d := levenshtein.Distance(strings.ToLower(misspelt), strings.ToLower(name), nil); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}
