package kubeplugin

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"oke-guestbook/local/provider/value"
)

const (
	annotationAutonamed  = "pulumi.com/autonamed"
	annotationSkipAwait  = "pulumi.com/skipAwait"
	annotationTimeout    = "pulumi.com/timeoutSeconds"
	annotationPatchForce = "pulumi.com/patchForce"
	annotationManager    = "pulumi.com/patchFieldManager"
	annotationDeletion   = "pulumi.com/deletionPropagationPolicy"

	managerKey = "__fieldManager"
)

// gvkOf is the kind of object that a type token means: "kubernetes:apps/v1:Deployment". The core group goes by "core".
func gvkOf(u urn.URN) (schema.GroupVersionKind, error) {
	token := string(u.Type())
	parts := strings.Split(token, ":")
	if len(parts) != 3 || parts[0] != "kubernetes" || !strings.Contains(parts[1], "/") {
		return schema.GroupVersionKind{}, fmt.Errorf("the local cloud's stand-in for the kubernetes plugin has no %s: it has objects only", token)
	}
	if group := parts[1][:strings.Index(parts[1], "/")]; group == "helm.sh" || group == "yaml" || group == "kustomize" {
		return schema.GroupVersionKind{}, fmt.Errorf("the local cloud's stand-in for the kubernetes plugin has no %s: it has objects only", token)
	}
	if strings.HasSuffix(parts[2], "Patch") || strings.HasSuffix(parts[2], "List") {
		return schema.GroupVersionKind{}, fmt.Errorf("the local cloud's stand-in for the kubernetes plugin has no %s: patches and lists need the official plugin", token)
	}
	group, version, _ := strings.Cut(parts[1], "/")
	if group == "core" {
		group = ""
	}
	return schema.GroupVersionKind{Group: group, Version: version, Kind: parts[2]}, nil
}

// object is the Kubernetes object that the properties describe. Names that begin with "__" are this plugin's own.
func object(m map[string]any, gvk schema.GroupVersionKind) *unstructured.Unstructured {
	content := map[string]any{}
	for k, v := range m {
		if !strings.HasPrefix(k, "__") {
			content[k] = integers(v)
		}
	}
	obj := &unstructured.Unstructured{Object: content}
	if obj.GetAPIVersion() == "" || obj.GetKind() == "" {
		obj.SetGroupVersionKind(gvk)
	}
	return obj
}

// integers makes whole numbers int64, as Kubernetes has them.
func integers(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = integers(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = integers(e)
		}
		return out
	}
	return v
}

// applied is the object as it is sent: without this plugin's own annotation's values, and with stringData as data, because the API
// server cannot take keys away that it was given as stringData.
func applied(obj *unstructured.Unstructured) *unstructured.Unstructured {
	out := obj.DeepCopy()
	delete(out.Object, "status")
	if out.GetKind() == "Secret" && out.GetAPIVersion() == "v1" {
		plain, _, _ := unstructured.NestedMap(out.Object, "stringData")
		for k, v := range plain {
			_ = unstructured.SetNestedField(out.Object, base64.StdEncoding.EncodeToString([]byte(fmt.Sprint(v))), "data", k)
		}
		delete(out.Object, "stringData")
	}
	return out
}

// state is the live object by property names. What was secret in the inputs is secret, and so is all of a Secret.
func state(live *unstructured.Unstructured, inputs property.Map, manager string) property.Map {
	content := live.DeepCopy().Object
	unstructured.RemoveNestedField(content, "metadata", "managedFields")
	out := value.KeepSecrets(value.OfMap(content), inputs)
	if live.GetKind() == "Secret" && live.GetAPIVersion() == "v1" {
		for _, name := range []string{"data", "stringData"} {
			if v, ok := out.GetOk(name); ok {
				out = out.Set(name, v.WithSecret(true))
			}
		}
	}
	return out.Set(managerKey, property.New(manager))
}

// fieldManager is the name under which the object is applied: the one in its state, or one made of its URN, the same when a
// creation that was cut short is begun again.
func fieldManager(u urn.URN, state property.Map, obj *unstructured.Unstructured) string {
	if name := obj.GetAnnotations()[annotationManager]; name != "" {
		return name
	}
	if v := state.Get(managerKey); v.IsString() {
		return v.AsString()
	}
	sum := sha256.Sum256([]byte(u))
	return "pulumi-kubernetes-" + hex.EncodeToString(sum[:4])
}

// idOf is "namespace/name", or the name alone of what belongs to no namespace.
func idOf(obj *unstructured.Unstructured) string {
	if ns := obj.GetNamespace(); ns != "" {
		return ns + "/" + obj.GetName()
	}
	return obj.GetName()
}

func splitID(id string) (namespace, name string) {
	if ns, n, ok := strings.Cut(id, "/"); ok {
		return ns, n
	}
	return "", id
}

func equal(a, b any) bool { return reflect.DeepEqual(integers(a), integers(b)) }
