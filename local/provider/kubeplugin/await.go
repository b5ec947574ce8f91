package kubeplugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// readiness reports whether an object is ready and, if it is not, what it waits for. An error is final.
type readiness func(obj *unstructured.Unstructured) (ready bool, waitsFor string, err error)

// awaited holds the kinds that are awaited, by group and kind, with their default timeouts. As in the official plugin,
// all other kinds are ready at once.
var awaited = map[string]struct {
	ready   readiness
	minutes int
}{
	"apps/Deployment":           {byStatus, 10},
	"apps/StatefulSet":          {byStatus, 10},
	"apps/DaemonSet":            {byStatus, 10},
	"apps/ReplicaSet":           {byStatus, 10},
	"batch/Job":                 {jobReady, 10},
	"/Pod":                      {podReady, 10},
	"/Service":                  {serviceReady, 10},
	"/PersistentVolume":         {volumeReady, 5},
	"/PersistentVolumeClaim":    {byStatus, 5}, // unless it binds on first use
	"/ReplicationController":    {byStatus, 10},
	"/ResourceQuota":            {quotaReady, 1},
	"networking.k8s.io/Ingress": {ingressReady, 10},
	"apiextensions.k8s.io/CustomResourceDefinition": {byStatus, 5},
	"apiregistration.k8s.io/APIService":             {byStatus, 5},
}

