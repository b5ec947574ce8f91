package kubeplugin

import (
	"context"
	"encoding/base64"
	"fmt"

	p "github.com/pulumi/pulumi-go-provider"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"oke-guestbook/local/provider/value"
)

// read returns the live object, for a refresh or an import.
func (g *plugin) read(ctx context.Context, req p.ReadRequest) (p.ReadResponse, error) {
	gvk, err := gvkOf(req.Urn)
	if err != nil {
		return p.ReadResponse{}, err
	}
	if err := g.checkReachable(); err != nil {
		if g.config.deleteUnreachable {
			p.GetLogger(ctx).Warningf("removed from the state: %v", err)
			return p.ReadResponse{}, nil
		}
		if g.config.skipUpdateUnreachable {
			p.GetLogger(ctx).Warningf("not refreshed: %v", err)
			return p.ReadResponse{ID: req.ID, Properties: req.Properties, Inputs: req.Inputs}, nil
		}
		return p.ReadResponse{}, fmt.Errorf("%w; %s", err, deleteUnreachableHint)
	}
	namespace, name := splitID(req.ID)
	client, err := g.cluster.client(gvk, namespace)
	if meta.IsNoMatchError(err) {
		return p.ReadResponse{}, nil
	}
	if err != nil {
		return p.ReadResponse{}, err
	}
	live, err := client.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return p.ReadResponse{}, nil
	}
	if err != nil {
		return p.ReadResponse{}, err
	}
	old := object(value.PlainMap(req.Inputs), gvk)
	manager := fieldManager(req.Urn, req.Properties, old)
	var inputs map[string]any
	if req.Inputs.Len() == 0 {
		inputs = imported(live)
	} else if inputs, err = g.liveInputs(ctx, old, live, manager); err != nil {
		return p.ReadResponse{}, err
	}
	found := value.KeepSecrets(value.OfMap(inputs), req.Inputs)
	return p.ReadResponse{ID: idOf(live), Properties: state(live, found, req.Properties, manager), Inputs: found}, nil
}

// liveInputs returns the old inputs with the live values of fields that have drifted. A field has drifted if applying
// the inputs again would change it, so defaults and other notations of a quantity are no drift.
func (g *plugin) liveInputs(
	ctx context.Context, old, live *unstructured.Unstructured, manager string,
) (map[string]any, error) {
	wanted, err := g.apply(ctx, old, manager, true, true)
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		wanted = applied(old) // for example, an immutable field has drifted: compare with what was sent
	} else if err != nil {
		return nil, err
	}
	inputs, _ := drifted(old.Object, wanted.Object, live.Object).(map[string]any)
	if plain, ok := old.Object["stringData"].(map[string]any); ok {
		inputs["stringData"] = plainData(plain, live)
	}
	return inputs, nil
}

// drifted returns old with the values of live where live differs from wanted.
func drifted(old, wanted, live any) any {
	if equal(wanted, live) {
		return old
	}
	switch o := old.(type) {
	case map[string]any:
		w, _ := wanted.(map[string]any)
		l, ok := live.(map[string]any)
		if !ok {
			return live
		}
		out := map[string]any{}
		for k, v := range o {
			_, isWanted := w[k]
			now, exists := l[k]
			switch {
			case exists:
				out[k] = drifted(v, w[k], now)
			case !isWanted: // the API server does not store it, for example a Secret's stringData
				out[k] = v
			}
		}
		return out
	case []any:
		w, _ := wanted.([]any)
		l, _ := live.([]any)
		if len(o) != len(w) || len(o) != len(l) {
			return live
		}
		out := make([]any, len(o))
		for i := range o {
			out[i] = drifted(o[i], w[i], l[i])
		}
		return out
	}
	return live
}

// plainData returns the live values of a Secret's stringData.
func plainData(old map[string]any, live *unstructured.Unstructured) map[string]any {
	out := map[string]any{}
	for k := range old {
		encoded, ok, _ := unstructured.NestedString(live.Object, "data", k)
		if data, err := base64.StdEncoding.DecodeString(encoded); ok && err == nil {
			out[k] = string(data)
		}
	}
	return out
}

// imported returns the live object without the fields that the cluster sets.
func imported(live *unstructured.Unstructured) map[string]any {
	obj := live.DeepCopy().Object
	delete(obj, "status")
	for _, field := range []string{
		"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "ownerReferences",
		"deletionTimestamp",
	} {
		unstructured.RemoveNestedField(obj, "metadata", field)
	}
	unstructured.RemoveNestedField(obj, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
	return obj
}
