package kube

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/kube/blockvolume"
)

const (
	volumesPerNode = 32  // block volume attachments of an instance, the boot volume's included
	podsPerNode    = 110 // as with flannel on OKE
	zoneLabel      = "topology.kubernetes.io/zone"
)

// poolAnnotation holds the OCID of a node's pool.
const poolAnnotation = "oci.oraclecloud.com/node-pool-id"

// nodeObject returns the Node as the kubelet of an OKE worker and the cloud controller create it: not ready yet.
func nodeObject(n cloud.Node, c cloud.Cluster, region string) *corev1.Node {
	annotations := map[string]string{
		"alpha.kubernetes.io/provided-node-ip":                   n.PrivateIP,
		"csi.volume.kubernetes.io/nodeid":                        fmt.Sprintf("{%q:%q}", blockvolume.DriverName, n.Name),
		"oci.oraclecloud.com/compartment-id":                     c.CompartmentID,
		poolAnnotation:                                           n.PoolID,
		"volumes.kubernetes.io/controller-managed-attach-detach": "true",
	}
	if c.PodsCIDR == "" {
		annotations["oci.oraclecloud.com/pod-network"] = "vcn-native"
	}
	arch := architecture(n)
	capacity, allocatable := resources(n, arch)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: nodeLabels(n, arch, region), Annotations: annotations},
		Spec:       corev1.NodeSpec{ProviderID: n.InstanceID, Taints: nodeTaints(n.Taints)},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: allocatable,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: n.PrivateIP},
				{Type: corev1.NodeHostName, Address: n.Name},
			},
			Conditions: notReady("container runtime network not ready"),
			NodeInfo: corev1.NodeSystemInfo{
				Architecture:            arch,
				ContainerRuntimeVersion: "cri-o://" + strings.TrimPrefix(n.Version, "v"),
				KernelVersion:           "5.15.0-oke",
				KubeletVersion:          n.Version,
				OperatingSystem:         "linux",
				OSImage:                 osImage(n.ImageName),
				MachineID:               n.InstanceID,
				SystemUUID:              n.InstanceID,
			},
		},
	}
}

// notReady is the condition of a node that has just registered.
func notReady(message string) []corev1.NodeCondition {
	return []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionFalse, Reason: "KubeletNotReady", Message: message,
		LastTransitionTime: metav1.Now(), LastHeartbeatTime: metav1.Now(),
	}}
}

// nodeLabels returns the labels that OKE sets, and those of the node pool.
func nodeLabels(n cloud.Node, arch, region string) map[string]string {
	zone := cloud.Zone(n.AvailabilityDomain)
	labels := map[string]string{
		"beta.kubernetes.io/arch":                      arch,
		"beta.kubernetes.io/instance-type":             n.Shape,
		"beta.kubernetes.io/os":                        "linux",
		"failure-domain.beta.kubernetes.io/region":     regionKey(region),
		"failure-domain.beta.kubernetes.io/zone":       zone,
		"kubernetes.io/arch":                           arch,
		"kubernetes.io/hostname":                       n.Name,
		"kubernetes.io/os":                             "linux",
		"internal_addr":                                n.PrivateIP,
		"node-role.kubernetes.io/node":                 "",
		"node.info/kubeletVersion":                     "v" + minorVersion(n.Version),
		"node.kubernetes.io/instance-type":             n.Shape,
		"oci.oraclecloud.com/fault-domain":             n.FaultDomain,
		"oci.oraclecloud.com/node.info.managed":        "true",
		"oke.oraclecloud.com/node.info.private_subnet": "true",
		"oke.oraclecloud.com/node.info.private_worker": "true",
		"topology.kubernetes.io/region":                regionKey(region),
		zoneLabel:                                      zone,
	}
	maps.Copy(labels, n.Labels)
	return labels
}

