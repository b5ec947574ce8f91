package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"oke-guestbook/local/kube/servicelb"
)

// Workload is what a cluster's nodes run.
type Workload struct {
	ID, Name string // of the cluster
	Nodes    []WorkloadNode
	Waiting  []WorkloadPod // on no node
	Volumes  []WorkloadVolume
	// Services are those of type LoadBalancer, "namespace/name", by the names of their load balancers.
	Services map[string]string
}

// WorkloadNode is a node with its Pods.
type WorkloadNode struct {
	Name, Shape, Version string
	PoolID               string // OCID of the node pool
	Status               string // as kubectl has it: "Ready", "NotReady,SchedulingDisabled"
	Message              string // why it is not ready
	Pods                 []WorkloadPod
}

// WorkloadPod is a Pod.
type WorkloadPod struct {
	Namespace, Name   string
	Status            string // as kubectl has it: "Running", "ImagePullBackOff"
	Message           string // why it does not run
	Ready, Containers int
	Restarts          int32
	Address           string
	StatefulSet       string // whose it is; empty: of none
	Image             string // of the first container
}

// WorkloadVolume is a persistent volume.
type WorkloadVolume struct {
	Name, Claim, Size, Status string
	VolumeID                  string // OCID of the block volume
}

// Workloads returns what the running clusters' nodes run, by the cluster's name. The error is about the clusters that
// do not answer; those that do are returned with it.
func (m *Manager) Workloads(ctx context.Context) ([]Workload, error) {
	m.mu.Lock()
	clusters := make([]*cluster, 0, len(m.clusters))
	for _, c := range m.clusters {
		clusters = append(clusters, c)
	}
	m.mu.Unlock()
	all, failed := []Workload{}, []error{}
	var mu sync.Mutex
	var asked sync.WaitGroup // at once, as one that hangs takes all of the time
	for _, c := range clusters {
		c.statusMu.Lock()
		api, of := c.statusAPI, c.statusState.Cluster
		c.statusMu.Unlock()
		if api == nil {
			continue
		}
		asked.Go(func() {
			w, err := workloadOf(ctx, api)
			w.ID, w.Name = of.ID, of.Name
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, fmt.Errorf("cluster %s: %w", of.Name, err))
			} else {
				all = append(all, w)
			}
		})
	}
	asked.Wait()
	slices.SortFunc(all, func(a, b Workload) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return all, errors.Join(failed...)
}

// ReadyNodes implements cloud.ControlPlane.
func (m *Manager) ReadyNodes(ctx context.Context, clusterID string) ([]string, error) {
	m.mu.Lock()
	c := m.clusters[clusterID]
	m.mu.Unlock()
	var api kubernetes.Interface
	if c != nil {
		c.statusMu.Lock()
		api = c.statusAPI
		c.statusMu.Unlock()
	}
	if api == nil {
		return nil, fmt.Errorf("nodes of cluster %s: its control plane does not run", clusterID)
	}
	return readyNodes(ctx, api)
}

func readyNodes(ctx context.Context, api kubernetes.Interface) (ids []string, err error) {
	nodes, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, err
	}
	for _, n := range nodes.Items {
		if strings.HasPrefix(describeNode(n).Status, "Ready") {
			ids = append(ids, n.Spec.ProviderID)
		}
	}
	return ids, nil
}

func workloadOf(ctx context.Context, api kubernetes.Interface) (Workload, error) {
	cached := metav1.ListOptions{ResourceVersion: "0"} // from the API server's memory
	nodes, err := api.CoreV1().Nodes().List(ctx, cached)
	if err != nil {
		return Workload{}, err
	}
	pods, err := api.CoreV1().Pods("").List(ctx, cached)
	if err != nil {
		return Workload{}, err
	}
	volumes, err := api.CoreV1().PersistentVolumes().List(ctx, cached)
	if err != nil {
		return Workload{}, err
	}
	services, err := api.CoreV1().Services("").List(ctx, cached)
	if err != nil {
		return Workload{}, err
	}
	w := Workload{Services: map[string]string{}}
	for _, s := range services.Items {
		if s.Spec.Type == corev1.ServiceTypeLoadBalancer {
			w.Services[servicelb.Name(&s)] = s.Namespace + "/" + s.Name
		}
	}
	for _, n := range nodes.Items {
		w.Nodes = append(w.Nodes, describeNode(n))
	}
	slices.SortFunc(w.Nodes, func(a, b WorkloadNode) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(pods.Items, func(a, b corev1.Pod) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	for _, p := range pods.Items {
		i := slices.IndexFunc(w.Nodes, func(n WorkloadNode) bool { return n.Name == p.Spec.NodeName })
		if i < 0 {
			w.Waiting = append(w.Waiting, describePod(p))
			continue
		}
		w.Nodes[i].Pods = append(w.Nodes[i].Pods, describePod(p))
	}
	for _, v := range volumes.Items {
		w.Volumes = append(w.Volumes, describeVolume(v))
	}
	return w, nil
}

func describeNode(n corev1.Node) WorkloadNode {
	out := WorkloadNode{
		Name: n.Name, PoolID: cmp.Or(n.Annotations[poolAnnotation], n.Annotations[virtualPoolAnnotation]),
		Shape:   n.Labels[corev1.LabelInstanceTypeStable],
		Version: n.Status.NodeInfo.KubeletVersion, Status: "NotReady",
	}
	for _, condition := range n.Status.Conditions {
		switch {
		case condition.Type != corev1.NodeReady:
		case condition.Status == corev1.ConditionTrue:
			out.Status = "Ready"
		default:
			out.Message = condition.Message
		}
	}
	if n.Spec.Unschedulable {
		out.Status += ",SchedulingDisabled"
	}
	return out
}

func describePod(p corev1.Pod) WorkloadPod {
	out := WorkloadPod{
		Namespace: p.Namespace, Name: p.Name, Address: p.Status.PodIP, Containers: len(p.Spec.Containers),
		Status: cmp.Or(p.Status.Reason, string(p.Status.Phase)), Message: p.Status.Message,
	}
	if owner := metav1.GetControllerOf(&p); owner != nil && owner.Kind == "StatefulSet" {
		out.StatefulSet = owner.Name
	}
	if len(p.Spec.Containers) > 0 {
		out.Image = p.Spec.Containers[0].Image
	}
	for _, condition := range p.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			out.Message = condition.Message
		}
	}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		out.Restarts += c.RestartCount
		switch waiting, ended := c.State.Waiting, c.State.Terminated; {
		case waiting != nil && waiting.Reason != "" && waiting.Reason != "PodInitializing":
			out.Status, out.Message = waiting.Reason, waiting.Message
		case ended != nil && ended.ExitCode != 0:
			out.Status, out.Message = cmp.Or(ended.Reason, "Error"), ended.Message
		}
	}
	for _, c := range p.Status.ContainerStatuses {
		if c.Ready {
			out.Ready++
		}
	}
	if p.DeletionTimestamp != nil {
		out.Status = "Terminating"
	}
	return out
}

func describeVolume(v corev1.PersistentVolume) WorkloadVolume {
	size := v.Spec.Capacity[corev1.ResourceStorage]
	out := WorkloadVolume{Name: v.Name, Size: size.String(), Status: string(v.Status.Phase)}
	if ref := v.Spec.ClaimRef; ref != nil {
		out.Claim = ref.Namespace + "/" + ref.Name
	}
	if v.Spec.CSI != nil {
		out.VolumeID = v.Spec.CSI.VolumeHandle
	}
	return out
}
