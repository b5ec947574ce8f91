package kube

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/kube/servicelb"
)

// virtualPoolAnnotation holds the OCID of a virtual node's pool (oci-cloud-controller-manager, read 2026-11-29).
const virtualPoolAnnotation = "oci.oraclecloud.com/virtual-node-pool-id"

// What a virtual node has: Oracle says 500 Pods, and at most 64 OCPUs for each ("Comparing Virtual Nodes with Managed
// Nodes" and "Resources Allocated to Pods Provisioned by Virtual Nodes", of 2024, read 2026-11-29). What the Node shows
// of CPUs and memory is not documented: here, enough for as many Pods of that size, with 16 GB for each OCPU.
const (
	podsPerVirtualNode = 500
	cpusPerPod         = 128
	memoryPerPodGiB    = 1024
)

// virtualNodeObject returns the Node of a virtual node: not ready yet. It has no disk and no volumes.
func virtualNodeObject(n cloud.Node, c cloud.Cluster, region string) *corev1.Node {
	zone := cloud.Zone(n.AvailabilityDomain)
	arch := "amd64"
	if n.Shape == "Pod.Standard.A1.Flex" {
		arch = "arm64"
	}
	labels := map[string]string{
		"kubernetes.io/arch":               arch,
		"kubernetes.io/hostname":           n.Name,
		"kubernetes.io/os":                 "linux",
		"oci.oraclecloud.com/fault-domain": n.FaultDomain,
		"topology.kubernetes.io/region":    regionKey(region),
		servicelb.VirtualNodeLabel:         "",
		zoneLabel:                          zone,
	}
	maps.Copy(labels, n.Labels)
	resources := corev1.ResourceList{
		corev1.ResourcePods:   *resource.NewQuantity(podsPerVirtualNode, resource.DecimalSI),
		corev1.ResourceCPU:    *resource.NewQuantity(podsPerVirtualNode*cpusPerPod, resource.DecimalSI),
		corev1.ResourceMemory: *resource.NewQuantity(podsPerVirtualNode*memoryPerPodGiB<<30, resource.BinarySI),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: labels, Annotations: map[string]string{
			"oci.oraclecloud.com/compartment-id": c.CompartmentID,
			"oci.oraclecloud.com/pod-network":    "vcn-native",
			virtualPoolAnnotation:                n.PoolID,
		}},
		Spec: corev1.NodeSpec{ProviderID: n.InstanceID, Taints: nodeTaints(n.Taints)},
		Status: corev1.NodeStatus{
			Capacity: resources, Allocatable: resources,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: n.PrivateIP}, {Type: corev1.NodeHostName, Address: n.Name},
			},
			Conditions: notReady("the virtual node is being created"),
			NodeInfo: corev1.NodeSystemInfo{
				Architecture: arch, KubeletVersion: n.Version, OperatingSystem: "linux", MachineID: n.InstanceID,
				SystemUUID: n.InstanceID,
			},
		},
	}
}
