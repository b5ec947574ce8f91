package kube

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"oke-guestbook/local/cloud"
)

// TestWorkloadsOfOthers has a cluster that hangs until the request ends, and one that answers.
func TestWorkloadsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		hangs := fake.NewClientset()
		hangs.PrependReactor("list", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
			<-ctx.Done()
			return true, nil, ctx.Err()
		})
		m := New(Config{Dir: t.TempDir()})
		for name, api := range map[string]kubernetes.Interface{"hangs": hangs, "answers": fake.NewClientset()} {
			m.clusters[name] = &cluster{statusAPI: api, statusState: state{Cluster: cloud.Cluster{ID: name, Name: name}}}
		}
		all, err := m.Workloads(ctx)
		if err == nil || !strings.Contains(err.Error(), "cluster hangs: ") {
			t.Errorf("of the cluster that hangs: %v", err)
		}
		if len(all) != 1 || all[0].Name != "answers" {
			t.Errorf("workloads %+v", all)
		}
	})
}

func TestWorkload(t *testing.T) {
	object := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "web", Name: name} }
	pod := func(name, node string, status corev1.PodStatus) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: object(name), Spec: corev1.PodSpec{NodeName: node, Containers: make([]corev1.Container, 1)},
			Status: status,
		}
	}
	waiting := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
		Reason: "ImagePullBackOff", Message: "no image",
	}}
	ended := pod("ended", "b", corev1.PodStatus{Phase: corev1.PodRunning})
	ended.DeletionTimestamp = &metav1.Time{}
	ended.Finalizers = []string{"x/y"}
	ended.OwnerReferences = []metav1.OwnerReference{{Kind: "StatefulSet", Name: "set", Controller: new(true)}}
	ended.Spec.Containers[0].Image = "image"
	balancer := &corev1.Service{ObjectMeta: object("page"), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
	balancer.UID = "uid"
	network := balancer.DeepCopy()
	network.Name, network.UID = "network", "other"
	network.Annotations = map[string]string{"oci.oraclecloud.com/load-balancer-type": "nlb"}
	got, err := workloadOf(t.Context(), fake.NewClientset(
		&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{
				Name: "b", Annotations: map[string]string{poolAnnotation: "pool"},
				Labels: map[string]string{corev1.LabelInstanceTypeStable: "A1"},
			},
			Spec: corev1.NodeSpec{Unschedulable: true},
			Status: corev1.NodeStatus{
				Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
				NodeInfo:   corev1.NodeSystemInfo{KubeletVersion: "v1"},
			},
		},
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
			{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Message: "no heartbeat"},
		}}},
		pod("ready", "b", corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.1.1.1",
			ContainerStatuses: []corev1.ContainerStatus{{Ready: true, RestartCount: 2}},
		}),
		pod("pulls", "b", corev1.PodStatus{
			Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{State: waiting}},
		}),
		pod("homeless", "", corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "no node"},
		}}),
		ended, balancer, network, &corev1.Service{ObjectMeta: object("inside")},
		&corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: "pv"},
			Spec: corev1.PersistentVolumeSpec{
				Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("50Gi")},
				ClaimRef: &corev1.ObjectReference{Namespace: "web", Name: "data"},
				PersistentVolumeSource: corev1.PersistentVolumeSource{
					CSI: &corev1.CSIPersistentVolumeSource{VolumeHandle: "ocid"},
				},
			},
			Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeBound},
		},
	))
	if err != nil {
		t.Fatal(err)
	}
	want := Workload{
		Nodes: []WorkloadNode{
			{Name: "a", Status: "NotReady", Message: "no heartbeat"},
			{Name: "b", PoolID: "pool", Shape: "A1", Version: "v1", Status: "Ready,SchedulingDisabled", Pods: []WorkloadPod{
				{Namespace: "web", Name: "ended", Status: "Terminating", Containers: 1, StatefulSet: "set", Image: "image"},
				{Namespace: "web", Name: "pulls", Status: "ImagePullBackOff", Message: "no image", Containers: 1},
				{
					Namespace: "web", Name: "ready", Status: "Running", Ready: 1, Containers: 1, Restarts: 2,
					Address: "10.1.1.1",
				},
			}},
		},
		Waiting:  []WorkloadPod{{Namespace: "web", Name: "homeless", Status: "Pending", Message: "no node", Containers: 1}},
		Volumes:  []WorkloadVolume{{Name: "pv", Claim: "web/data", Size: "50Gi", Status: "Bound", VolumeID: "ocid"}},
		Services: map[string]string{"uid": "web/page", "web/network/other": "web/network"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestReadyNodes expects a node whose kubelet is silent, or says that it is not ready, to be left out.
func TestReadyNodes(t *testing.T) {
	node := func(name string, ready corev1.ConditionStatus) *corev1.Node {
		return &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{ProviderID: "ocid-" + name},
			Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
				{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionTrue}, {Type: corev1.NodeReady, Status: ready},
			}},
		}
	}
	got, err := readyNodes(t.Context(), fake.NewClientset(node("ready", corev1.ConditionTrue),
		node("silent", corev1.ConditionUnknown), node("broken", corev1.ConditionFalse)))
	if want := []string{"ocid-ready"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("ready nodes %v, %v, want %v", got, err, want)
	}
}