// nodeTaints parses taints such as "team=web:NoSchedule".
func nodeTaints(texts []string) []corev1.Taint {
	var taints []corev1.Taint
	for _, text := range texts {
		pair, effect, _ := strings.Cut(text, ":")
		key, value, _ := strings.Cut(pair, "=")
		taints = append(taints, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
	}
	return taints
}

// csiNode tells the scheduler that the block volume driver runs on the node, and how many volumes it can attach.
func csiNode(n *corev1.Node) *storagev1.CSINode {
	return &storagev1.CSINode{
		ObjectMeta: metav1.ObjectMeta{
			Name:            n.Name,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: n.Name, UID: n.UID}},
		},
		Spec: storagev1.CSINodeSpec{Drivers: []storagev1.CSINodeDriver{{
			Name:         blockvolume.DriverName,
			NodeID:       n.Name,
			TopologyKeys: []string{zoneLabel},
			Allocatable:  &storagev1.VolumeNodeResources{Count: new(int32(volumesPerNode))},
		}}},
	}
}

func architecture(n cloud.Node) string {
	if strings.Contains(n.ImageName, "aarch64") {
		return "arm64"
	}
	return "amd64"
}

// osImage returns what a node says of its operating system: "Oracle Linux Server 8.10" for the image
// "Oracle-Linux-8.10-aarch64-2026.08.14-0-OKE-1.36.4-1820".
func osImage(imageName string) string {
	release, _, _ := strings.Cut(strings.TrimPrefix(imageName, "Oracle-Linux-"), "-")
	return strings.TrimSpace("Oracle Linux Server " + release)
}

// regionKey returns the region as the instance metadata service has it: the first two regions go by their keys.
func regionKey(region string) string {
	switch region {
	case "us-ashburn-1":
		return "iad"
	case "us-phoenix-1":
		return "phx"
	}
	return region
}

// tier reserves a share of the next amount of a resource. The last tier has no limit.
type tier struct{ amount, share float64 }

// A worker reserves a part of its CPUs and memory for Kubernetes, in the tiers that managed Kubernetes services use.
// Also reserved are 100 millicores and 100 MiB for the system, and 100 MiB as the kubelet's eviction threshold.
var (
	cpuTiers    = []tier{{1, 0.06}, {1, 0.01}, {2, 0.005}, {1e6, 0.0025}}           // cores
	memoryTiers = []tier{{4, 0.25}, {4, 0.20}, {8, 0.10}, {112, 0.06}, {1e6, 0.02}} // GiB
)

// reserved returns the part of the total that the tiers reserve.
func reserved(total float64, tiers []tier) float64 {
	var sum float64
	for _, t := range tiers {
		part := min(total, t.amount)
		sum += part * t.share
		total -= part
	}
	return sum
}

// imageRootGB is the size of the root file system in GiB that an OKE image comes with, whatever the size of the boot
// volume (Oracle A-Team, "OKE Node Sizing for Very Large Container Images", May 2023: 38069878784 bytes).
const imageRootGB = 35.5

// resources returns the node's capacity, and the allocatable part of it. An OCPU is a core: one CPU on Ampere A1, two
// on all other shapes.
func resources(n cloud.Node, arch string) (capacity, allocatable corev1.ResourceList) {
	cpus := n.OCPUs * 2
	if arch == "arm64" && strings.Contains(n.Shape, ".A1.") {
		cpus = n.OCPUs
	}
	const gib = 1 << 30
	memory := n.MemoryGB * 0.97 // firmware and kernel use the rest
	disk := imageRootGB
	if n.RootGrown {
		disk = max(disk, float64(n.BootVolumeGB)-12) // other partitions have the rest
	}
	list := func(cpus, memory, disk float64) corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU:              *resource.NewMilliQuantity(int64(math.Round(cpus*1000)), resource.DecimalSI),
			corev1.ResourceMemory:           *resource.NewQuantity(int64(memory*gib)>>10<<10, resource.BinarySI),
			corev1.ResourceEphemeralStorage: *resource.NewQuantity(int64(disk*gib), resource.BinarySI),
			corev1.ResourcePods:             *resource.NewQuantity(int64(cmp.Or(n.MaxPods, podsPerNode)), resource.DecimalSI),
			"hugepages-2Mi":                 *resource.NewQuantity(0, resource.BinarySI),
		}
	}
	return list(cpus, memory, disk), list(
		max(0, cpus-reserved(cpus, cpuTiers)-0.1),
		max(0, memory-reserved(memory, memoryTiers)-200.0/1024),
		disk*0.9,
	)
}
