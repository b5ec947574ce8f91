// Package schema checks JSON values by the request and answer models of the OCI services. The models are data, not Go
// structs: they are 365 structures with 2197 fields, and encoding/json reports neither a missing field nor the path of
// a wrong one.
package schema

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:generate go run ./gen

// Model is one model: a structure, an enumeration, or a choice of structures.
type Model struct {
	// Fields of a structure by their JSON names. Types are string, bool, int, number, time, date, any, []T, {}T (a map)
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

// Error is a problem of one field.
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

// Has reports whether the model, or one of its variants, has the field.
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
	if elem, ok := strings.CutPrefix(typ, "[]"); ok {
		list, ok := value.([]any)
		if !ok {
			return mustBe(path, "a list")
		}
		for i, item := range list {
			if e := check(fmt.Sprintf("%s[%d]", path, i), elem, item); e != nil {
				return e
			}
		}
		return nil
	}
	if elem, ok := strings.CutPrefix(typ, "{}"); ok {
		object, ok := value.(map[string]any)
		if !ok {
			return mustBe(path, "an object")
		}
		for key, item := range object {
			if e := check(path+"."+key, elem, item); e != nil {
				return e
			}
		}
		return nil
	}
	basic, ok := basicTypes[typ]
	if !ok {
		return checkModel(path, typ, value)
	}
	if !basic.is(value) {
		return mustBe(path, basic.name)
	}
	return nil
}

func mustBe(path, want string) *Error { return &Error{Field: path, Problem: "must be " + want} }

// basicTypes are the types that are no models, with their names in messages.
var basicTypes = map[string]struct {
	name string
	is   func(any) bool
}{
	"any":    {"any value", func(any) bool { return true }},
	"string": {"a string", is[string]},
	"bool":   {"true or false", is[bool]},
	"number": {"a number", is[float64]},
	"int": {"a whole number", func(v any) bool {
		n, ok := v.(float64)
		return ok && n == math.Trunc(n)
	}},
	"time": {"a time in RFC 3339 format", func(v any) bool {
		text, _ := v.(string)
		_, err := time.Parse(time.RFC3339, text)
		return err == nil
	}},
	"date": {"a date in the format YYYY-MM-DD", func(v any) bool {
		text, _ := v.(string)
		_, err := time.Parse(time.DateOnly, text)
		return err == nil
	}},
}

func is[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

func checkModel(path, name string, value any) *Error {
	m, ok := load()[name]
	if !ok {
		return &Error{Field: path, Problem: "no model " + name}
	}
	if m.Enum != nil {
		if text, ok := value.(string); !ok || !slices.Contains(m.Enum, text) {
			return mustBe(path, "one of "+strings.Join(m.Enum, ", "))
		}
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return mustBe(path, "an object")
	}
	if m.By != "" {
		kind, _ := object[m.By].(string)
		variant, ok := m.Variants[kind]
		if !ok {
			return mustBe(join(path, m.By), "one of "+strings.Join(slices.Sorted(maps.Keys(m.Variants)), ", "))
		}
		return checkFields(path, load()[variant], m.By, object)
	}
	return checkFields(path, m, "", object)
}

// checkFields compares an object with a structure; by names a further allowed field, the discriminator.
func checkFields(path string, m Model, by string, object map[string]any) *Error {
	for _, field := range slices.Sorted(maps.Keys(m.Fields)) {
		if object[field] == nil && strings.HasSuffix(m.Fields[field], "!") {
			return &Error{Field: join(path, field), Problem: "is required", Missing: true}
		}
	}
	for _, field := range slices.Sorted(maps.Keys(object)) {
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
