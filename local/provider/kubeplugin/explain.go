package kubeplugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

const maxLines = 5 // of Pods, of events or of a log in an error message

// How long a Pod may wait for an image that cannot be pulled, how often a container may end and be started again, and
// how often both are looked at.
const (
	imageLimit = 15 * time.Second
	crashLimit = 4 // with the kubelet's waits of 10, 20, 40 and 80 s: after two and a half minutes
	podPoll    = time.Second
)

var (
	errNoImage = errors.New("a Pod waits for an image that cannot be pulled")
	errCrashes = errors.New("a container ends again and again")
)

// endWithoutHope ends a wait by end when Pods of the object have waited for an image for imageLimit, or a container has
// been started crashLimit times and has ended once more since the wait began. The official plugin waits until its own
// time limit.
func (g *plugin) endWithoutHope(ctx context.Context, obj *unstructured.Unstructured, end context.CancelCauseFunc) {
	last := time.Now() // when no Pod waited for an image
	before := map[string]int32{}
	_ = wait.PollUntilContextCancel(ctx, podPoll, true, func(ctx context.Context) (bool, error) {
		waits := false
		for _, pod := range g.pods(ctx, obj) {
			for _, c := range containers(pod) {
				key := string(pod.UID) + " " + c.Name
				if _, known := before[key]; !known {
					before[key] = c.RestartCount
				}
				switch reason := waitsFor(c); {
				case reason == "ErrImagePull" || reason == "ImagePullBackOff":
					waits = true
				case reason == "CrashLoopBackOff" && c.RestartCount >= crashLimit && c.RestartCount > before[key]:
					end(errCrashes)
				}
			}
		}
		if !waits {
			last = time.Now()
		}
		if time.Since(last) > imageLimit {
			end(errNoImage)
		}
		return false, nil
	})
}

// pods returns the Pods of a workload or a Service, or the Pod itself, unless they are being deleted.
func (g *plugin) pods(ctx context.Context, obj *unstructured.Unstructured) []corev1.Pod {
	selector, _, _ := unstructured.NestedStringMap(obj.Object, "spec", "selector", "matchLabels")
	if obj.GetKind() == "Service" {
		selector, _, _ = unstructured.NestedStringMap(obj.Object, "spec", "selector")
	}
	options := metav1.ListOptions{LabelSelector: labels.SelectorFromSet(selector).String()}
	switch {
	case obj.GetKind() == "Pod":
		options = metav1.ListOptions{FieldSelector: "metadata.name=" + obj.GetName()}
	case len(selector) == 0:
		return nil
	}
	list, err := g.cluster.core.Pods(obj.GetNamespace()).List(ctx, options)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil })
}

func containers(pod corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
}

func waitsFor(c corev1.ContainerStatus) (reason string) {
	if c.State.Waiting != nil {
		reason = c.State.Waiting.Reason
	}
	return reason
}

// podProblems describes why the Pods of a workload or a Service are not ready: their containers, the warnings about
// them, and the end of the log of a container that is not ready.
func (g *plugin) podProblems(ctx context.Context, obj *unstructured.Unstructured) []string {
	var lines []string
	problems := 0
	for _, pod := range g.pods(ctx, obj) {
		problem, container := podProblem(pod)
		if problem == "" || problems == maxLines {
			continue
		}
		problems++
		lines = append(lines, fmt.Sprintf("Pod %s: %s", pod.Name, problem))
		for _, event := range g.events(ctx, pod.Namespace, pod.UID) {
			if _, message, _ := strings.Cut(event, ": "); !strings.Contains(problem, message) {
				lines = append(lines, fmt.Sprintf("Pod %s: %s", pod.Name, event))
			}
		}
		if container != "" {
			lines = append(lines, g.logTail(ctx, pod, container)...)
		}
	}
	return lines
}

// podProblem returns the first problem of a Pod's containers or conditions, or "", and the container that has started
// and is not ready, if there is one.
func podProblem(pod corev1.Pod) (problem, container string) {
	for _, c := range containers(pod) {
		started := c.State.Running != nil || c.State.Terminated != nil || c.LastTerminationState.Terminated != nil
		if started && !c.Ready && container == "" && (c.State.Terminated == nil || c.State.Terminated.ExitCode != 0) {
			container = c.Name
		}
		if text := containerProblem(c); text != "" && problem == "" {
			problem = fmt.Sprintf("container %s %s", c.Name, text)
		}
	}
	if problem != "" {
		return problem, container
	}
	for _, c := range pod.Status.Conditions {
		if c.Status != corev1.ConditionTrue && (c.Type == corev1.PodScheduled || c.Type == corev1.PodReady) &&
			c.Reason != "PodCompleted" {
			return fmt.Sprintf("not %s: %s %s", c.Type, c.Reason, c.Message), container
		}
	}
	return "", ""
}

// containerProblem says that a container waits or has ended, and how it ended before. A container that runs has a
// problem if it is not ready after it was started again.
func containerProblem(c corev1.ContainerStatus) string {
	text := ""
	switch ended := c.State.Terminated; {
	case waitsFor(c) != "" && waitsFor(c) != "PodInitializing":
		text = fmt.Sprintf("is waiting: %s %s", waitsFor(c), c.State.Waiting.Message)
	case ended != nil && ended.Reason != "Completed":
		text = "is terminated: " + describeEnd(ended)
	case c.State.Running != nil && !c.Ready && c.RestartCount > 0:
		text = fmt.Sprintf("was started again %d times", c.RestartCount)
	}
	if before := c.LastTerminationState.Terminated; text != "" && before != nil {
		text += "; before, it ended: " + describeEnd(before)
	}
	return text
}

func describeEnd(ended *corev1.ContainerStateTerminated) string {
	return strings.TrimSpace(fmt.Sprintf("%s, exit code %d %s", ended.Reason, ended.ExitCode, ended.Message))
}

// logTail returns the last lines of a container's log. The kubelet gives those of the one that has ended, if the
// container waits to be started again.
func (g *plugin) logTail(ctx context.Context, pod corev1.Pod, container string) []string {
	options := &corev1.PodLogOptions{
		Container: container, TailLines: new(int64(maxLines)), LimitBytes: new(int64(4 << 10)),
	}
	text, err := g.cluster.core.Pods(pod.Namespace).GetLogs(pod.Name, options).DoRaw(ctx)
	if err != nil {
		return nil // there is none, or the nodes are simulated
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		lines = append(lines, fmt.Sprintf("Pod %s, log of %s: %s", pod.Name, container, strings.TrimSpace(line)))
	}
	return lines
}

// events returns the last warnings about an object.
func (g *plugin) events(ctx context.Context, namespace string, uid types.UID) []string {
	list, err := g.cluster.core.Events(namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.uid": string(uid), "type": corev1.EventTypeWarning}.String(),
	})
	if err != nil {
		return nil
	}
	slices.SortFunc(list.Items, func(a, b corev1.Event) int { return lastSeen(b).Compare(lastSeen(a)) })
	var lines []string
	for _, e := range list.Items[:min(maxLines, len(list.Items))] {
		lines = append(lines, fmt.Sprintf("%s: %s", e.Reason, e.Message))
	}
	return lines
}

// lastSeen is when an event occurred for the last time.
func lastSeen(e corev1.Event) time.Time {
	if e.LastTimestamp.IsZero() {
		return e.CreationTimestamp.Time
	}
	return e.LastTimestamp.Time
}
