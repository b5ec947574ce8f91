package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"oke-guestbook/local/cloud"
)

const (
	// evictionGrace is how long OKE lets evictions try before it removes a node all the same (evictionGraceDuration of a
	// node pool, default PT60M).
	evictionGrace    = time.Hour
	shortestEviction = 5 * time.Second
	evictionRetry    = 500 * time.Millisecond
)

// syncNodes registers the nodes that are new, brings the labels of the others up to date, and removes the rest.
func (c *cluster) syncNodes(ctx context.Context, want []cloud.Node) error {
	c.nodesMu.Lock()
	defer c.nodesMu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.mu.Lock()
	if c.cancel == nil {
		c.mu.Unlock()
		return errors.New("the control plane does not run")
	}
	defer context.AfterFunc(c.ctx, cancel)()
	c.controllers.Add(1) // whoever stops the control plane waits for this
	defer c.controllers.Done()
	c.mu.Unlock()

	list, err := c.api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("nodes: %w", err)
	}
	lost := map[string]corev1.Node{}
	for _, n := range list.Items {
		lost[n.Name] = n
	}
	for _, n := range want {
		have, ok := lost[n.Name]
		if ok && have.Spec.ProviderID != n.InstanceID {
			// Another instance got the address of one that is gone.
			if err := c.removeNode(ctx, have.Name); err != nil {
				return err
			}
			ok = false
		}
		delete(lost, n.Name)
		if ok {
			err = c.updateNode(ctx, n)
		} else {
			err = c.registerNode(ctx, n)
		}
		if err != nil {
			return fmt.Errorf("node %s: %w", n.Name, err)
		}
	}
	return c.removeNodes(ctx, lost)
}

func (c *cluster) registerNode(ctx context.Context, n cloud.Node) error {
	node, err := c.api.CoreV1().Nodes().Create(ctx, nodeObject(n, c.state.Cluster, c.cfg.Region), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = c.api.StorageV1().CSINodes().Create(ctx, csiNode(node), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// updateNode sets the labels and the kubelet's version, and makes a node that was to be removed schedulable again.
func (c *cluster) updateNode(ctx context.Context, n cloud.Node) error {
	want := nodeObject(n, c.state.Cluster, c.cfg.Region)
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		have, err := c.api.CoreV1().Nodes().Get(ctx, n.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		changed := false
		for k, v := range want.Labels {
			if old, ok := have.Labels[k]; !ok || old != v {
				have.Labels[k] = v
				changed = true
			}
		}
		if changed {
			if have, err = c.api.CoreV1().Nodes().Update(ctx, have, metav1.UpdateOptions{}); err != nil {
				return err
			}
		}
		if have.Status.NodeInfo == want.Status.NodeInfo {
			return nil
		}
		have.Status.NodeInfo = want.Status.NodeInfo
		have.Status.Capacity, have.Status.Allocatable = want.Status.Capacity, want.Status.Allocatable
		_, err = c.api.CoreV1().Nodes().UpdateStatus(ctx, have, metav1.UpdateOptions{})
		return err
	})
}

// removeNodes cordons all nodes first, so that no evicted Pod moves from one to another.
func (c *cluster) removeNodes(ctx context.Context, lost map[string]corev1.Node) error {
	for name := range lost {
		patch := []byte(`{"spec":{"unschedulable":true}}`)
		_, err := c.api.CoreV1().Nodes().Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("cordon node %s: %w", name, err)
		}
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for name := range lost {
		wg.Go(func() {
			if err := c.removeNode(ctx, name); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// removeNode drains a node, for the grace period at most, and deletes it.
func (c *cluster) removeNode(ctx context.Context, name string) error {
	grace := c.cfg.scaled(evictionGrace, shortestEviction)
	drain, cancel := context.WithTimeout(ctx, grace)
	err := c.evictAll(drain, name)
	cancel()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		c.log.Warn("node removed before all its Pods were evicted", "node", name, "grace", grace, "error", err)
	}
	pods, err := c.podsOn(ctx, name)
	if err != nil {
		return err
	}
	// What is left dies with the instance.
	for _, pod := range pods {
		err := c.api.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("pod %s/%s on node %s: %w", pod.Namespace, pod.Name, name, err)
		}
	}
	err = c.api.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("node %s: %w", name, err)
	}
	return nil
}

// evictAll asks for the eviction of the node's Pods, again and again, until none is left but those of DaemonSets, and no
// volume is attached.
func (c *cluster) evictAll(ctx context.Context, node string) error {
	var refused error
	for {
		pods, err := c.podsOn(ctx, node)
		if err != nil {
			return errors.Join(err, refused)
		}
		left := 0
		for _, pod := range pods {
			if owner := metav1.GetControllerOf(&pod); owner != nil && owner.Kind == "DaemonSet" {
				continue
			}
			left++
			if pod.DeletionTimestamp != nil {
				continue
			}
			err := c.api.PolicyV1().Evictions(pod.Namespace).Evict(ctx, &policyv1.Eviction{
				ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace},
			})
			if err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil {
				refused = fmt.Errorf("pod %s/%s: %w", pod.Namespace, pod.Name, err)
			}
		}
		attached, err := c.attachedTo(ctx, node)
		if err != nil {
			return errors.Join(err, refused)
		}
		if left == 0 && attached == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), refused)
		case <-time.After(evictionRetry):
		}
	}
}

// attachedTo counts the volumes that are still attached to a node.
func (c *cluster) attachedTo(ctx context.Context, node string) (int, error) {
	list, err := c.api.StorageV1().VolumeAttachments().List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, a := range list.Items {
		if a.Spec.NodeName == node {
			n++
		}
	}
	return n, nil
}

func (c *cluster) podsOn(ctx context.Context, node string) ([]corev1.Pod, error) {
	list, err := c.api.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + node})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}
