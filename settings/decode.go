package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"oke-guestbook/plan/problem"
)

// ociSettings are those of the OCI provider, without their namespace.
var ociSettings = []string{
	"auth", "configFileProfile", "disableAutoRetries", "dualStackEndpointEnabled", "fingerprint", "ignoreDefinedTags", "privateKey",
	"privateKeyPassword", "privateKeyPath", "realmSpecificServiceEndpointTemplateEnabled", "region", "retriesConfigFile",
	"retryDurationSeconds", "tenancyOcid", "testTimeMaintenanceRebootDue", "userOcid",
}

// decode fills in what config sets, and returns the settings that it could not read. A key that is no setting is a typing
// error, and is told with the nearest one.
func (s *Settings) decode(list *problem.List, project string, config map[string]string) (unread []string) {
	types := fieldTypes(reflect.TypeFor[Settings]())
	for _, full := range slices.Sorted(maps.Keys(config)) {
		namespace, key, _ := strings.Cut(full, ":")
		if namespace != project {
			checkForeign(list, project, full)
			continue
		}
		typ, known := types[key]
		if !known {
			list.Add(key, "there is no such setting%s", nearest(key, slices.Sorted(maps.Keys(types))))
			continue
		}
		raw := []byte(config[full])
		if typ.Kind() == reflect.String {
			raw, _ = json.Marshal(config[full])
		}
		if !decodeInto(list, key, typ, raw, slices.Concat([]byte(`{"`+key+`":`), raw, []byte(`}`)), s) {
			unread = append(unread, key)
		}
	}
	return unread
}

// checkForeign refuses a key which is not the program's, unless the OCI provider or Pulumi itself reads it.
func checkForeign(list *problem.List, project, full string) {
	switch namespace, key, _ := strings.Cut(full, ":"); namespace {
	case "pulumi": // the command line's, which knows them
	case "oci":
		if !slices.Contains(ociSettings, key) {
			list.Add(full, "the OCI provider has no such setting%s", nearest(key, ociSettings))
		}
	case "kubernetes":
		list.Add(full, "nothing reads it, as the cluster is reached by the kubeconfig that OKE gives: leave it out")
	default:
		list.Add(full, "no provider here is called %s; settings of this program begin with %s:", namespace, project)
	}
}

// decodeInto decodes document into target if value, the setting key's part of it, suits typ. Else it tells why not
// and returns false.
func decodeInto(list *problem.List, key string, typ reflect.Type, value, document []byte, target any) bool {
	problems := inspect(key, value, typ)
	for _, p := range problems {
		list.Add(p.key, "%s", p.message)
	}
	if len(problems) > 0 {
		return false
	}
	err := json.Unmarshal(document, target)
	if err != nil {
		list.Add(key, "%v", err)
	}
	return err == nil
}

type finding struct{ key, message string }

// inspect walks raw beside the Go type that it is meant for and returns everything that does not suit it, each with its
// place. encoding/json would tell the first only, and lets unknown fields pass.
func inspect(key string, raw []byte, typ reflect.Type) []finding {
	var found []finding
	var items []json.RawMessage
	var fields map[string]json.RawMessage
	switch {
	case typ.Kind() == reflect.Slice && typ != reflect.TypeFor[json.RawMessage]() && json.Unmarshal(raw, &items) == nil:
		for i, item := range items {
			found = append(found, inspect(fmt.Sprintf("%s[%d]", key, i), item, typ.Elem())...)
		}
	case typ.Kind() == reflect.Map && json.Unmarshal(raw, &fields) == nil:
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			found = append(found, inspect(key+"."+name, fields[name], typ.Elem())...)
		}
	case typ.Kind() == reflect.Struct && json.Unmarshal(raw, &fields) == nil:
		types := fieldTypes(typ)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			path := key + "." + name
			if fieldType, known := types[name]; known {
				found = append(found, inspect(path, fields[name], fieldType)...)
			} else {
				found = append(found, finding{path, "there is no such setting" + nearest(name, slices.Sorted(maps.Keys(types)))})
			}
		}
	default:
		if err := json.Unmarshal(raw, reflect.New(typ).Interface()); err != nil {
			found = append(found, finding{key, plain(err, typ)})
		}
	}
	return found
}

// fieldTypes returns the types of a struct's fields by their JSON names, embedded structs included.
func fieldTypes(typ reflect.Type) map[string]reflect.Type {
	types := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(typ) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			types[name] = f.Type
		}
	}
	return types
}

// nearest returns a hint at the setting that a misspelt key most likely means, or nothing when none is near.
func nearest(key string, names []string) string {
	best, bestDistance := "", len(key)/2+1
	for _, name := range names {
		if d := levenshtein.Distance(strings.ToLower(key), strings.ToLower(name), nil); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// plain puts a decoding error in the words of someone who writes YAML.
func plain(err error, typ reflect.Type) string {
	var mismatch *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &mismatch):
		return fmt.Sprintf("must be %s, not %s", typeName(typ), mismatch.Value)
	case errors.As(err, &syntax):
		return fmt.Sprintf("must be %s", typeName(typ))
	}
	return err.Error()
}

func typeName(typ reflect.Type) string {
	switch SchemaType(typ) {
	case "integer":
		return "an integer"
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "boolean":
		return "true or false"
	case "number":
		return "a number"
	}
	return "text"
}
