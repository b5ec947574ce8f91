package nodescaler

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	resourcehelper "k8s.io/component-helpers/resource"
	corev1helpers "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
)

// unschedulable returns the Pods that the scheduler has found no node for, oldest first.
func (s *Scaler) unschedulable() ([]*corev1.Pod, error) {
	pods, err := s.pods.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	waiting := slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool {
		return p.DeletionTimestamp != nil || p.Spec.NodeName != "" ||
			!slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
				return c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse &&
					c.Reason == corev1.PodReasonUnschedulable
			})
	})
	slices.SortFunc(waiting, func(a, b *corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return waiting, nil
}

// holds reports whether a Pod could run on a new node: its requests, node selector, affinity and tolerations. What it
// asks of other Pods and of volumes is not considered.
func holds(node *corev1.Node, pod *corev1.Pod) bool {
	if match, err := nodeaffinity.GetRequiredNodeAffinity(pod).Match(node); err != nil || !match {
		return false
	}
	_, repelled := corev1helpers.FindMatchingUntoleratedTaint(klog.Background(), node.Spec.Taints, pod.Spec.Tolerations,
		func(t *corev1.Taint) bool { return t.Effect != corev1.TaintEffectPreferNoSchedule }, false)
	if repelled {
		return false
	}
	for name, quantity := range resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{}) {
		if room := node.Status.Allocatable[name]; quantity.Cmp(room) > 0 {
			return false
		}
	}
	return true
}

// idle returns the instances whose nodes have no Pods but those of DaemonSets.
func (s *Scaler) idle() (map[string]bool, error) {
	nodes, err := s.nodes.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	pods, err := s.pods.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	busy := map[string]bool{}
	for _, p := range pods {
		ended := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
		if owner := metav1.GetControllerOf(p); !ended && (owner == nil || owner.Kind != "DaemonSet") {
			busy[p.Spec.NodeName] = true
		}
	}
	idle := map[string]bool{}
	for _, n := range nodes {
		if !busy[n.Name] && n.DeletionTimestamp == nil && !n.Spec.Unschedulable {
			idle[n.Spec.ProviderID] = true
		}
	}
	return idle, nil
}
