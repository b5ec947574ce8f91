package kubeplugin

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"oke-guestbook/local/provider/value"
)

// apply applies the object server-side and returns the live object.
func (g *plugin) apply(
	ctx context.Context, obj *unstructured.Unstructured, manager string, force, dryRun bool,
) (*unstructured.Unstructured, error) {
	client, err := g.cluster.clientOf(obj)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(applied(obj).Object)
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{FieldManager: manager, FieldValidation: metav1.FieldValidationWarn}
	if force || g.config.enablePatchForce || obj.GetAnnotations()[annotationPatchForce] == "true" {
		options.Force = new(true)
	}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	live, err := client.Patch(ctx, obj.GetName(), types.ApplyPatchType, data, options)
	if apierrors.IsConflict(err) {
		err = fmt.Errorf("another field manager owns fields that this resource sets "+
			"(the annotation %s: \"true\" takes them over): %w", annotationPatchForce, err)
	}
	return live, err
}

// checkAbsent returns an error if the object exists: applying it would change an object that is not the program's.
func (g *plugin) checkAbsent(ctx context.Context, obj *unstructured.Unstructured) error {
	if g.config.upsertExistingObjects {
		return nil
	}
	client, err := g.cluster.clientOf(obj)
	if err != nil {
		return err
	}
	_, err = client.Get(ctx, obj.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("%s %q already exists in the cluster: import it (pulumi import), "+
			"or set upsertExistingObjects on the provider to take it over", obj.GetKind(), idOf(obj))
	}
	return err
}

func (g *plugin) create(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
	gvk, err := gvkOf(req.Urn)
	if err != nil {
		return p.CreateResponse{}, err
	}
	inputs := value.PlainMap(req.Properties)
	obj := object(inputs, gvk)
	manager := fieldManager(req.Urn, property.Map{}, obj)
	if req.DryRun {
		properties, err := g.previewCreate(ctx, inputs, obj, manager, req.Properties)
		return p.CreateResponse{Properties: properties}, err
	}
	if err := g.checkReachable(); err != nil {
		return p.CreateResponse{}, err
	}
	if err := g.cluster.awaitKind(ctx, obj.GroupVersionKind()); err != nil {
		return p.CreateResponse{}, fmt.Errorf("%s %q was not created: the cluster has no such kind: %w",
			obj.GroupVersionKind(), idOf(obj), err)
	}
	if err := g.checkAbsent(ctx, obj); err != nil {
		return p.CreateResponse{}, err
	}
	live, err := g.apply(ctx, obj, manager, false, false)
	if err != nil {
		return p.CreateResponse{}, fmt.Errorf("%s %q was not created: %w", obj.GetKind(), idOf(obj), err)
	}
	live, err = g.awaitApplied(ctx, live, req.Timeout)
	out := p.CreateResponse{ID: idOf(live), Properties: state(live, req.Properties, property.Map{}, manager)}
	if err != nil {
		err = fmt.Errorf("%s %q was created, but: %w", obj.GetKind(), idOf(obj), err)
		out.PartialState = &p.InitializationFailed{Reasons: []string{err.Error()}}
	}
	return out, err
}

// awaitApplied is await, for an object that may be the definition of a new kind.
func (g *plugin) awaitApplied(
	ctx context.Context, obj *unstructured.Unstructured, timeout float64,
) (*unstructured.Unstructured, error) {
	if obj.GetKind() == "CustomResourceDefinition" {
		g.cluster.mapper.Reset()
	}
	return g.await(ctx, obj, timeout)
}

// previewCreate returns the object with the API server's defaults. It returns the inputs if a dry run is not possible.
func (g *plugin) previewCreate(
	ctx context.Context, inputs map[string]any, obj *unstructured.Unstructured, manager string, given property.Map,
) (property.Map, error) {
	content := inputs
	if g.canDryRun(inputs) {
		live, err := g.dryRun(ctx, obj, manager)
		if err != nil {
			return property.Map{}, err
		}
		if live != nil {
			content = live.Object
			delete(content, "status")
		}
	}
	out := value.KeepSecrets(value.OfMap(content), given).Set("status", property.New(property.Computed))
	for _, name := range []string{"uid", "resourceVersion", "creationTimestamp", "generation"} {
		out = setMetadata(out, name, property.New(property.Computed))
	}
	metadata := out.Get("metadata").AsMap().Delete("managedFields")
	return out.Set("metadata", property.WithGoValue(out.Get("metadata"), metadata)), nil
}

func (g *plugin) canDryRun(inputs map[string]any) bool {
	return !value.ContainsUnknown(inputs) && g.checkReachable() == nil
}

