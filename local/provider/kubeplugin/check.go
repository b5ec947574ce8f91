package kubeplugin

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"k8s.io/apimachinery/pkg/api/meta"

	"oke-guestbook/local/provider/value"
)

// check fills in a missing name and namespace. Validation is left to the API server.
func (g *plugin) check(_ context.Context, req p.CheckRequest) (p.CheckResponse, error) {
	gvk, err := gvkOf(req.Urn)
	if err != nil {
		return p.CheckResponse{}, err
	}
	inputs := req.Inputs
	if inputs.Get("metadata").IsComputed() {
		return p.CheckResponse{Inputs: inputs}, nil
	}
	if inputs.Get("apiVersion").IsNull() {
		inputs = inputs.Set("apiVersion", property.New(gvk.GroupVersion().String()))
	}
	if inputs.Get("kind").IsNull() {
		inputs = inputs.Set("kind", property.New(gvk.Kind))
	}
	old := object(value.PlainMap(req.State), gvk)
	if isMissing(metadata(inputs, "name")) && isMissing(metadata(inputs, "generateName")) {
		name := old.GetName()
		if old.GetAnnotations()[annotationAutonamed] != "true" {
			name = req.Urn.Name() + "-" + randomHex()
		}
		inputs = setMetadata(inputs, "name", property.New(name))
		annotations := metadata(inputs, "annotations")
		if !annotations.IsMap() {
			annotations = property.New(property.Map{})
		}
		marked := annotations.AsMap().Set(annotationAutonamed, property.New("true"))
		inputs = setMetadata(inputs, "annotations", property.WithGoValue(annotations, marked))
	}
	if isMissing(metadata(inputs, "namespace")) {
		if namespace := g.defaultNamespace(req, old.GetNamespace()); namespace != "" {
			inputs = setMetadata(inputs, "namespace", property.New(namespace))
		}
	}
	return p.CheckResponse{Inputs: inputs}, nil
}

// defaultNamespace returns the provider's namespace, or "" if the kind has no namespace. With an unreachable cluster it
// returns the old namespace.
func (g *plugin) defaultNamespace(req p.CheckRequest, old string) string {
	gvk, _ := gvkOf(req.Urn)
	if g.checkReachable() != nil {
		return old
	}
	mapping, err := g.cluster.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return old
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return ""
	}
	return g.cluster.namespace
}

// metadata returns a field of the object's metadata.
func metadata(m property.Map, name string) property.Value {
	if v := m.Get("metadata"); v.IsMap() {
		return v.AsMap().Get(name)
	}
	return property.Value{}
}

func setMetadata(m property.Map, name string, v property.Value) property.Map {
	old := m.Get("metadata")
	if !old.IsMap() {
		old = property.New(property.Map{})
	}
	return m.Set("metadata", property.WithGoValue(old, old.AsMap().Set(name, v)))
}

func isMissing(v property.Value) bool {
	return v.IsNull() || v.IsString() && v.AsString() == ""
}

func randomHex() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}
