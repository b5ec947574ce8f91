package kubernetes

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

// forced are the fields whose change replaces the object. A field stands for what is below it; lists carry no indices.
func (g *plugin) forced(obj *unstructured.Unstructured) []string {
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

// change is a difference between old and new inputs.
type change struct {
	path  string // as the engine writes it: spec.containers[0].image, metadata.labels["a/b"]
	field string // without indices: spec.containers.image
	kind  p.DiffKind
}

func compare(path, field string, old, now any, out *[]change) {
	oldMap, isMap := old.(map[string]any)
	nowMap, areMaps := now.(map[string]any)
	if isMap && areMaps {
		keys := slices.Collect(maps.Keys(oldMap))
		for k := range nowMap {
			if _, ok := oldMap[k]; !ok {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for _, k := range keys {
			if path == "" && strings.HasPrefix(k, "__") {
				continue
			}
			before, was := oldMap[k]
			after, is := nowMap[k]
			p2, f2 := join(path, k), strings.TrimPrefix(field+"."+k, ".")
			switch {
			case !was:
				*out = append(*out, change{p2, f2, p.Add})
			case !is:
				*out = append(*out, change{p2, f2, p.Delete})
			default:
				compare(p2, f2, before, after, out)
			}
		}
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
		*out = append(*out, change{path, field, p.Update})
	}
}

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
	forced := g.forced(newObj)
	if immutable, _, _ := unstructured.NestedBool(oldObj.Object, "immutable"); immutable {
		forced = g.forced(oldObj)
	}
	var changes []change
	compare("", "", old, now, &changes)
	out := p.DiffResponse{DetailedDiff: map[string]p.PropertyDiff{}, HasChanges: len(changes) > 0}
	replaced := false
	for _, c := range changes {
		for _, f := range forced {
			if c.field == f || strings.HasPrefix(c.field, f+".") || strings.HasPrefix(f, c.field+".") {
				replaced = true
				c.kind += "&replace"
				break
			}
		}
		out.DetailedDiff[c.path] = p.PropertyDiff{Kind: c.kind, InputDiff: true}
	}
	// Two objects of one name cannot stand side by side; a name that Check chose is chosen anew.
	out.DeleteBeforeReplace = replaced && newObj.GetAnnotations()[annotationAutonamed] != "true" && idOf(newObj) == idOf(oldObj)
	return out, nil
}
