package kubeplugin

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"oke-guestbook/catalog"
	"oke-guestbook/local/provider/value"
)

// replaceFields returns the fields whose change replaces the object. A field includes the fields below it. Paths have
// no list indices.
func (g *plugin) replaceFields(obj *unstructured.Unstructured) []string {
	gvk := obj.GroupVersionKind()
	fields := catalog.ObjectForceNew(gvk.Group, gvk.Kind)
	immutable, _, _ := unstructured.NestedBool(obj.Object, "immutable")
	switch gvk.Group + "/" + gvk.Kind {
	case "/ConfigMap":
		if immutable || !g.config.enableConfigMapMutable {
			fields = append(fields, "data", "binaryData")
		}
	case "/Secret":
		if immutable || !g.config.enableSecretMutable {
			fields = append(fields, "data", "stringData")
		}
	}
	return fields
}

// fieldDiff is a difference between old and new inputs.
type fieldDiff struct {
	path  string // in the engine's syntax: spec.containers[0].image, metadata.labels["a/b"]
	field string // without indices: spec.containers.image
	kind  p.DiffKind
}

// compare appends the differences between two values of a field. It is written by hand because Pulumi's own diff
// (resource.ObjectDiff) does not look into secrets and takes a change of secrecy for a change.
func compare(path, field string, old, now any, out *[]fieldDiff) {
	oldMap, isMap := old.(map[string]any)
	nowMap, areMaps := now.(map[string]any)
	if isMap && areMaps {
		compareMaps(path, field, oldMap, nowMap, out)
		return
	}
	oldList, isList := old.([]any)
	nowList, areLists := now.([]any)
	if isList && areLists && len(oldList) == len(nowList) {
		for i := range oldList {
			compare(path+"["+strconv.Itoa(i)+"]", field, oldList[i], nowList[i], out)
		}
		return
	}
	if !equal(old, now) || value.ContainsUnknown(now) {
		*out = append(*out, fieldDiff{path, field, p.Update})
	}
}

func compareMaps(path, field string, old, now map[string]any, out *[]fieldDiff) {
	for _, k := range allKeys(old, now) {
		if path == "" && strings.HasPrefix(k, "__") {
			continue
		}
		before, existed := old[k]
		after, exists := now[k]
		keyPath, keyField := join(path, k), strings.TrimPrefix(field+"."+k, ".")
		switch {
		case !existed:
			*out = append(*out, fieldDiff{keyPath, keyField, p.Add})
		case !exists:
			*out = append(*out, fieldDiff{keyPath, keyField, p.Delete})
		default:
			compare(keyPath, keyField, before, after, out)
		}
	}
}

// allKeys returns the sorted keys of both maps.
func allKeys(a, b map[string]any) []string {
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	return slices.Sorted(maps.Keys(keys))
}

// join appends a key to a path.
func join(path, key string) string {
	if strings.ContainsAny(key, `.[]"/ `) {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func (g *plugin) diff(_ context.Context, req p.DiffRequest) (p.DiffResponse, error) {
	gvk, err := gvkOf(req.Urn)
	if err != nil {
		return p.DiffResponse{}, err
	}
	old, now := value.PlainMap(req.OldInputs), value.PlainMap(req.Inputs)
	newObj, oldObj := object(now, gvk), object(old, gvk)
	replacing := g.replaceFields(newObj)
	if immutable, _, _ := unstructured.NestedBool(oldObj.Object, "immutable"); immutable {
		replacing = g.replaceFields(oldObj)
	}
	// A refresh by the official plugin leaves data for stringData.
	if oldObj.Object["stringData"] == nil && newObj.Object["stringData"] != nil && !value.ContainsUnknown(now) {
		old, now = applied(oldObj).Object, applied(newObj).Object
	}
	var diffs []fieldDiff
	compare("", "", old, now, &diffs)
	out := p.DiffResponse{DetailedDiff: map[string]p.PropertyDiff{}, HasChanges: len(diffs) > 0}
	replaced := false
	for _, d := range diffs {
		replaces := func(f string) bool {
			return d.field == f || strings.HasPrefix(d.field, f+".") || strings.HasPrefix(f, d.field+".")
		}
		if slices.ContainsFunc(replacing, replaces) {
			replaced = true
			d.kind += "&replace"
		}
		out.DetailedDiff[d.path] = p.PropertyDiff{Kind: d.kind, InputDiff: true}
	}
	// Two objects cannot have the same name at the same time. The replacement of an autonamed object gets another name.
	autonamed := newObj.GetAnnotations()[annotationAutonamed] == "true"
	out.DeleteBeforeReplace = replaced && !autonamed && idOf(newObj) == idOf(oldObj)
	return out, nil
}
