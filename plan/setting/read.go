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

// reader says where a value stands, and where to add the problem of one that cannot be read.
type reader struct {
	list  *problem.List
	path  string // of the value, such as nodePools[0].size
	owner string // the setting or the object that has no usable value if this one cannot be read, such as nodePools[0]
}

func (r reader) at(part string) reader {
	r.path += part
	return r
}

// Decode reads the values of a configuration, each as JSON, into the settings' fields. What has no value keeps the one
// that it has. Keys that are not declared are problems, and so are values of another type.
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

// readObject reads an object that is a part of a setting. If a field has no usable value, the object has none either.
func readObject(r reader, raw json.RawMessage, fields Group) {
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
		} else {
			hint := cmp.Or(Nearest(name, fields.Keys()), "; there are "+strings.Join(fields.Keys(), ", "))
			part.list.Add(part.path, "there is no such setting%s", hint).Invalidates(r.owner)
		}
	}
}

func readList[T any](r reader, raw json.RawMessage, field *[]T, read func(reader, json.RawMessage, *T)) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		r.refuse("array", err)
		return
	}
	if items == nil {
		return // null
	}
	values := make([]T, len(items))
	for i, item := range items {
		read(r.at(fmt.Sprintf("[%d]", i)), item, &values[i])
	}
	*field = values
}

func readMap[K ~string, V any](r reader, raw json.RawMessage, field *map[K]V, read func(reader, json.RawMessage, *V)) {
	var items map[string]json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		r.refuse("object", err)
		return
	}
	if items == nil {
		return // null
	}
	values := make(map[K]V, len(items))
	for _, name := range slices.Sorted(maps.Keys(items)) {
		var value V
		read(r.at("."+name), items[name], &value)
		values[K(name)] = value
	}
	*field = values
}

func readScalar[T any](r reader, raw json.RawMessage, field *T) {
	var number json.Number
	if isText[T]() && json.Unmarshal(raw, &number) == nil && number != "" {
		raw, _ = json.Marshal(number.String()) // `pulumi config set --path` makes numbers of digits
	}
	value := *field
	if err := json.Unmarshal(raw, &value); err != nil {
		r.refuse(typeName[T](), err)
		return
	}
	*field = value
}

// typeNames are the types of Pulumi's project schema as messages call them.
var typeNames = map[string]string{
	"string": "text", "integer": "an integer", "number": "a number", "boolean": "true or false", "array": "a list", "object": "an object",
}

// refuse adds the problem of a value that could not be decoded.
func (r reader) refuse(want string, err error) {
	var mismatch *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	text := err.Error()
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
