// Package setting declares settings: key, type, default, help and checks of each in one place. Reading a configuration,
// the section config of Pulumi.yaml and the reference in docs/settings.md follow from the declarations.
package setting

import (
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
	Default any    // as JSON decodes it, except that an int stays one
	Help    string // one line
	Allowed []string
	Fields  Group // of an object, or of each object of an array or a map

	read  func(r reader, raw json.RawMessage)
	check func(list *problem.List, key string)
	fill  func()     // sets the default in an empty field
	value func() any // of the field, like Default; nil for an empty one
}

// Group is the settings of one object.
type Group []Setting

// Scalar is the type of a setting that holds one value.
type Scalar interface {
	~string | ~bool | ~int | ~float64
}

// Of declares a setting with one value.
func Of[T Scalar](field *T, key string, byDefault T, help string, checks ...Check[T]) Setting {
	return declare(field, key, byDefault, help, single[T](), checks)
}

// List declares a setting with a list of single values. An item whose type implements encoding.TextUnmarshaler is read
// from text, or from a number as if it were text.
func List[T any](field *[]T, key string, byDefault []T, help string, checks ...Check[[]T]) Setting {
	return declare(field, key, byDefault, help, listOf(single[T]()), checks)
}

// Objects declares a setting with a list of objects. Fields returns the settings of one; what an object does not set
// has its field's default.
func Objects[T any](
	field *[]T, key string, byDefault []T, help string, fields func(*T) Group, checks ...Check[[]T],
) Setting {
	return declare(field, key, byDefault, help, listOf(object(fields, func() T { return New(fields) })), checks)
}

// ObjectsFrom declares an empty list of objects. What an object does not set has the value that it has in start.
func ObjectsFrom[T any](field *[]T, key, help string, fields func(*T) Group, start func() T) Setting {
	return declare(field, key, nil, help, listOf(object(fields, start)), nil)
}

// Texts declares a setting that maps names to texts. It is empty by default.
func Texts(field *map[string]string, key, help string, checks ...Check[map[string]string]) Setting {
	return declare(field, key, nil, help, mapOf[string](single[string]()), checks)
}

// ObjectsByName declares a setting that maps names to objects. Fields returns the settings of one. It is empty by
// default.
func ObjectsByName[K ~string, V any](
	field *map[K]V, key, help string, fields func(*V) Group, checks ...Check[map[K]V],
) Setting {
	return declare(field, key, nil, help, mapOf[K](object(fields, func() V { return New(fields) })), checks)
}

// New returns an object with its fields' defaults.
func New[T any](fields func(*T) Group) (object T) {
	fields(&object).ApplyDefaults()
	return object
}

func declare[T any](field *T, key string, byDefault T, help string, f form[T], checks []Check[T]) Setting {
	s := Setting{Key: key, Type: f.name, Items: f.items, Default: f.plain(byDefault), Help: help, Fields: f.fields}
	for _, check := range checks {
		if check.Allowed != "" {
			s.Allowed = append(s.Allowed, check.Allowed)
		}
	}
	empty := func(value T) bool {
		v := reflect.ValueOf(value)
		return v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
	}
	s.read = func(r reader, raw json.RawMessage) { f.read(r, raw, field) }
	s.check = func(list *problem.List, key string) {
		if f.check != nil {
			f.check(list, key, *field)
		}
		for _, check := range checks {
			check.run(list, key, *field)
		}
	}
	s.fill = func() {
		if empty(*field) && !empty(byDefault) {
			*field = byDefault
		}
	}
	s.value = func() any {
		if empty(*field) {
			return nil
		}
		return f.plain(*field)
	}
	return s
}

// ApplyDefaults sets the default in every field that is empty: false, 0, without text or without items.
func (g Group) ApplyDefaults() {
	for _, s := range g {
		s.fill()
	}
}

// Check adds the problems that values have by themselves, whatever the other settings are. The prefix precedes each
// key.
func (g Group) Check(list *problem.List, prefix string) {
	for _, s := range g {
		s.check(list, prefix+s.Key)
	}
}

// Texts calls visit with each text that a setting holds, or a list or an object of it, and with the text's key, such as
// nodePools[0].imageId.
func (g Group) Texts(prefix string, visit func(s Setting, key, text string)) {
	for _, s := range g {
		s.texts(prefix+s.Key, s.value(), visit)
	}
}

func (s Setting) texts(key string, value any, visit func(s Setting, key, text string)) {
	switch value := value.(type) {
	case string:
		visit(s, key, value)
	case []any:
		for i, item := range value {
			s.texts(fmt.Sprintf("%s[%d]", key, i), item, visit)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			field, ok := s.Fields.Find(name)
			if !ok { // the name of a text or an object in a map
				field = s
			}
			field.texts(key+"."+name, value[name], visit)
		}
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
