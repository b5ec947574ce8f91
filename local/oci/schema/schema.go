// Package schema knows the request and answer models of the OCI services, field by field, and says what is wrong with
// a JSON value that is to be one.
package schema

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:generate go run ./gen

// Model is one model: a structure, an enumeration, or a choice of structures.
type Model struct {
	// Fields of a structure by their JSON names. Types are string, bool, int, number, time, any, []T, {}T (a map)
	// or another model's name; a mandatory field's type ends with "!".
	Fields map[string]string `json:"fields,omitempty"`
	Enum   []string          `json:"enum,omitempty"`
	// By is the field whose value chooses among Variants.
	By       string            `json:"by,omitempty"`
	Variants map[string]string `json:"variants,omitempty"`
}

// Models are models by name: the SDK's package and the type, such as "core.CreateVcnDetails".
type Models map[string]Model

//go:embed models.json
var source []byte

var load = sync.OnceValue(func() Models {
	m := Models{}
	if err := json.Unmarshal(source, &m); err != nil {
		panic("models.json: " + err.Error()) // generated and embedded: only a broken build gets here
	}
	return m
})

// Error says which field is wrong and how.
type Error struct {
	Field   string // a path such as "routeRules[1].destination"; empty for the value itself
	Problem string
	Missing bool // a mandatory field is absent
}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return e.Field + ": " + e.Problem
}

// Check returns an *Error when value, as encoding/json decodes it into any, is not a valid instance of the model.
// A null field counts as absent.
func Check(model string, value any) error {
	if e := check("", model, value); e != nil {
		return e
	}
	return nil
}

// Has says whether the model, or one of its variants, has the field.
func Has(model, field string) bool {
	m := load()[model]
	for _, variant := range m.Variants {
		if field == m.By || Has(variant, field) {
			return true
		}
	}
	_, ok := m.Fields[field]
	return ok
}

func check(path, typ string, value any) *Error {
	wrong := func(want string) *Error { return &Error{Field: path, Problem: "must be " + want} }
	switch {
	case strings.HasPrefix(typ, "[]"):
		list, ok := value.([]any)
		if !ok {
			return wrong("a list")
		}
		for i, item := range list {
			if e := check(fmt.Sprintf("%s[%d]", path, i), typ[2:], item); e != nil {
				return e
			}
		}
		return nil
	case strings.HasPrefix(typ, "{}"):
		object, ok := value.(map[string]any)
		if !ok {
			return wrong("an object")
		}
		for key, item := range object {
			if e := check(path+"."+key, typ[2:], item); e != nil {
				return e
			}
		}
		return nil
	}
	switch typ {
	case "any":
		return nil
	case "string":
		if _, ok := value.(string); !ok {
			return wrong("a string")
		}
		return nil
	case "bool":
		if _, ok := value.(bool); !ok {
			return wrong("true or false")
		}
		return nil
	case "int":
		if n, ok := value.(float64); !ok || n != math.Trunc(n) {
			return wrong("a whole number")
		}
		return nil
	case "number":
		if _, ok := value.(float64); !ok {
			return wrong("a number")
		}
		return nil
	case "time":
		text, _ := value.(string)
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return wrong("a time in RFC 3339 format")
		}
		return nil
	}
	return checkModel(path, typ, value)
}

func checkModel(path, name string, value any) *Error {
	m, ok := load()[name]
	if !ok {
		return &Error{Field: path, Problem: "no model " + name}
	}
	if m.Enum != nil {
		if text, ok := value.(string); !ok || !slices.Contains(m.Enum, text) {
			return &Error{Field: path, Problem: fmt.Sprintf("must be one of %s", strings.Join(m.Enum, ", "))}
		}
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return &Error{Field: path, Problem: "must be an object"}
	}
	if m.By != "" {
		kind, _ := object[m.By].(string)
		variant, ok := m.Variants[kind]
		if !ok {
			return &Error{Field: join(path, m.By), Problem: fmt.Sprintf("must be one of %s", strings.Join(sortedKeys(m.Variants), ", "))}
		}
		return checkFields(path, load()[variant], m.By, object)
	}
	return checkFields(path, m, "", object)
}

// checkFields compares an object with a structure; by names a further allowed field, the discriminator.
func checkFields(path string, m Model, by string, object map[string]any) *Error {
	for _, field := range sortedKeys(m.Fields) {
		if object[field] == nil && strings.HasSuffix(m.Fields[field], "!") {
			return &Error{Field: join(path, field), Problem: "is required", Missing: true}
		}
	}
	for _, field := range sortedKeys(object) {
		typ, ok := m.Fields[field]
		if !ok && field != by {
			return &Error{Field: join(path, field), Problem: "is not a field that can be given here"}
		}
		if !ok || object[field] == nil {
			continue
		}
		if e := check(join(path, field), strings.TrimSuffix(typ, "!"), object[field]); e != nil {
			return e
		}
	}
	return nil
}

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
