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

// form is how values of a type are written.
type form[T any] struct {
	name   string // of the type in Pulumi's project schema
	items  string // type of an array's items
	fields Group  // of an object, or of each object in an array or a map
	read   func(r reader, raw json.RawMessage, into *T)
	plain  func(T) any                                   // as JSON decodes it, except that an int stays one
	check  func(list *problem.List, key string, value T) // of the value's parts; nil if there are none
}

// single is the form of a single value. If its type implements encoding.TextUnmarshaler, it is a text.
func single[T any]() form[T] {
	name := map[reflect.Kind]string{
		reflect.Bool: "boolean", reflect.Int: "integer", reflect.Float64: "number", reflect.String: "string",
	}[reflect.TypeFor[T]().Kind()]
	_, parsed := any(new(T)).(encoding.TextUnmarshaler)
	if parsed {
		name = "string"
	}
	read := func(r reader, raw json.RawMessage, into *T) {
		var number json.Number
		if parsed && json.Unmarshal(raw, &number) == nil && number != "" {
			raw, _ = json.Marshal(number.String()) // `pulumi config set --path` makes numbers of digits
		}
		value := *into
		if err := json.Unmarshal(raw, &value); err != nil {
			r.refuse(name, err)
			return
		}
		*into = value
	}
	plain := func(value T) any {
		switch v := any(value).(type) {
		case encoding.TextMarshaler:
			text, _ := v.MarshalText()
			return string(text)
		default:
			if name == "string" {
				return reflect.ValueOf(value).String()
			}
			return value
		}
	}
	return form[T]{name: name, read: read, plain: plain}
}

// object is the form of an object. Start returns it before it is read.
func object[T any](fields func(*T) Group, start func() T) form[T] {
	return form[T]{
		name: "object", fields: fields(new(T)),
		read: func(r reader, raw json.RawMessage, into *T) {
			*into = start()
			r.readFields(raw, fields(into))
		},
		plain: func(value T) any {
			values := map[string]any{}
			for _, s := range fields(&value) {
				if v := s.value(); v != nil {
					values[s.Key] = v
				}
			}
			return values
		},
		check: func(list *problem.List, key string, value T) { fields(&value).Check(list, key+".") },
	}
}

func listOf[T any](item form[T]) form[[]T] {
	list := form[[]T]{name: "array", items: item.name, fields: item.fields}
	list.read = func(r reader, raw json.RawMessage, into *[]T) {
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil || items == nil { // null leaves the setting as it is
			r.refuse("array", err)
			return
		}
		*into = make([]T, len(items))
		for i := range items {
			item.read(r.at(fmt.Sprintf("[%d]", i)), items[i], &(*into)[i])
		}
	}
	list.plain = func(values []T) any {
		all := make([]any, len(values))
		for i := range values {
			all[i] = item.plain(values[i])
		}
		return all
	}
	if item.check != nil {
		list.check = func(l *problem.List, key string, values []T) {
			for i := range values {
				item.check(l, fmt.Sprintf("%s[%d]", key, i), values[i])
			}
		}
	}
	return list
}

func mapOf[K ~string, V any](item form[V]) form[map[K]V] {
	byName := form[map[K]V]{name: "object", fields: item.fields}
	byName.read = func(r reader, raw json.RawMessage, into *map[K]V) {
		var items map[K]json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil || items == nil { // null leaves the setting as it is
			r.refuse("object", err)
			return
		}
		*into = make(map[K]V, len(items))
		for _, name := range slices.Sorted(maps.Keys(items)) {
			var value V
			item.read(r.at("."+string(name)), items[name], &value)
			(*into)[name] = value
		}
	}
	byName.plain = func(values map[K]V) any {
		all := map[string]any{}
		for name, value := range values {
			all[string(name)] = item.plain(value)
		}
		return all
	}
	if item.check != nil {
		byName.check = func(l *problem.List, key string, values map[K]V) {
			for _, name := range slices.Sorted(maps.Keys(values)) {
				item.check(l, key+"."+string(name), values[name])
			}
		}
	}
	return byName
}
