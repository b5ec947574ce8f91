package kube

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const (
	// namespacePoll is how often a namespace that ends is looked at.
	namespacePoll = time.Second
	// checkedAnnotation is changed to have the namespace controller look at a namespace again: it looks five seconds after
	// a change, and else after half of the longest grace period of a Pod (worker in pkg/controller/namespace of
	// Kubernetes 1.36).
	checkedAnnotation = "local-cloud/checked"
)

// namespaceEnder makes the end of namespaces as much faster as life cycles are: Pods that drain for a minute would keep
// one for a minute and a half.
type namespaceEnder struct {
	api    kubernetes.Interface
	scaled func(time.Duration) time.Duration

	mu    sync.Mutex
	known map[types.UID]bool
}

// watch ends namespaces that are being deleted, until ctx is done.
func (e *namespaceEnder) watch(ctx context.Context, factory informers.SharedInformerFactory, run func(func())) error {
	e.known = map[types.UID]bool{}
	found := func(object any) {
		namespace, ok := object.(*corev1.Namespace)
		if !ok || namespace.DeletionTimestamp == nil {
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if !e.known[namespace.UID] {
			e.known[namespace.UID] = true
			run(func() { e.end(ctx, namespace.Name) })
		}
	}
	_, err := factory.Core().V1().Namespaces().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: found, UpdateFunc: func(_, now any) { found(now) },
	})
	return err
}

// end hurries a namespace's Pods until it is gone.
func (e *namespaceEnder) end(ctx context.Context, name string) {
	hurried := map[types.UID]bool{}
	_ = wait.PollUntilContextCancel(ctx, namespacePoll, true, func(ctx context.Context) (bool, error) {
		pods, err := e.api.CoreV1().Pods(name).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, nil // asked again
		}
		for _, pod := range pods.Items {
			if !hurried[pod.UID] {
				hurried[pod.UID] = e.hurry(ctx, pod) == nil
			}
		}
		if len(pods.Items) > 0 {
			return false, nil
		}
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, checkedAnnotation, time.Now().Format(time.RFC3339))
		_, err = e.api.CoreV1().Namespaces().Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

// hurry gives a Pod a shorter grace period.
func (e *namespaceEnder) hurry(ctx context.Context, pod corev1.Pod) error {
	grace := int64(corev1.DefaultTerminationGracePeriodSeconds)
	if pod.Spec.TerminationGracePeriodSeconds != nil {
		grace = *pod.Spec.TerminationGracePeriodSeconds
	}
	grace = max(1, int64(e.scaled(time.Duration(grace)*time.Second)/time.Second)) // 0 would not wait for the kubelet
	err := e.api.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &grace, Preconditions: metav1.NewUIDPreconditions(string(pod.UID)),
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}
