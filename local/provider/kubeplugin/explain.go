package kubeplugin

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var listAll = metav1.ListOptions{}

const mostLines = 5 // of Pods or events in an error message

// podProblems says for each Pod of a workload why it is not ready.
func (g *plugin) podProblems(ctx context.Context, obj *unstructured.Unstructured) []string {
	selector, _, _ := unstructured.NestedStringMap(obj.Object, "spec", "selector", "matchLabels")
	if obj.GetKind() == "Service" {
		selector, _, _ = unstructured.NestedStringMap(obj.Object, "spec", "selector")
	}
	if len(selector) == 0 {
		return nil
	}
	pods, err := g.cluster.client(schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, obj.GetNamespace())
	if err != nil {
		return nil
	}
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(selector).String()})
	if err != nil {
		return nil
	}
	var lines []string
	for i := range list.Items {
		if problem := podProblem(&list.Items[i]); problem != "" && len(lines) < mostLines {
			lines = append(lines, fmt.Sprintf("Pod %s: %s", list.Items[i].GetName(), problem))
		}
	}
	return lines
}

func podProblem(pod *unstructured.Unstructured) string {
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", field)
		for _, e := range statuses {
			container, _ := e.(map[string]any)
			for _, state := range []string{"waiting", "terminated"} {
				s, ok, _ := unstructured.NestedMap(container, "state", state)
				if ok && s["reason"] != "Completed" && s["reason"] != "PodInitializing" {
					return fmt.Sprintf("container %v is %s: %v %v", container["name"], state, s["reason"], text(s["message"]))
				}
			}
		}
	}
	conditions, _, _ := unstructured.NestedSlice(pod.Object, "status", "conditions")
	for _, e := range conditions {
		c, _ := e.(map[string]any)
		if c["status"] != "True" && (c["type"] == "PodScheduled" || c["type"] == "Ready") && c["reason"] != "PodCompleted" {
			return fmt.Sprintf("not %v: %v %v", c["type"], text(c["reason"]), text(c["message"]))
		}
	}
	return ""
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// events are the last warnings about the object.
func (g *plugin) events(ctx context.Context, obj *unstructured.Unstructured) []string {
	client, err := g.cluster.client(schema.GroupVersionKind{Version: "v1", Kind: "Event"}, obj.GetNamespace())
	if err != nil {
		return nil
	}
	list, err := client.List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(obj.GetUID())})
	if err != nil {
		return nil
	}
	slices.SortFunc(list.Items, func(a, b unstructured.Unstructured) int {
		return b.GetCreationTimestamp().Compare(a.GetCreationTimestamp().Time)
	})
	var lines []string
	for _, e := range list.Items {
		if e.Object["type"] == "Warning" && len(lines) < mostLines {
			lines = append(lines, fmt.Sprintf("%v: %v", e.Object["reason"], e.Object["message"]))
		}
	}
	return lines
}
