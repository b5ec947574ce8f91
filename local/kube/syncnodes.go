package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"k8s.io/kubectl/pkg/drain"

	"oke-guestbook/local/cloud"
)

const (
	// evictionGrace is how long OKE retries evictions before it removes a node anyway (evictionGraceDuration of a
	// node pool, default PT60M).
	evictionGrace         = time.Hour
	shortestEvictionGrace = 5 * time.Second
	// realEvictionGrace is the least where Pods run. They end in their own time, whatever the speed: the guestbook's take
	// 70 s at most.
	realEvictionGrace = 90 * time.Second
	evictionRetry     = 500 * time.Millisecond
)

// syncNodes registers new nodes, updates the registered ones and removes those that are not wanted.
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
	c.controllers.Add(1) // a stop of the control plane waits for this
	defer c.controllers.Done()
	c.mu.Unlock()

	list, err := c.api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("nodes: %w", err)
	}
	unwanted := map[string]corev1.Node{}
	for _, n := range list.Items {
		unwanted[n.Name] = n
	}
	var added []cloud.Node
	terminated := map[string]bool{}
	for _, n := range want {
		if n.Terminated {
			terminated[n.Name] = unwanted[n.Name].Spec.ProviderID == n.InstanceID
			continue
		}
		have, ok := unwanted[n.Name]
		joining := ok && have.Spec.ProviderID == "" // a killed daemon has registered it
		if ok && !joining && have.Spec.ProviderID != n.InstanceID {
			// A new instance has the address, and so the name, of a terminated one.
			if err := c.removeNode(ctx, have.Name, terminated[have.Name]); err != nil {
				return err
			}
			ok = false
		}
		delete(unwanted, n.Name)
		if ok {
			err = c.updateNode(ctx, n)
		} else {
			err = c.registerNode(ctx, n)
		}
		if (!ok || joining) && !n.Virtual {
			added = append(added, n)
		}
		if err == nil {
			err = c.addWorker(ctx, n)
		}
		if err != nil {
			return fmt.Errorf("node %s: %w", n.Name, err)
		}
	}
	if err := c.awaitWorkers(ctx, added); err != nil {
		return err
	}
	return c.removeNodes(ctx, unwanted, terminated)
}

func (c *cluster) registerNode(ctx context.Context, n cloud.Node) error {
	object, kubelet := c.nodeObject(n), c.hasKubelet(n)
	if kubelet {
		object.Spec.ProviderID = "" // awaitWorkers sets it
	}
	node, err := c.api.CoreV1().Nodes().Create(ctx, object, metav1.CreateOptions{})
	if err != nil || kubelet || n.Virtual {
		return err // a kubelet announces its drivers itself, and a virtual node has none
	}
	_, err = c.api.StorageV1().CSINodes().Create(ctx, csiNode(node), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// updateNode sets the labels, the kubelet's version and the capacity. Labels that a user added stay.
func (c *cluster) updateNode(ctx context.Context, n cloud.Node) error {
	want := c.nodeObject(n)
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		have, err := c.api.CoreV1().Nodes().Get(ctx, n.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		before := maps.Clone(have.Labels)
		maps.Copy(have.Labels, want.Labels)
		if !maps.Equal(before, have.Labels) {
			if have, err = c.api.CoreV1().Nodes().Update(ctx, have, metav1.UpdateOptions{}); err != nil {
				return err
			}
		}
		if c.hasKubelet(n) || have.Status.NodeInfo == want.Status.NodeInfo {
			return nil
		}
		have.Status.NodeInfo = want.Status.NodeInfo
		have.Status.Capacity, have.Status.Allocatable = want.Status.Capacity, want.Status.Allocatable
		_, err = c.api.CoreV1().Nodes().UpdateStatus(ctx, have, metav1.UpdateOptions{})
		return err
	})
}

// removeNodes cordons all of the nodes before it drains any, so that no evicted Pod moves from one to another.
func (c *cluster) removeNodes(ctx context.Context, nodes map[string]corev1.Node, terminated map[string]bool) error {
	for name, node := range nodes {
		err := drain.RunCordonOrUncordon(&drain.Helper{Ctx: ctx, Client: c.api}, &node, true)
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("node %s: %w", name, err)
		}
	}
	var removals []func() error
	for name := range nodes {
		removals = append(removals, func() error { return c.removeNode(ctx, name, terminated[name]) })
	}
	return utilerrors.AggregateGoroutines(removals...)
}

// removeNode drains a node and deletes it, with the Pods that are left on it when the grace period ends. One whose
// instance is gone is not drained.
func (c *cluster) removeNode(ctx context.Context, name string, terminated bool) error {
	if !terminated {
		if err := c.drainNode(ctx, name); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			c.log.Warn("node removed before all its Pods were evicted", "node", name, "error", err)
		}
		if err := c.leaveBalancers(ctx, name); err != nil {
			return fmt.Errorf("node %s: %w", name, err)
		}
	}
	// A kubelet that still ran would register its node again.
	if err := c.removeWorker(ctx, name); err != nil {
		return fmt.Errorf("node %s: %w", name, err)
	}
	onNode := metav1.ListOptions{FieldSelector: "spec.nodeName=" + name}
	pods, err := c.api.CoreV1().Pods(metav1.NamespaceAll).List(ctx, onNode)
	if err != nil {
		return err
	}
	now := metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}
	for _, pod := range pods.Items {
		err := c.api.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, now)
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

// drainNode evicts the node's Pods, as `kubectl drain` does, and waits until its volumes are detached. It retries what
// fails until the grace period ends.
func (c *cluster) drainNode(ctx context.Context, name string) error {
	grace := c.cfg.evictionGrace()
	helper := &drain.Helper{
		Client: c.api, Force: true, IgnoreAllDaemonSets: true, DeleteEmptyDirData: true,
		GracePeriodSeconds: -1, // that of each Pod
		Timeout:            grace, EvictErrorRetryDelay: evictionRetry,
		Out: io.Discard, ErrOut: slog.NewLogLogger(c.log.Handler(), slog.LevelInfo).Writer(),
	}
	var failure error
	err := wait.PollUntilContextTimeout(ctx, evictionRetry, grace, true, func(ctx context.Context) (bool, error) {
		helper.Ctx = ctx
		if failure = drain.RunNodeDrain(helper, name); failure != nil {
			return false, nil
		}
		var attached int
		attached, failure = c.attachedVolumes(ctx, name)
		return attached == 0 && failure == nil, nil
	})
	return errors.Join(err, failure)
}

// evictionGrace is how long the eviction of a node's Pods may take.
func (cfg Config) evictionGrace() time.Duration {
	if cfg.DataPlane != nil {
		return cfg.scaled(evictionGrace, realEvictionGrace)
	}
	return cfg.scaled(evictionGrace, shortestEvictionGrace)
}

// attachedVolumes counts the volumes that are attached to a node.
func (c *cluster) attachedVolumes(ctx context.Context, node string) (int, error) {
	list, err := c.api.StorageV1().VolumeAttachments().List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, err
	}
	count := 0
	for _, a := range list.Items {
		if a.Spec.NodeName == node {
			count++
		}
	}
	return count, nil
}
