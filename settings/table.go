package settings

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"oke-guestbook/plan/layout"
)

// Setting is a key of the stack's configuration as Pulumi.yaml declares it.
type Setting struct {
	Key     string
	Type    string // of Pulumi's project schema: string, integer, boolean, array or object
	Items   string // type of an array's items
	Default any    // as JSON decodes it
	Help    string // one line
}

// Table returns every setting in the order of the struct's fields.
func Table() ([]Setting, error) {
	network := map[string]layout.Setting{}
	for _, s := range layout.Settings {
		network[s.Key] = s
	}
	defaults := reflect.ValueOf(Defaults())
	var table []Setting
	for _, f := range reflect.VisibleFields(defaults.Type()) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key == "" || key == "-" {
			continue
		}
		s := Setting{Key: key, Type: SchemaType(f.Type), Help: f.Tag.Get("help")}
		if s.Type == "array" {
			s.Items = SchemaType(f.Type.Elem())
		}
		if n, ok := network[key]; ok {
			s.Items, s.Default, s.Help = n.Items, n.Default, n.Help
		} else if err := throughJSON(defaults.FieldByIndex(f.Index).Interface(), &s.Default); err != nil {
			return nil, fmt.Errorf("default of %s: %w", key, err)
		}
		table = append(table, s)
	}
	return table, nil
}

// throughJSON makes of a value what a reader of its JSON would see.
func throughJSON(value any, seen *any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, seen)
}

// SchemaType returns the name of a Go type in Pulumi's project schema, which knows no number: that one is for messages only.
func SchemaType(typ reflect.Type) string {
	if typ == reflect.TypeFor[json.RawMessage]() {
		return "object" // the bytes of one
	}
	switch typ.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	}
	return "string"
}
