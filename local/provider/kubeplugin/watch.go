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

// condition sees every state of the objects that are watched; it ends the watch with true or an error.
type condition func(event watch.Event, obj *unstructured.Unstructured) (bool, error)

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

func watchList(ctx context.Context, client dynamic.ResourceInterface, labels, fields string, check condition) error {
	_, err := watchtools.UntilWithSync(ctx, lister(client, labels, fields), &unstructured.Unstructured{}, nil, func(event watch.Event) (bool, error) {
		obj, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			return false, nil
		}
		return check(event, obj)
	})
	return err
}

func watchOne(ctx context.Context, client dynamic.ResourceInterface, name string, check condition) error {
	return watchList(ctx, client, "", "metadata.name="+name, check)
}

const deleteLimit = 10 * time.Minute

// remove deletes the object and waits until it is gone.
func (g *plugin) remove(ctx context.Context, client dynamic.ResourceInterface, obj *unstructured.Unstructured, name string, timeout float64) error {
	policy := metav1.DeletePropagationForeground
	switch obj.GetAnnotations()[annotationDeletion] {
	case "background":
		policy = metav1.DeletePropagationBackground
	case "orphan":
		policy = metav1.DeletePropagationOrphan
	}
	live, err := client.Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		uid := live.GetUID() // never another object that took the name
		err = client.Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &policy, Preconditions: &metav1.Preconditions{UID: &uid}})
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
	limit, err := timeLimit(obj, timeout, deleteLimit)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last *unstructured.Unstructured
	gone := func(store cache.Store) (bool, error) { return len(store.List()) == 0, nil }
	logger := p.GetLogger(ctx)
	_, err = watchtools.UntilWithSync(ctx, lister(client, "", "metadata.name="+name), &unstructured.Unstructured{}, gone, func(event watch.Event) (bool, error) {
		now, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			return false, nil
		}
		if last == nil && len(now.GetFinalizers()) > 0 {
			logger.InfoStatusf("waits for its finalizers: %v", now.GetFinalizers())
		}
		last = now
		return event.Type == watch.Deleted || now.GetUID() != live.GetUID(), nil
	})
	if err == nil {
		return nil
	}
	reason := "is still there"
	if last != nil {
		reason = fmt.Sprintf("is still there, finalizers %v", last.GetFinalizers())
		conditions, _, _ := unstructured.NestedSlice(last.Object, "status", "conditions")
		for _, e := range conditions {
			if c, _ := e.(map[string]any); c["status"] == "True" {
				reason += fmt.Sprintf("; %v: %v", c["reason"], c["message"])
			}
		}
	}
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return fmt.Errorf("%s %q %s after %s", obj.GetKind(), name, reason, limit)
	}
	return fmt.Errorf("%s %q %s: %w", obj.GetKind(), name, reason, err)
}
