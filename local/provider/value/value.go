// Package value converts the engine's property values to plain Go values, as encoding/json has them, and back.
package value

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// Unknown stands for a value that the engine knows only after the update.
type Unknown struct{}

// Plain returns v as nil, bool, float64, string, []any, map[string]any or Unknown. It removes the marks of secrets.
func Plain(v property.Value) any {
	switch {
	case v.IsComputed():
		return Unknown{}
	case v.IsBool():
		return v.AsBool()
	case v.IsNumber():
		return v.AsNumber()
	case v.IsString():
		return v.AsString()
	case v.IsArray():
		list := make([]any, 0, v.AsArray().Len())
		for _, e := range v.AsArray().All {
			list = append(list, Plain(e))
		}
		return list
	case v.IsMap():
		return PlainMap(v.AsMap())
	case v.IsResourceReference():
		return Plain(v.AsResourceReference().ID)
	default:
		return nil
	}
}

// PlainMap is Plain for a map. Null values are left out.
func PlainMap(m property.Map) map[string]any {
	out := make(map[string]any, m.Len())
	for k, v := range m.All {
		if p := Plain(v); p != nil {
			out[k] = p
		}
	}
	return out
}

// Of is the inverse of Plain. It accepts integers too.
func Of(v any) property.Value {
	switch v := v.(type) {
	case nil:
		return property.Value{}
	case Unknown:
		return property.New(property.Computed)
	case bool:
		return property.New(v)
	case float64:
		return property.New(v)
	case int:
		return property.New(float64(v))
	case int64:
		return property.New(float64(v))
	case string:
		return property.New(v)
	case []any:
		list := make([]property.Value, len(v))
		for i, e := range v {
			list[i] = Of(e)
		}
		return property.New(list)
	case map[string]any:
		return property.New(OfMap(v))
	default:
		return property.New(fmt.Sprint(v))
	}
}

// OfMap is Of for a map. Null values are left out.
func OfMap(m map[string]any) property.Map {
	out := make(map[string]property.Value, len(m))
	for k, v := range m {
		if v != nil {
			out[k] = Of(v)
		}
	}
	return property.NewMap(out)
}

// KeepSecrets marks those values of out as secret whose path holds a secret in in.
func KeepSecrets(out, in property.Map) property.Map {
	for k, secret := range in.All {
		if v, ok := out.GetOk(k); ok {
			out = out.Set(k, keepSecret(v, secret))
		}
	}
	return out
}

// The order of a list may differ between the two, so one secret element makes the whole list secret.
func keepSecret(v, in property.Value) property.Value {
	switch {
	case in.Secret(), in.IsArray() && in.HasSecrets():
		return v.WithSecret(true)
	case in.IsMap() && v.IsMap() && in.HasSecrets():
		return property.WithGoValue(v, KeepSecrets(v.AsMap(), in.AsMap()))
	default:
		return v
	}
}

// ContainsUnknown reports whether v is or holds an Unknown.
func ContainsUnknown(v any) bool {
	switch v := v.(type) {
	case Unknown:
		return true
	case []any:
		for _, e := range v {
			if ContainsUnknown(e) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if ContainsUnknown(e) {
				return true
			}
		}
	}
	return false
}
