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

	// Properties of the state that are the official plugin's own. Its diff shortens the live object to the fields of
	// inputsKey, and would replace an object without it.
	managerKey        = "__fieldManager"
	inputsKey         = "__inputs"
	initialVersionKey = "__initialApiVersion"
)

// gvkOf returns the kind of a type token such as "kubernetes:apps/v1:Deployment". The token's name of the core group is
// "core".
func gvkOf(u urn.URN) (schema.GroupVersionKind, error) {
	token := string(u.Type())
	parts := strings.Split(token, ":")
	unsupported := func(reason string) (schema.GroupVersionKind, error) {
		return schema.GroupVersionKind{}, fmt.Errorf("%s has no %s: %s", standIn, token, reason)
	}
	if len(parts) != 3 || parts[0] != "kubernetes" || !strings.Contains(parts[1], "/") {
		return unsupported("it has objects only")
	}
	group, version, _ := strings.Cut(parts[1], "/")
	switch {
	case group == "helm.sh" || group == "yaml" || group == "kustomize":
		return unsupported("it has objects only")
	case strings.HasSuffix(parts[2], "Patch") || strings.HasSuffix(parts[2], "List"):
		return unsupported("patches and lists need the official plugin")
	case group == "core":
		group = ""
	}
	return schema.GroupVersionKind{Group: group, Version: version, Kind: parts[2]}, nil
}

// object returns the Kubernetes object of the properties, without those that start with "__": they are the plugin's
// own.
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

// integers converts whole numbers to int64, the type that Kubernetes' libraries expect.
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

// applied returns the object as it is sent: without status, and with stringData as data, because server-side apply
// cannot remove keys that were applied as stringData.
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

// state returns the properties of the live object that inputs describe, as the official plugin does, so that either can
// take over a stack from the other (pulumi-kubernetes, provider/pkg/provider/provider.go, checkpointObject and
// parseCheckpointObject; read 2026-11-29). What is secret in the inputs is secret, and so is the data of a Secret. A
// version in old, the state so far, stays the initial one.
func state(live *unstructured.Unstructured, inputs, old property.Map, manager string) property.Map {
	content := live.DeepCopy().Object
	unstructured.RemoveNestedField(content, "metadata", "managedFields")
	out := value.KeepSecrets(value.OfMap(content), inputs)
	for name := range inputs.All {
		if strings.HasPrefix(name, "__") {
			inputs = inputs.Delete(name)
		}
	}
	if live.GetKind() == "Secret" && live.GetAPIVersion() == "v1" {
		out, inputs = secretData(out), secretData(inputs)
	}
	version := old.Get(initialVersionKey)
	if !version.IsString() {
		version = property.New(live.GetAPIVersion())
	}
	return out.Set(inputsKey, property.New(inputs)).Set(initialVersionKey, version).Set(managerKey, property.New(manager))
}

// secretData makes the data of a Secret secret.
func secretData(m property.Map) property.Map {
	for _, name := range []string{"data", "stringData"} {
		if v, ok := m.GetOk(name); ok {
			m = m.Set(name, v.WithSecret(true))
		}
	}
	return m
}

// fieldManager returns the name of the field manager that applies the object: that of the annotation or of the state. A
// new one is derived from the URN, so that the retry of an interrupted creation has the same one.
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

// idOf returns "namespace/name", or the name alone if the object has no namespace.
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
