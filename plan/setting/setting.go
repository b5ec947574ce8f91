// Package setting declares settings: key, type, default, help and checks of each in one place. Reading a configuration,
// the section config of Pulumi.yaml and the reference in docs/settings.md follow from the declarations.
package setting

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"oke-guestbook/plan/problem"
)

// Setting is one declared setting. It is bound to the field that holds its value.
type Setting struct {
	Key     string
	Type    string // of Pulumi's project schema: string, integer, boolean, array or object; number in objects only
	Items   string // type of an array's items
	Default any    // as JSON decodes it
	Help    string // one line
	Allowed []string
	Fields  Group // of an object, or of each object of an array

	read  func(r reader, raw json.RawMessage)
	check func(list *problem.List, key string)
	fill  func()     // sets the default in a field that has its type's zero value
	value func() any // of the field, as JSON decodes it; nil for the zero value
}

// Group is the settings of one object.
type Group []Setting

// Scalar is the type of a setting that holds one value. Named types may have methods of package encoding.
type Scalar interface {
	~string | ~bool | ~int | ~float64
}

// Of declares a setting with one value.
func Of[T Scalar](field *T, key string, byDefault T, help string, checks ...Check[T]) Setting {
	var zero T
	return Setting{
		Key: key, Type: typeName[T](), Default: plain(byDefault), Help: help, Allowed: rules(checks),
		read:  func(r reader, raw json.RawMessage) { readScalar(r, raw, field) },
		check: func(list *problem.List, key string) { run(list, key, *field, checks) },
		fill: func() {
			if *field == zero {
				*field = byDefault
			}
		},
		value: func() any {
			if *field == zero {
				return nil
			}
			return plain(*field)
		},
	}
}

// List declares a setting with a list of single values. An item that implements encoding.TextUnmarshaler is read from
// text, or from a number as if it were text.
func List[T any](field *[]T, key string, byDefault []T, help string, checks ...Check[[]T]) Setting {
	s := list(field, key, byDefault, help, checks, plain[T])
	s.read = func(r reader, raw json.RawMessage) { readList(r, raw, field, readScalar[T]) }
	s.check = func(list *problem.List, key string) { run(list, key, *field, checks) }
	return s
}

// Objects declares a setting with a list of objects. Fields returns the settings of one; what an item does not say has
// its field's default.
func Objects[T any](field *[]T, key string, byDefault []T, help string, fields func(*T) Group, checks ...Check[[]T]) Setting {
	return ObjectsFrom(field, key, byDefault, help, fields, New(fields), checks...)
}

// ObjectsFrom declares a list of objects. What an item does not say has the value that it has in start.
func ObjectsFrom[T any](
	field *[]T, key string, byDefault []T, help string, fields func(*T) Group, start func() T, checks ...Check[[]T],
) Setting {
	s := list(field, key, byDefault, help, checks, func(item T) any { return fields(&item).values() })
	s.Fields = fields(new(T))
	s.read = func(r reader, raw json.RawMessage) {
		readList(r, raw, field, func(r reader, raw json.RawMessage, into *T) {
			*into = start()
			readObject(r, raw, fields(into))
		})
	}
	s.check = func(list *problem.List, key string) {
		for i := range *field {
			fields(&(*field)[i]).Check(list, fmt.Sprintf("%s[%d].", key, i))
		}
		run(list, key, *field, checks)
	}
	return s
}

// list declares what lists have in common.
func list[T any](field *[]T, key string, byDefault []T, help string, checks []Check[[]T], plain func(T) any) Setting {
	values := func(items []T) []any {
		all := make([]any, len(items))
		for i, item := range items {
			all[i] = plain(item)
		}
		return all
	}
	return Setting{
		Key: key, Type: "array", Items: typeName[T](), Default: values(byDefault), Help: help, Allowed: rules(checks),
		fill: func() {
			if len(*field) == 0 {
				*field = byDefault
			}
		},
		value: func() any {
			if len(*field) == 0 {
				return nil
			}
			return values(*field)
		},
	}
}