// await waits until the object is ready and returns its last state, also if there is an error. The timeout is the
// resource's custom timeout in seconds, or 0.
func (g *plugin) await(
	ctx context.Context, obj *unstructured.Unstructured, timeout float64,
) (*unstructured.Unstructured, error) {
	gvk := obj.GroupVersionKind()
	rule, ok := awaited[gvk.Group+"/"+gvk.Kind]
	if !ok || obj.GetAnnotations()[annotationSkipAwait] == "true" {
		return obj, nil
	}
	limit, err := timeLimit(obj, timeout, time.Duration(rule.minutes)*time.Minute)
	if err != nil {
		return obj, err
	}
	if gvk.Kind == "PersistentVolumeClaim" && g.bindsOnFirstUse(ctx, obj) {
		return obj, nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	client, err := g.cluster.clientOf(obj)
	if err != nil {
		return obj, err
	}
	go g.endWithoutHope(ctx, obj, end)
	logger := p.GetLogger(ctx)
	last, waitsFor := obj, ""
	list := lister(client, "", "metadata.name="+obj.GetName())
	err = watchUntil(ctx, list, nil, func(event watch.Event, now *unstructured.Unstructured) (bool, error) {
		if event.Type == watch.Deleted {
			return false, errors.New("it was deleted before it was ready")
		}
		if older(now, obj) {
			return false, nil
		}
		last = now
		ready, text, err := rule.ready.after(obj, now)
		if text != waitsFor && text != "" && !ready {
			logger.InfoStatus(text)
		}
		waitsFor = text
		return ready, err
	})
	if err == nil && gvk.Group == "" && gvk.Kind == "Service" {
		waitsFor = "waits for its endpoints to be ready"
		err = g.awaitEndpoints(ctx, last)
	}
	switch {
	case err == nil:
		return last, nil
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		err = fmt.Errorf("it was not ready within %s: %s", limit, waitsFor)
	case errors.Is(context.Cause(ctx), errNoImage), errors.Is(context.Cause(ctx), errCrashes):
		err = fmt.Errorf("%w: %s", context.Cause(ctx), waitsFor)
	case ctx.Err() != nil:
		err = errors.New("cancelled: " + waitsFor)
	}
	if more := g.explain(last); more != "" {
		err = fmt.Errorf("%w\n%s", err, more)
	}
	return last, err
}

// after is whether the object is ready after a change.
func (r readiness) after(changed, now *unstructured.Unstructured) (ready bool, waitsFor string, err error) {
	ready, waitsFor, err = r(now)
	if err != nil && failedBefore(changed, now) {
		err = nil
	}
	return ready, waitsFor, err
}

// failedBefore reports whether the condition by which a Deployment has failed is of the rollout before the change that
// is awaited: the controller leaves it until the new one has progressed.
func failedBefore(changed, now *unstructured.Unstructured) bool {
	observed, _, _ := unstructured.NestedInt64(changed.Object, "status", "observedGeneration")
	if observed == changed.GetGeneration() {
		return false
	}
	progressing := func(obj *unstructured.Unstructured) map[string]any {
		conditions, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
		for _, e := range conditions {
			if c, _ := e.(map[string]any); c["type"] == "Progressing" {
				return c
			}
		}
		return nil
	}
	before := progressing(changed)
	return before != nil && before["status"] == "False" && maps.Equal(before, progressing(now))
}

// older reports whether a is an earlier version than b: a watch may start with old versions from the API server's
// cache.
func older(a, b *unstructured.Unstructured) bool {
	before, err1 := strconv.ParseUint(a.GetResourceVersion(), 10, 64)
	after, err2 := strconv.ParseUint(b.GetResourceVersion(), 10, 64)
	return err1 == nil && err2 == nil && before < after
}

// timeLimit returns the resource's custom timeout in seconds, that of the annotation, or the standard one.
func timeLimit(obj *unstructured.Unstructured, timeout float64, standard time.Duration) (time.Duration, error) {
	if timeout > 0 {
		return time.Duration(timeout * float64(time.Second)), nil
	}
	text, ok := obj.GetAnnotations()[annotationTimeout]
	if !ok {
		return standard, nil
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds <= 0 {
		return 0, fmt.Errorf("annotation %s: %q is not a positive number of seconds", annotationTimeout, text)
	}
	return time.Duration(seconds) * time.Second, nil
}

func byStatus(obj *unstructured.Unstructured) (bool, string, error) {
	result, err := status.Compute(obj)
	if err != nil {
		return false, "", err
	}
	switch result.Status {
	case status.CurrentStatus:
		return true, "", nil
	case status.FailedStatus:
		return false, result.Message, errors.New(result.Message)
	}
	return false, result.Message, nil
}

// podReady does not fail for an unschedulable Pod: its node may not exist yet.
func podReady(obj *unstructured.Unstructured) (bool, string, error) {
	ready, text, err := byStatus(obj)
	if phase, _, _ := unstructured.NestedString(obj.Object, "status", "phase"); phase != "Failed" {
		err = nil
	}
	return ready, text, err
}

func jobReady(obj *unstructured.Unstructured) (bool, string, error) {
	if suspended, _, _ := unstructured.NestedBool(obj.Object, "spec", "suspend"); suspended {
		return true, "", nil
	}
	conditions, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	for _, e := range conditions {
		c, _ := e.(map[string]any)
		if c["status"] != "True" {
			continue
		}
		switch c["type"] {
		case "Complete":
			return true, "", nil
		case "Failed":
			return false, "", fmt.Errorf("the Job failed: %v: %v", c["reason"], c["message"])
		}
	}
	done, _, _ := unstructured.NestedInt64(obj.Object, "status", "succeeded")
	return false, fmt.Sprintf("the Job is not complete, %d Pods succeeded", done), nil
}

func serviceReady(obj *unstructured.Unstructured) (bool, string, error) {
	serviceType, _, _ := unstructured.NestedString(obj.Object, "spec", "type")
	addresses, _, _ := unstructured.NestedSlice(obj.Object, "status", "loadBalancer", "ingress")
	if serviceType != "LoadBalancer" || len(addresses) > 0 {
		return true, "", nil
	}
	return false, "waits for the load balancer's address", nil
}

func ingressReady(obj *unstructured.Unstructured) (bool, string, error) {
	addresses, _, _ := unstructured.NestedSlice(obj.Object, "status", "loadBalancer", "ingress")
	return len(addresses) > 0, "waits for the ingress controller's address", nil
}

func volumeReady(obj *unstructured.Unstructured) (bool, string, error) {
	phase, _, _ := unstructured.NestedString(obj.Object, "status", "phase")
	return phase == "Available" || phase == "Bound", "the volume is " + phase, nil
}

func quotaReady(obj *unstructured.Unstructured) (bool, string, error) {
	want, _, _ := unstructured.NestedMap(obj.Object, "spec", "hard")
	have, _, _ := unstructured.NestedMap(obj.Object, "status", "hard")
	return maps.Equal(want, have), "waits for the quota to be counted", nil
}

// bindsOnFirstUse reports whether the claim's storage class waits for the first Pod that uses the claim. The program
// may create that Pod after the claim.
func (g *plugin) bindsOnFirstUse(ctx context.Context, claim *unstructured.Unstructured) bool {
	name, _, _ := unstructured.NestedString(claim.Object, "spec", "storageClassName")
	kind := schema.GroupVersionKind{Group: "storage.k8s.io", Version: "v1", Kind: "StorageClass"}
	classes, err := g.cluster.client(kind, "")
	if err != nil {
		return false
	}
	list, err := classes.List(ctx, metav1.ListOptions{})
	if err != nil {
		return false
	}
	for _, class := range list.Items {
		isDefault := class.GetAnnotations()["storageclass.kubernetes.io/is-default-class"] == "true"
		if class.GetName() == name || name == "" && isDefault {
			return class.Object["volumeBindingMode"] == "WaitForFirstConsumer"
		}
	}
	return false
}

// awaitEndpoints waits until all endpoints of the Service are ready. Services without selector, headless ones and those
// with an external name are not awaited.
func (g *plugin) awaitEndpoints(ctx context.Context, service *unstructured.Unstructured) error {
	selector, _, _ := unstructured.NestedMap(service.Object, "spec", "selector")
	clusterIP, _, _ := unstructured.NestedString(service.Object, "spec", "clusterIP")
	serviceType, _, _ := unstructured.NestedString(service.Object, "spec", "type")
	if len(selector) == 0 || clusterIP == "None" || serviceType == "ExternalName" {
		return nil
	}
	kind := schema.GroupVersionKind{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"}
	client, err := g.cluster.client(kind, service.GetNamespace())
	if err != nil {
		return err
	}
	ready := map[string]bool{} // by EndpointSlice: whether all of its endpoints are ready
	list := lister(client, "kubernetes.io/service-name="+service.GetName(), "")
	return watchUntil(ctx, list, nil, func(event watch.Event, slice *unstructured.Unstructured) (bool, error) {
		ready[slice.GetName()] = endpointsReady(slice)
		if event.Type == watch.Deleted {
			delete(ready, slice.GetName())
		}
		allReady := !slices.Contains(slices.Collect(maps.Values(ready)), false)
		return len(ready) > 0 && allReady, nil
	})
}

func endpointsReady(slice *unstructured.Unstructured) bool {
	endpoints, _, _ := unstructured.NestedSlice(slice.Object, "endpoints")
	for _, e := range endpoints {
		endpoint, _ := e.(map[string]any)
		if ready, ok, _ := unstructured.NestedBool(endpoint, "conditions", "ready"); ok && !ready {
			return false
		}
	}
	return true
}

// explain describes why an object is not ready: the problems of its Pods and its last warnings.
func (g *plugin) explain(obj *unstructured.Unstructured) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	lines := g.podProblems(ctx, obj)
	lines = append(lines, g.events(ctx, obj.GetNamespace(), obj.GetUID())...)
	return strings.Join(lines, "\n")
}
