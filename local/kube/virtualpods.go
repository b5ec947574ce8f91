package kube

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"oke-guestbook/local/kube/servicelb"
)

// unsupported lists what a Pod uses that virtual nodes refuse. The words of the first two are those that a user saw
// with v1.36.1 (cubeplexai/cubeplex, July 2026); that the others are refused follows from Oracle's list of what is not
// supported ("Comparing Virtual Nodes with Managed Nodes", of 2024-10-28), both read 2026-11-29. The list has more,
// which is not refused here: whether OKE refuses or ignores it is not known.
func unsupported(pod *corev1.Pod) (found []string) {
	if len(pod.Spec.InitContainers) > 0 {
		found = append(found, "initContainers are not supported")
	}
	for _, c := range pod.Spec.Containers {
		for _, m := range c.VolumeMounts {
			if m.SubPath != "" {
				found = append(found, "unsupported VolumeMount option: subPath: "+m.SubPath)
			}
		}
		if s := c.SecurityContext; s != nil && s.Privileged != nil && *s.Privileged {
			found = append(found, "privileged containers are not supported")
		}
	}
	for _, v := range pod.Spec.Volumes {
		if v.EmptyDir == nil && v.ConfigMap == nil && v.Secret == nil && v.Projected == nil && v.DownwardAPI == nil {
			found = append(found, "unsupported type of the volume "+v.Name)
		}
	}
	if pod.Spec.HostNetwork || pod.Spec.HostPID || pod.Spec.HostIPC {
		found = append(found, "the namespaces of the host are not supported")
	}
	return found
}

// whyNotRun returns why a virtual node does not run a Pod, or nothing if it runs it or is not a virtual node.
func whyNotRun(nodes corelisters.NodeLister, pod *corev1.Pod) string {
	node, err := nodes.Get(pod.Spec.NodeName)
	if err != nil {
		return ""
	}
	if _, virtual := node.Labels[servicelb.VirtualNodeLabel]; !virtual {
		return ""
	}
	if found := unsupported(pod); len(found) > 0 {
		return fmt.Sprintf("Error creating pod: [%s]", strings.Join(found, " "))
	}
	return ""
}

// createFailed is the reason of a Pod that a virtual node does not run, as users see it.
const createFailed = "ContainerCreateFailed"

// watchVirtualPods has Pods that a virtual node does not run say why, until ctx is done.
func watchVirtualPods(ctx context.Context, api kubernetes.Interface, factory informers.SharedInformerFactory) error {
	nodes := factory.Core().V1().Nodes().Lister()
	handle := func(obj any) {
		pod, ok := obj.(*corev1.Pod)
		if !ok || pod.Spec.NodeName == "" || pod.DeletionTimestamp != nil || pod.Status.Reason == createFailed {
			return
		}
		why := whyNotRun(nodes, pod)
		if why == "" {
			return
		}
		pod = pod.DeepCopy()
		pod.Status.Reason, pod.Status.Message = createFailed, why
		// A failure, such as a Pod that has changed, is followed by another event.
		_, _ = api.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	}
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: handle, UpdateFunc: func(_, obj any) { handle(obj) },
	})
	return err
}
