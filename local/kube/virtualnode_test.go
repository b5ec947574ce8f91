package kube

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/eventually"
	"oke-guestbook/local/kube/servicelb"
)

func virtualNode() cloud.Node {
	return cloud.Node{
		Virtual: true, InstanceID: "ocid1.virtualnode.oc1.iad.test", Name: "10.0.128.9", PrivateIP: "10.0.128.9",
		PoolID: "ocid1.virtualnodepool.oc1.iad.test", PoolName: "burst", Version: "v1.36.4", Shape: "Pod.Standard.E4.Flex",
		AvailabilityDomain: "Uocm:PHX-AD-1", FaultDomain: "FAULT-DOMAIN-2",
		Taints: []string{"virtual-node=true:NoSchedule"}, Labels: map[string]string{"team": "web"},
	}
}

// TestVirtualNode expects a node that takes the Pods that tolerate its taint, and no others, next to a usual one. It is
// updated and removed as others are.
func TestVirtualNode(t *testing.T) {
	m, api := startCluster(t, testConfig(t), 1)
	ctx, id, n := t.Context(), testCluster().ID, virtualNode()
	if err := m.SyncNodes(ctx, id, []cloud.Node{testNode(0), n}); err != nil {
		t.Fatal(err)
	}
	checkVirtualNode(t, api, n)
	checkVirtualPods(t, api)

	n.Version = "v1.37.0"
	if err := m.SyncNodes(ctx, id, []cloud.Node{testNode(0), n}); err != nil {
		t.Fatal(err)
	}
	if info := mustGet(t, api.CoreV1().Nodes(), n.Name).Status.NodeInfo; info.KubeletVersion != n.Version {
		t.Errorf("after the upgrade: %+v", info)
	}
	if err := m.SyncNodes(ctx, id, []cloud.Node{testNode(0)}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.CoreV1().Nodes().Get(ctx, n.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the node is still there: %v", err)
	}
}

// checkVirtualNode checks what the Node says of itself. It attaches no volumes.
func checkVirtualNode(t *testing.T, api kubernetes.Interface, n cloud.Node) {
	t.Helper()
	node := mustGet(t, api.CoreV1().Nodes(), n.Name)
	if _, isVirtual := node.Labels[servicelb.VirtualNodeLabel]; !isVirtual || node.Labels["team"] != "web" ||
		node.Labels[zoneLabel] != "PHX-AD-1" || node.Spec.ProviderID != n.InstanceID ||
		node.Annotations[virtualPoolAnnotation] != n.PoolID || node.Status.Allocatable.Pods().Value() != 500 {
		t.Errorf("%+v", node)
	}
	if _, err := api.StorageV1().CSINodes().Get(t.Context(), n.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the virtual node has drivers of volumes: %v", err)
	}
}

func checkVirtualPods(t *testing.T, api kubernetes.Interface) {
	t.Helper()
	pods := api.CoreV1().Pods("default")
	tolerates := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "tolerates"},
		Spec: corev1.PodSpec{
			Containers:   []corev1.Container{{Name: "web", Image: "docker.io/library/nginx:1"}},
			NodeSelector: map[string]string{servicelb.VirtualNodeLabel: ""},
		},
	}
	repelled := tolerates.DeepCopy()
	repelled.Name = "repelled"
	tolerates.Spec.Tolerations = []corev1.Toleration{{Key: "virtual-node", Operator: corev1.TolerationOpExists}}
	initialized := tolerates.DeepCopy()
	initialized.Name = "initialized"
	initialized.Spec.InitContainers = []corev1.Container{{Name: "first", Image: "docker.io/library/busybox:1"}}
	for _, pod := range []*corev1.Pod{tolerates, repelled, initialized} {
		mustCreate(t, pods, pod)
	}
	const refused = "the Pod with an init container says that virtual nodes have none"
	eventually.Succeeds(t, 20*time.Second, refused, func(ctx context.Context) error {
		p, err := pods.Get(ctx, "initialized", metav1.GetOptions{})
		if err != nil || p.Status.Message != "Error creating pod: [initContainers are not supported]" ||
			p.Status.StartTime != nil || p.Status.Phase != corev1.PodPending {
			return fmt.Errorf("%w, %+v", err, p.Status)
		}
		return nil
	})
	const want = "the Pod that tolerates the taint runs, and the other is unschedulable"
	eventually.Succeeds(t, 20*time.Second, want, func(ctx context.Context) error {
		runs, err := pods.Get(ctx, "tolerates", metav1.GetOptions{})
		if err != nil {
			return err
		}
		waits, err := pods.Get(ctx, "repelled", metav1.GetOptions{})
		if err != nil {
			return err
		}
		c := waits.Status.Conditions
		if runs.Status.Phase != corev1.PodRunning || len(c) != 1 || c[0].Reason != corev1.PodReasonUnschedulable {
			return fmt.Errorf("%s, %v", runs.Status.Phase, c)
		}
		return nil
	})
}

