package dataplanetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"oke-guestbook/local/eventually"
)

// Each kind of Service leads to Pods; then two nodes are cycled: no request is lost, and a volume outlives its node.
func TestNodesAreReplaced(t *testing.T) {
	needsNodes(t)
	c := newCloud(t)
	_, pool, api := c.cluster(2)
	c.deploy(t, api)
	twoPages(t, api)
	agentReadsLogs(t, api)
	eventually.Succeeds(t, time.Minute, "the page", c.page)
	disk := c.claim(t, api)
	c.services(t, api)
	rulesAreTried(t)
	withoutServices(t, api)
	disk.grow(t)

	before := instances(t, api)
	lost := c.load(t)
	_, header := c.do(http.MethodPut, "/20180222/nodePools/"+pool, object{
		"nodeMetadata":           object{"changed": "yes"},
		"nodePoolCyclingDetails": object{"isNodeCyclingEnabled": true, "maximumSurge": "1", "maximumUnavailable": "0"},
	})
	c.work(header)
	sent, failed := lost()
	t.Logf("%d requests were sent while the nodes were cycled", sent)
	if len(failed) > 0 {
		t.Errorf("%d of %d requests failed while the nodes were cycled: %v", len(failed), sent, failed)
	}
	if c.log.contain("removed before all its Pods were evicted") {
		t.Error("a node did not wait until its Pods had ended")
	}
	disk.written(t, 55, 60)
	disk.remove(t)
	cycled := instances(t, api)
	for _, id := range before {
		if slices.Contains(cycled, id) {
			t.Errorf("instance %s is a node after the cycle: %v", id, cycled)
		}
	}
	nodePool, _ := c.do(http.MethodGet, "/20180222/nodePools/"+pool, nil)
	first := nodePool["nodes"].([]any)[0].(object)
	_, header = c.do(http.MethodDelete, fmt.Sprintf("/20180222/nodePools/%s/node/%s?isDecrementSize=false", pool,
		first["id"]), nil)
	c.work(header)
	if now := instances(t, api); len(now) != 2 || slices.Contains(now, first["id"].(string)) {
		t.Errorf("nodes after %s was terminated: %v", first["id"], now)
	}
	eventually.Succeeds(t, 10*time.Second, "the page after a node was terminated", c.page)
}

// twoPages makes the page two Pods, one of which may be away. As the guestbook's, they serve on for a while when they
// are told to end: nodes send to them until kube-proxy knows.
func twoPages(t *testing.T, api kubernetes.Interface) {
	t.Helper()
	_, err := api.AppsV1().Deployments("default").Patch(t.Context(), "page", types.StrategicMergePatchType,
		[]byte(`{"spec":{"replicas":2,"template":{"spec":{"terminationGracePeriodSeconds":10,"containers":[
			{"name":"page","lifecycle":{"preStop":{"sleep":{"seconds":4}}}}]}}}}`), metav1.PatchOptions{})
	must(t, err)
	one := intstr.FromInt32(1)
	_, err = api.PolicyV1().PodDisruptionBudgets("default").Create(t.Context(), &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "page"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: &one, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "page"}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	eventually.Succeeds(t, 2*time.Minute, "two pages", func(ctx context.Context) error {
		d, err := api.AppsV1().Deployments("default").Get(ctx, "page", metav1.GetOptions{})
		if err == nil && (d.Status.UpdatedReplicas != 2 || d.Status.ReadyReplicas != 2 || d.Status.Replicas != 2) {
			err = fmt.Errorf("%+v", d.Status)
		}
		return err
	})
}

// agentReadsLogs runs an agent on each node that reads the logs of its containers, as log agents do.
func agentReadsLogs(t *testing.T, api kubernetes.Interface) {
	t.Helper()
	labels := map[string]string{"app": "agent"}
	_, err := api.AppsV1().DaemonSets("kube-system").Create(t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "agent"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					SecurityContext: &corev1.PodSecurityContext{RunAsUser: new(int64(0))},
					Containers: []corev1.Container{{
						Name: "agent", Image: "iad.ocir.io/test/pod:1", Args: []string{"agent"},
						VolumeMounts: []corev1.VolumeMount{{Name: "logs", MountPath: "/var/log", ReadOnly: true}},
					}},
					Volumes: []corev1.Volume{{Name: "logs", VolumeSource: corev1.VolumeSource{
						HostPath: &corev1.HostPathVolumeSource{Path: "/var/log"},
					}}},
				},
			},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	eventually.Succeeds(t, time.Minute, "the agents read the pages' logs", func(ctx context.Context) error {
		pods, err := api.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "app=agent"})
		if err != nil || len(pods.Items) != 2 {
			return fmt.Errorf("%d agents: %w", len(pods.Items), err)
		}
		var all string
		for _, pod := range pods.Items {
			text, err := api.CoreV1().Pods("kube-system").GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
			if err != nil {
				return err
			}
			all += string(text)
		}
		if strings.Count(all, "serving as page-") < 2 {
			return fmt.Errorf("%q", all)
		}
		return nil
	})
}

// instances returns the OCIDs of the nodes' instances. Addresses, and so names, are used again.
func instances(t *testing.T, api kubernetes.Interface) (ids []string) {
	t.Helper()
	nodes, err := api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	must(t, err)
	for _, n := range nodes.Items {
		ids = append(ids, n.Spec.ProviderID)
	}
	return ids
}

// load asks for the page all the time, until the returned function is called, which returns how many requests were sent
// and what failed.
func (c *cloud) load(t *testing.T) (end func() (sent int, failed []string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var sent int
	var failed []string
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			sent++
			if err := c.page(ctx); err != nil && !errors.Is(err, context.Canceled) {
				failed = append(failed, time.Now().Format(time.StampMilli)+" "+err.Error())
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return func() (int, []string) {
		cancel()
		running.Wait()
		return sent, failed
	}
}
