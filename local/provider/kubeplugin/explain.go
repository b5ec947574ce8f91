package kubeplugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

const maxLines = 5 // of Pods or of events in an error message

// How long a Pod may wait for an image that cannot be pulled, and how often that is looked at.
const (
	imageLimit = 15 * time.Second
	imagePoll  = time.Second
)

var errNoImage = errors.New("a Pod waits for an image that cannot be pulled")

// endWithoutImage ends a wait by end when Pods of the object have waited for an image for imageLimit. The official
// plugin waits until its own time limit.
func (g *plugin) endWithoutImage(ctx context.Context, obj *unstructured.Unstructured, end context.CancelCauseFunc) {
	last := time.Now() // when no Pod waited
	_ = wait.PollUntilContextCancel(ctx, imagePoll, false, func(ctx context.Context) (bool, error) {
		waits := slices.ContainsFunc(g.podProblems(ctx, obj), func(line string) bool {
			return strings.Contains(line, "waiting: ErrImagePull ") || strings.Contains(line, "waiting: ImagePullBackOff ")
		})
		if !waits {
			last = time.Now()
		}
		if time.Since(last) > imageLimit {
			end(errNoImage)
		}
		return false, nil
	})
}

// podProblems describes why the Pods of a workload or a Service are not ready.
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
		if problem := podProblem(&list.Items[i]); problem != "" && len(lines) < maxLines {
			lines = append(lines, fmt.Sprintf("Pod %s: %s", list.Items[i].GetName(), problem))
		}
	}
	return lines
}

// podProblem returns the first problem of a Pod's containers or conditions, or "".
func podProblem(pod *unstructured.Unstructured) string {
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		statuses, _, _ := unstructured.NestedSlice(pod.Object, "status", field)
		for _, e := range statuses {
			container, _ := e.(map[string]any)
			for _, state := range []string{"waiting", "terminated"} {
				s, ok, _ := unstructured.NestedMap(container, "state", state)
				if ok && s["reason"] != "Completed" && s["reason"] != "PodInitializing" {
					return fmt.Sprintf("container %v is %s: %v %v",
						container["name"], state, s["reason"], stringOf(s["message"]))
				}
			}
		}
	}
	conditions, _, _ := unstructured.NestedSlice(pod.Object, "status", "conditions")
	for _, e := range conditions {
		c, _ := e.(map[string]any)
		if c["status"] != "True" && (c["type"] == "PodScheduled" || c["type"] == "Ready") && c["reason"] != "PodCompleted" {
			return fmt.Sprintf("not %v: %v %v", c["type"], stringOf(c["reason"]), stringOf(c["message"]))
		}
	}
	return ""
}

// stringOf returns "" for everything but a string.
func stringOf(v any) string {
	s, _ := v.(string)
	return s
}

// events returns the last warnings about the object.
func (g *plugin) events(ctx context.Context, obj *unstructured.Unstructured) []string {
	client, err := g.cluster.client(schema.GroupVersionKind{Version: "v1", Kind: "Event"}, obj.GetNamespace())
	if err != nil {
		return nil
	}
	aboutObject := metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(obj.GetUID())}
	list, err := client.List(ctx, aboutObject)
	if err != nil {
		return nil
	}
	slices.SortFunc(list.Items, func(a, b unstructured.Unstructured) int {
		return b.GetCreationTimestamp().Compare(a.GetCreationTimestamp().Time)
	})
	var lines []string
	for _, e := range list.Items {
		if e.Object["type"] == "Warning" && len(lines) < maxLines {
			lines = append(lines, fmt.Sprintf("%v: %v", e.Object["reason"], e.Object["message"]))
		}
	}
	return lines
}