// checkVirtualBesideRunning adds a virtual node to nodes that run: kwok plays its kubelet, and the data plane does not
// know it. The Pods of the other nodes are left to their kubelets.
func checkVirtualBesideRunning(t *testing.T, m *Manager, plane *fakePlane, api kubernetes.Interface) {
	t.Helper()
	n, pods := virtualNode(), api.CoreV1().Pods("default")
	if err := m.SyncNodes(t.Context(), testCluster().ID, []cloud.Node{testNode(0), testNode(1), n}); err != nil {
		t.Fatal(err)
	}
	if status, _ := plane.Status(t.Context()); len(status.Nodes) != 2 {
		t.Errorf("the data plane runs %+v", status.Nodes)
	}
	on := func(name, node string) {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: podTemplate(name).Spec}
		pod.Spec.NodeName, pod.Spec.Containers[0].ReadinessProbe = node, nil
		mustCreate(t, pods, pod)
	}
	on("elsewhere", testNode(1).Name)
	on("simulated", n.Name)
	eventually.Succeeds(t, 20*time.Second, "the Pod of the virtual node runs", func(ctx context.Context) error {
		p, err := pods.Get(ctx, "simulated", metav1.GetOptions{})
		if err != nil || p.Status.Phase != corev1.PodRunning {
			return fmt.Errorf("%w, %+v", err, p.Status)
		}
		return nil
	})
	if p := mustGet(t, pods, "elsewhere"); p.Status.StartTime != nil {
		t.Errorf("kwok plays the kubelet of a node that runs: %+v", p.Status)
	}
	now := metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}
	for _, name := range []string{"elsewhere", "simulated"} {
		if err := pods.Delete(t.Context(), name, now); err != nil {
			t.Error(err)
		}
	}
}

// TestUnsupportedPods expects a reason for each thing that virtual nodes refuse, and none for a usual stateless Pod.
func TestUnsupportedPods(t *testing.T) {
	mount := []corev1.VolumeMount{{Name: "a", MountPath: "/a", SubPath: "b"}}
	volume := func(source corev1.VolumeSource) corev1.PodSpec {
		return corev1.PodSpec{Volumes: []corev1.Volume{{Name: "data", VolumeSource: source}}}
	}
	for want, spec := range map[string]corev1.PodSpec{
		"": {Containers: []corev1.Container{{VolumeMounts: []corev1.VolumeMount{{Name: "a", MountPath: "/a"}}}}},

		"initContainers are not supported":           {InitContainers: []corev1.Container{{}}},
		"unsupported VolumeMount option: subPath: b": {Containers: []corev1.Container{{VolumeMounts: mount}}},
		"unsupported type of the volume data": volume(corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"},
		}),
		"the namespaces of the host are not supported": {HostNetwork: true},
		"privileged containers are not supported": {Containers: []corev1.Container{{
			SecurityContext: &corev1.SecurityContext{Privileged: new(true)},
		}}},
	} {
		if got := strings.Join(unsupported(&corev1.Pod{Spec: spec}), ", "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := unsupported(&corev1.Pod{Spec: volume(corev1.VolumeSource{
		EmptyDir: &corev1.EmptyDirVolumeSource{},
	})}); len(got) > 0 {
		t.Errorf("an empty directory: %q", got)
	}
}