// Texts declares a setting that maps any names to texts. It is empty by default.
func Texts(field *map[string]string, key, help string, checks ...Check[map[string]string]) Setting {
	s := object(field, key, help)
	s.Allowed = rules(checks)
	s.read = func(r reader, raw json.RawMessage) { readMap(r, raw, field, readScalar[string]) }
	s.check = func(list *problem.List, key string) { run(list, key, *field, checks) }
	return s
}

// ObjectsByName declares a setting that maps some of names to objects. Fields returns the settings of one. It is empty by
// default.
func ObjectsByName[K ~string, V any](field *map[K]V, key, help string, names []K, fields func(*V) Group) Setting {
	s := object(field, key, help)
	s.Fields = fields(new(V))
	name := OneOf(names...)
	s.Allowed = []string{name.Allowed}
	s.read = func(r reader, raw json.RawMessage) {
		readMap(r, raw, field, func(r reader, raw json.RawMessage, into *V) {
			*into = New(fields)()
			readObject(r, raw, fields(into))
		})
	}
	s.check = func(list *problem.List, key string) {
		for _, one := range slices.Sorted(maps.Keys(*field)) {
			path, value := key+"."+string(one), (*field)[one]
			run(list, path, one, []Check[K]{name})
			fields(&value).Check(list, path+".")
		}
	}
	return s
}

// object declares what maps have in common.
func object[K ~string, V any](field *map[K]V, key, help string) Setting {
	return Setting{
		Key: key, Type: "object", Default: map[string]any{}, Help: help,
		fill: func() {
			if *field == nil {
				*field = map[K]V{}
			}
		},
		value: func() any {
			if len(*field) == 0 {
				return nil
			}
			return *field
		},
	}
}

// New returns a function that makes an object with its fields' defaults.
func New[T any](fields func(*T) Group) func() T {
	return func() T {
		var object T
		fields(&object).ApplyDefaults()
		return object
	}
}

// ApplyDefaults sets the default in every field that has its type's zero value.
func (g Group) ApplyDefaults() {
	for _, s := range g {
		s.fill()
	}
}

// Check adds the problems that values have by themselves, whatever the other settings are. The prefix precedes each key.
func (g Group) Check(list *problem.List, prefix string) {
	for _, s := range g {
		s.check(list, prefix+s.Key)
	}
}

// Find returns the setting of a key.
func (g Group) Find(key string) (Setting, bool) {
	i := slices.IndexFunc(g, func(s Setting) bool { return s.Key == key })
	if i < 0 {
		return Setting{}, false
	}
	return g[i], true
}

// Keys returns the settings' keys.
func (g Group) Keys() []string {
	keys := make([]string, len(g))
	for i, s := range g {
		keys[i] = s.Key
	}
	return keys
}

// values returns what is not a field's zero value, as JSON decodes it.
func (g Group) values() map[string]any {
	values := map[string]any{}
	for _, s := range g {
		if value := s.value(); value != nil {
			values[s.Key] = value
		}
	}
	return values
}

// plain returns a single value as JSON decodes it, except that an int stays one.
func plain[T any](value T) any {
	if text, ok := any(value).(encoding.TextMarshaler); ok {
		raw, err := text.MarshalText()
		if err != nil {
			panic(err) // a default that cannot be written
		}
		return string(raw)
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Int:
		return int(v.Int())
	}
	return value
}

// typeName returns the name of T in Pulumi's project schema.
func typeName[T any]() string {
	if isText[T]() {
		return "string"
	}
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Struct:
		return "object"
	}
	return "string"
}

// isText reports whether values of T are read from text by a method of their own.
func isText[T any]() bool {
	_, ok := any(new(T)).(encoding.TextUnmarshaler)
	return ok
}
