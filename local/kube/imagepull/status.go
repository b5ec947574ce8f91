package imagepull

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reasons of a container that waits for its image (kubelet, pkg/kubelet/images/types.go).
const (
	errImagePull     = "ErrImagePull"
	imagePullBackOff = "ImagePullBackOff"
)

var updateOptions = metav1.UpdateOptions{}

// statuses returns the statuses of all containers of a Pod, in the order in which they start.
func statuses(pod *corev1.Pod) (all []*corev1.ContainerStatus) {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return all
}

// waitsFor reports whether a container waits for the given reason.
func waitsFor(s *corev1.ContainerStatus, reason string) bool {
	return s.State.Waiting != nil && s.State.Waiting.Reason == reason
}

// backsOff changes the containers whose last pull has failed to the state between two pulls, if there are any.
func backsOff(pod *corev1.Pod) (changed bool) {
	for _, s := range statuses(pod) {
		if waitsFor(s, errImagePull) {
			s.State.Waiting = &corev1.ContainerStateWaiting{
				Reason:  imagePullBackOff,
				Message: fmt.Sprintf("Back-off pulling image %q: %s: %s", s.Image, errImagePull, s.State.Waiting.Message),
			}
			changed = true
		}
	}
	return changed
}

// pullAll pulls the images that are missing, those of init containers first, up to the first init container that
// cannot have its own. It writes the outcome into the Pod's status.
func (c *Controller) pullAll(ctx context.Context, pod *corev1.Pod) (failed bool) {
	for i, s := range statuses(pod) {
		if !c.asks(s) {
			continue
		}
		c.recorder.Eventf(pod, corev1.EventTypeNormal, "Pulling", "Pulling image %q", s.Image)
		id, err := c.pull(ctx, pod, s.Image)
		if err != nil {
			failed = true
			s.State = corev1.ContainerState{
				Waiting: &corev1.ContainerStateWaiting{Reason: errImagePull, Message: err.Error()},
			}
			if i < len(pod.Status.InitContainerStatuses) {
				break
			}
			continue
		}
		s.ImageID = id
		c.recorder.Eventf(pod, corev1.EventTypeNormal, "Pulled", "Successfully pulled image %q", s.Image)
	}
	return failed
}

// report writes the events of a Pod whose images cannot be pulled, in the kubelet's words.
func (c *Controller) report(pod *corev1.Pod) {
	for _, s := range statuses(pod) {
		switch {
		case waitsFor(s, errImagePull):
			c.recorder.Eventf(pod, corev1.EventTypeWarning, "Failed", "Failed to pull image %q: %s",
				s.Image, s.State.Waiting.Message)
			c.recorder.Event(pod, corev1.EventTypeWarning, "Failed", "Error: "+errImagePull)
		case waitsFor(s, imagePullBackOff):
			c.recorder.Eventf(pod, corev1.EventTypeNormal, "BackOff", "Back-off pulling image %q", s.Image)
			c.recorder.Event(pod, corev1.EventTypeWarning, "Failed", "Error: "+imagePullBackOff)
		}
	}
}
