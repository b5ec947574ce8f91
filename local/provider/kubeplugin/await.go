package kubeplugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// readiness says whether an object is ready, and what it waits for if not; an error means that it will not be.
type readiness func(obj *unstructured.Unstructured) (ready bool, waitsFor string, err error)

// awaited are the kinds that are waited for, as in the official plugin: by group and kind. All others are ready at once.
var awaited = map[string]struct {
	ready   readiness
	minutes int
}{
	"apps/Deployment":   {byStatus, 10},
	"apps/StatefulSet":  {byStatus, 10},
	"apps/DaemonSet":    {byStatus, 10},
	"apps/ReplicaSet":   {byStatus, 10},
	"batch/Job":         {jobReady, 10},
	"/Pod":              {podReady, 10},
	"/Service":          {serviceReady, 10},
	"/PersistentVolume": {volumeReady, 5},
	// A claim of a class with WaitForFirstConsumer is not waited for: see await.
	"/PersistentVolumeClaim":                        {byStatus, 5},
	"/ReplicationController":                        {byStatus, 10},
	"/ResourceQuota":                                {quotaReady, 1},
	"networking.k8s.io/Ingress":                     {ingressReady, 10},
	"apiextensions.k8s.io/CustomResourceDefinition": {byStatus, 5},
	"apiregistration.k8s.io/APIService":             {byStatus, 5},
}

// await waits until the object is ready and returns it as it is then, or as it was last seen.
func (g *plugin) await(ctx context.Context, obj *unstructured.Unstructured, timeout float64) (*unstructured.Unstructured, error) {
	gvk := obj.GroupVersionKind()
	rule, ok := awaited[gvk.Group+"/"+gvk.Kind]
	if !ok || obj.GetAnnotations()[annotationSkipAwait] == "true" {
		return obj, nil
	}
	limit, err := timeLimit(obj, timeout, time.Duration(rule.minutes)*time.Minute)
	if err != nil {
		return obj, err
	}
	if gvk.Kind == "PersistentVolumeClaim" && g.bindsLate(ctx, obj) {
		return obj, nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client, err := g.cluster.clientOf(obj)
	if err != nil {
		return obj, err
	}
	logger := p.GetLogger(ctx)
	last, waitsFor := obj, ""
	err = watchOne(ctx, client, obj.GetName(), func(event watch.Event, now *unstructured.Unstructured) (bool, error) {
		if event.Type == watch.Deleted {
			return false, errors.New("it was deleted while it was waited for")
		}
		if older(now, obj) {
			return false, nil
		}
		last = now
		ready, text, err := rule.ready(now)
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
	if err == nil {
		return last, nil
	}
	var reason string
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		reason = fmt.Sprintf("it was not ready within %s: %s", limit, waitsFor)
	case ctx.Err() != nil:
		reason = "cancelled while waiting: " + waitsFor
	default:
		reason = err.Error()
	}
	if more := g.explain(last); more != "" {
		reason += "\n" + more
	}
	return last, errors.New(reason)
}

// older says whether a was seen before b: a watch may begin with what the API server's cache still holds.
func older(a, b *unstructured.Unstructured) bool {
	before, err1 := strconv.ParseUint(a.GetResourceVersion(), 10, 64)
	after, err2 := strconv.ParseUint(b.GetResourceVersion(), 10, 64)
	return err1 == nil && err2 == nil && before < after
}

// timeLimit is for how long to wait: the resource's custom timeout, the annotation, or what is usual.
func timeLimit(obj *unstructured.Unstructured, timeout float64, usual time.Duration) (time.Duration, error) {
	if timeout > 0 {
		return time.Duration(timeout * float64(time.Second)), nil
	}
	text, ok := obj.GetAnnotations()[annotationTimeout]
	if !ok {
		return usual, nil
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

// podReady does not take "not scheduled yet" for a failure: the nodes may still be coming.
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
	return loadBalancerReady(obj, "spec", "type")
}

func loadBalancerReady(obj *unstructured.Unstructured, typePath ...string) (bool, string, error) {
	kind, _, _ := unstructured.NestedString(obj.Object, typePath...)
	addresses, _, _ := unstructured.NestedSlice(obj.Object, "status", "loadBalancer", "ingress")
	if kind != "LoadBalancer" || len(addresses) > 0 {
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

// bindsLate says whether the claim waits for a Pod that uses it, which may be made only after it.
func (g *plugin) bindsLate(ctx context.Context, claim *unstructured.Unstructured) bool {
	name, _, _ := unstructured.NestedString(claim.Object, "spec", "storageClassName")
	classes, err := g.cluster.client(schema.GroupVersionKind{Group: "storage.k8s.io", Version: "v1", Kind: "StorageClass"}, "")
	if err != nil {
		return false
	}
	list, err := classes.List(ctx, listAll)
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

// awaitEndpoints waits until no Pod behind the Service is still starting. A Service without selector, without address or with
// an external name has none to wait for.
func (g *plugin) awaitEndpoints(ctx context.Context, service *unstructured.Unstructured) error {
	selector, _, _ := unstructured.NestedMap(service.Object, "spec", "selector")
	clusterIP, _, _ := unstructured.NestedString(service.Object, "spec", "clusterIP")
	kind, _, _ := unstructured.NestedString(service.Object, "spec", "type")
	if len(selector) == 0 || clusterIP == "None" || kind == "ExternalName" {
		return nil
	}
	slices, err := g.cluster.client(schema.GroupVersionKind{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"}, service.GetNamespace())
	if err != nil {
		return err
	}
	seen := map[string]bool{} // slice to whether all of its endpoints are ready
	return watchList(ctx, slices, "kubernetes.io/service-name="+service.GetName(), "", func(event watch.Event, slice *unstructured.Unstructured) (bool, error) {
		seen[slice.GetName()] = endpointsReady(slice)
		if event.Type == watch.Deleted {
			delete(seen, slice.GetName())
		}
		for _, ready := range seen {
			if !ready {
				return false, nil
			}
		}
		return len(seen) > 0, nil
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

// explain tells, for an object that did not get ready, what its Pods lack and what its last events say.
func (g *plugin) explain(obj *unstructured.Unstructured) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	lines := g.podProblems(ctx, obj)
	lines = append(lines, g.events(ctx, obj)...)
	return strings.Join(lines, "\n")
}
