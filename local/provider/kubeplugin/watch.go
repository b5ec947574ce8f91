package kubeplugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// condition is called with each state of the watched objects. True or an error ends the watch.
type condition func(event watch.Event, obj *unstructured.Unstructured) (bool, error)

// lister lists and watches the objects that match the selectors.
func lister(client dynamic.ResourceInterface, labels, fields string) cache.ListerWatcher {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector, o.FieldSelector = labels, fields
			return client.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector, o.FieldSelector = labels, fields
			return client.Watch(ctx, o)
		},
	}
}

// watchUntil watches objects until check or precondition ends it. It calls precondition, unless that is nil, once with
// the listed objects, and then check with each state of an object, from the listed one on.
func watchUntil(
	ctx context.Context, list cache.ListerWatcher, precondition watchtools.PreconditionFunc, check condition,
) error {
	each := func(event watch.Event) (bool, error) {
		obj, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			return false, nil
		}
		return check(event, obj)
	}
	_, err := watchtools.UntilWithSync(ctx, list, &unstructured.Unstructured{}, precondition, each)
	return err
}

const deleteTimeout = 10 * time.Minute

// remove deletes the object and waits until it does not exist any more. The annotations are those of obj; the timeout
// is the resource's custom timeout in seconds, or 0.
func (g *plugin) remove(
	ctx context.Context, client dynamic.ResourceInterface, obj *unstructured.Unstructured, name string, timeout float64,
) error {
	policy := metav1.DeletePropagationForeground
	switch obj.GetAnnotations()[annotationDeletion] {
	case "background":
		policy = metav1.DeletePropagationBackground
	case "orphan":
		policy = metav1.DeletePropagationOrphan
	}
	live, err := client.Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		uid := live.GetUID() // not a new object of the same name
		precondition := &metav1.Preconditions{UID: &uid}
		err = client.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &policy, Preconditions: precondition})
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if obj.GetAnnotations()[annotationSkipAwait] == "true" {
		return nil
	}
	limit, err := timeLimit(obj, timeout, deleteTimeout)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	last, err := awaitDeletion(ctx, client, live)
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return fmt.Errorf("%s %q %s after %s", obj.GetKind(), name, remains(last), limit)
	}
	return fmt.Errorf("%s %q %s: %w", obj.GetKind(), name, remains(last), err)
}

// awaitDeletion waits until the object is deleted, or replaced by another one of the same name. It returns the last
// state, which may be nil.
func awaitDeletion(
	ctx context.Context, client dynamic.ResourceInterface, obj *unstructured.Unstructured,
) (last *unstructured.Unstructured, err error) {
	deleted := func(store cache.Store) (bool, error) { return len(store.List()) == 0, nil }
	list := lister(client, "", "metadata.name="+obj.GetName())
	err = watchUntil(ctx, list, deleted, func(event watch.Event, now *unstructured.Unstructured) (bool, error) {
		if last == nil && len(now.GetFinalizers()) > 0 {
			p.GetLogger(ctx).InfoStatusf("waits for its finalizers: %v", now.GetFinalizers())
		}
		last = now
		return event.Type == watch.Deleted || now.GetUID() != obj.GetUID(), nil
	})
	return last, err
}

// remains describes an object that should be deleted.
func remains(obj *unstructured.Unstructured) string {
	if obj == nil {
		return "still exists"
	}
	text := fmt.Sprintf("still exists, finalizers %v", obj.GetFinalizers())
	conditions, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	for _, e := range conditions {
		if c, _ := e.(map[string]any); c["status"] == "True" {
			text += fmt.Sprintf("; %v: %v", c["reason"], c["message"])
		}
	}
	return text
}