// dryRun applies without effect. It returns nil after an error that the same update may prevent: it may create the
// object's namespace or kind, or delete a conflicting object.
func (g *plugin) dryRun(
	ctx context.Context, obj *unstructured.Unstructured, manager string,
) (*unstructured.Unstructured, error) {
	live, err := g.apply(ctx, obj, manager, false, true)
	switch {
	case err == nil:
		return live, nil
	case apierrors.IsNotFound(err), apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), meta.IsNoMatchError(err):
		return nil, nil
	case apierrors.IsForbidden(err): // for example by a quota that the update raises
		p.GetLogger(ctx).Warningf("the API server would refuse this now: %v", err)
		return nil, nil
	case apierrors.IsInvalid(err) && strings.Contains(err.Error(), validation.FieldImmutableErrorMsg):
		// The API has no reason or code of its own for it. The update may replace the object.
		return nil, nil
	}
	return nil, err
}

func (g *plugin) update(ctx context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
	gvk, err := gvkOf(req.Urn)
	if err != nil {
		return p.UpdateResponse{}, err
	}
	inputs := value.PlainMap(req.Inputs)
	obj := object(inputs, gvk)
	manager := fieldManager(req.Urn, req.State, obj)
	if req.DryRun {
		properties, err := g.previewUpdate(ctx, req, inputs, obj, manager)
		return p.UpdateResponse{Properties: properties}, err
	}
	if err := g.checkReachable(); err != nil {
		if g.config.skipUpdateUnreachable {
			p.GetLogger(ctx).Warningf("not updated: %v", err)
			return p.UpdateResponse{Properties: req.State}, nil
		}
		return p.UpdateResponse{}, err
	}
	if err := g.keepIgnored(ctx, obj, req.IgnoreChanges); err != nil {
		return p.UpdateResponse{}, err
	}
	live, err := g.apply(ctx, obj, manager, false, false)
	if err != nil {
		return p.UpdateResponse{}, fmt.Errorf("%s %q was not updated: %w", obj.GetKind(), idOf(obj), err)
	}
	live, err = g.awaitApplied(ctx, live, req.Timeout)
	out := p.UpdateResponse{Properties: state(live, req.Inputs, req.State, manager)}
	if err != nil {
		err = fmt.Errorf("%s %q was updated, but: %w", obj.GetKind(), idOf(obj), err)
		out.PartialState = &p.InitializationFailed{Reasons: []string{err.Error()}}
	}
	return out, err
}

// previewUpdate returns the state after a dry run. If that is not possible, it returns the old state with the new
// inputs.
func (g *plugin) previewUpdate(
	ctx context.Context, req p.UpdateRequest, inputs map[string]any, obj *unstructured.Unstructured, manager string,
) (property.Map, error) {
	content := value.PlainMap(req.State)
	for k, v := range inputs {
		if k != "metadata" {
			content[k] = v
		}
	}
	if g.canDryRun(inputs) {
		if err := g.keepIgnored(ctx, obj, req.IgnoreChanges); err != nil {
			return property.Map{}, err
		}
		live, err := g.dryRun(ctx, obj, manager)
		if err != nil {
			return property.Map{}, err
		}
		if live != nil {
			return state(live, req.Inputs, req.State, manager), nil
		}
	}
	return value.KeepSecrets(value.OfMap(content), req.Inputs), nil
}

// keepIgnored sets the fields of ignoreChanges to their live values. The engine passes their old inputs, which
// something else, such as an autoscaler, may have changed.
func (g *plugin) keepIgnored(ctx context.Context, obj *unstructured.Unstructured, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	client, err := g.cluster.clientOf(obj)
	if err != nil {
		return err
	}
	live, err := client.Get(ctx, obj.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, path := range paths {
		parsed, err := resource.ParsePropertyPath(path)
		if err != nil {
			return fmt.Errorf("ignoreChanges %q: %w", path, err)
		}
		var fields []string
		for _, segment := range parsed {
			field, isField := segment.(string)
			if !isField || field == "*" {
				fields = nil
				break
			}
			fields = append(fields, field)
		}
		if len(fields) == 0 {
			continue
		}
		if v, ok, _ := unstructured.NestedFieldCopy(live.Object, fields...); ok {
			_ = unstructured.SetNestedField(obj.Object, v, fields...)
		}
	}
	return nil
}

const deleteUnreachableHint = "deleteUnreachable on the provider, or PULUMI_K8S_DELETE_UNREACHABLE=true, " +
	"removes the cluster's objects from the state"

func (g *plugin) delete(ctx context.Context, req p.DeleteRequest) error {
	gvk, err := gvkOf(req.Urn)
	if err != nil {
		return err
	}
	if err := g.checkReachable(); err != nil {
		if g.config.deleteUnreachable {
			p.GetLogger(ctx).Warningf("removed from the state only: %v", err)
			return nil
		}
		return fmt.Errorf("%w; %s", err, deleteUnreachableHint)
	}
	obj := object(value.PlainMap(req.OldInputs), gvk)
	if len(req.OldInputs.AsMap()) == 0 {
		obj = object(value.PlainMap(req.Properties), gvk)
	}
	namespace, name := splitID(req.ID)
	client, err := g.cluster.client(gvk, namespace)
	if meta.IsNoMatchError(err) {
		return nil // the deletion of a kind deletes its objects
	}
	if err != nil {
		return err
	}
	return g.remove(ctx, client, obj, name, req.Timeout)
}
