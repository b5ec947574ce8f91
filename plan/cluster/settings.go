package cluster

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"oke-guestbook/plan/allowance"
	"oke-guestbook/plan/setting"
)

// Limits of a node pool (Oracle documentation, "CreateNodePoolDetails" and "Creating Node Pools").
const (
	minBootVolumeGB  = 50
	maxBootVolumeGB  = 32768
	maxNodes         = 1000
	maxPodsPerNode   = 110
	maxGraceMinutes  = 60
	podsPerVNIC      = 31 // one of a VNIC's 32 addresses is its own
	defaultPodsLimit = podsPerVNIC
)

// Settings declares the settings of the cluster. By default it has the Always Free allowance in one node: what
// each node reserves, and its DaemonSets, are paid for once, and a Pod may ask for more than half of it.
func (s *Spec) Settings() setting.Group {
	workers := setting.New((*NodePool).settings)
	workers.Name, workers.Size = "workers", 1
	workers.OCPUs, workers.MemoryGB = allowance.AlwaysFree.OCPUs, allowance.AlwaysFree.MemoryGB
	return setting.Group{
		setting.Of(&s.KubernetesVersion, "kubernetesVersion", "",
			"Kubernetes version of the control plane. Empty for the newest that the region offers to a new cluster, "+
				"and v1.36 for the newest of that minor version; a cluster that has it stays as it is. "+
				"It can be raised by one minor version at a time, and never lowered",
			setting.Optional(version)),
		setting.Of(&s.ClusterType, "clusterType", Basic,
			"basic (free control plane) or enhanced (node cycling, workload identity, service level agreement)",
			setting.OneOf(Basic, Enhanced)),
		setting.Of(&s.KMSKeyID, "kmsKeyId", "",
			"OCID of a Vault key that encrypts Kubernetes secrets. Empty for Oracle's own. A change replaces the cluster",
			setting.OCID("key")),
		setting.List(&s.AvailabilityDomains, "availabilityDomains", nil,
			"Numbers of the availability domains to place nodes in, such as [1, 3]. Empty for all that the region has. "+
				"OKE terminates nodes elsewhere",
			domains, setting.Unique[int]()),
		setting.Of(&s.AllowStrandedVolumes, "allowStrandedVolumes", false,
			"Let the nodes leave an availability domain although volumes are there, such as a database's. They stay, and "+
				"their Pods cannot start until the domain has nodes again"),
		setting.Of(&s.NodeImageRelease, "nodeImageRelease", "",
			"Any text. Nodes keep the OKE image that was newest when this text was set; change it to move to today's newest"),
		setting.List(&s.Addons, "addons", nil,
			"Cluster add-ons, installed one after another, such as CertManager and KubernetesMetricsServer, "+
				"which the autoscaler of Pods needs (enhanced)",
			setting.Each(addon), setting.Unique[string]()),
		setting.Objects(&s.NodePools, "nodePools", []NodePool{workers},
			"Node pools. docs/settings.md lists their fields; name and size are required",
			(*NodePool).settings, atLeastOnePool),
	}
}

func (p *NodePool) settings() setting.Group {
	return setting.Group{
		setting.Of(&p.Name, "name", "", "Name, unique in the stack. It cannot be changed later: a new name is a new pool",
			poolName),
		setting.Of(&p.Size, "size", 0, "Number of nodes", setting.Range(1, maxNodes)),
		setting.Of(&p.Shape, "shape", allowance.AlwaysFree.Shape, "Shape of the nodes"),
		setting.Of(&p.OCPUs, "ocpus", 0, "OCPUs of each node, of a flexible shape only"),
		setting.Of(&p.MemoryGB, "memoryGb", 0, "Memory of each node in GB, 1 to 64 for each OCPU, of a flexible shape only"),
		setting.Of(&p.BootVolumeGB, "bootVolumeGb", minBootVolumeGB, "Size of each node's boot volume",
			setting.Range(minBootVolumeGB, maxBootVolumeGB)),
		setting.Texts(&p.Labels, "labels", "Labels of the Kubernetes nodes", nodeLabels),
		setting.List(&p.Taints, "taints", nil,
			"Taints of new Kubernetes nodes, such as team=web:NoSchedule. One pool at least must take any Pod",
			setting.Each(taint), oneTaint),
		setting.Of(&p.KubernetesVersion, "kubernetesVersion", "",
			"Kubernetes version of the nodes. Empty for the control plane's. It can be raised and lowered",
			setting.Optional(version)),
		setting.Of(&p.ImageID, "imageId", "",
			"OCID of the nodes' image. Empty for the newest OKE image that suits version and shape",
			setting.OCID("image")),
		setting.List(&p.AvailabilityDomains, "availabilityDomains", nil,
			"Numbers of availability domains. Empty for the stack's",
			domains, setting.Unique[int]()),
		setting.List(&p.FaultDomains, "faultDomains", nil, "Numbers of fault domains. Empty for all",
			domains, setting.Unique[int]()),
		setting.Of(&p.MaxPodsPerNode, "maxPodsPerNode", defaultPodsLimit,
			"Most Pods on a node, with podNetwork vcn-native: at most 31 for each VNIC of the shape but the first",
			setting.Range(1, maxPodsPerNode)),
		setting.Of(&p.Autoscaled, "autoscaled", false, "size is the initial one only: an autoscaler changes it"),
		setting.Of(&p.MaxSurge, "maxSurge", "", "Nodes added while nodes are replaced, a number or a percentage (enhanced)",
			setting.Optional(cyclingStep)),
		setting.Of(&p.MaxUnavailable, "maxUnavailable", "",
			"Nodes missing while nodes are replaced, a number or a percentage (enhanced)",
			setting.Optional(cyclingStep)),
		setting.Of(&p.EvictionGraceMinutes, "evictionGraceMinutes", 15, "How long the eviction of a node's Pods may take",
			setting.Range(0, maxGraceMinutes)),
		setting.Of(&p.Preemptible, "preemptible", false, "Preemptible nodes: cheaper, but Oracle may take them back"),
		setting.Of(&p.CloudInit, "cloudInit", "",
			"What cloud-init runs on a new node, after OKE's own script and the growth of the root file system",
			setting.Optional(cloudInit)),
	}
}

var (
	version = setting.Func("a minor version such as v1.36, or a full one such as v1.36.4", CheckVersion)
	// A region has at most three availability domains, and each of them three fault domains.
	domains = setting.Each(setting.Range(1, 3))
	// The name is also a part of the names of Pulumi resources and Kubernetes nodes.
	poolName = setting.Match(regexp.MustCompile(`^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$`),
		"a name of 1 to 32 lower-case letters, digits and hyphens that begins with a letter")
	cyclingStep = setting.Match(regexp.MustCompile(`^(\d{1,4}|\d{1,2}%|100%)$`),
		"a number of nodes or a percentage such as 25%")
	addon = setting.Match(regexp.MustCompile(`^[A-Z][A-Za-z0-9]{1,63}$`),
		"a name of an add-on such as KubernetesMetricsServer")

	atLeastOnePool = setting.Func("at least one", func(pools []NodePool) error {
		if len(pools) == 0 {
			return errors.New("needs at least one node pool")
		}
		return nil
	})
	nodeLabels = setting.Func("", checkLabels)
)

// A label's key is an optional DNS prefix and a name, its value is empty or a name (Kubernetes documentation, "Labels
// and Selectors", section "Syntax and character set"). k8s.io/apimachinery checks them too, but this module does not
// need it for anything else.
const labelName = `[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?`

var (
	labelKey   = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?` + labelName + `$`)
	labelValue = regexp.MustCompile(`^(` + labelName + `)?$`)
)

// taint is a key, a value that may be left out, and an effect (Kubernetes documentation, "Taints and Tolerations").
var taint = setting.Match(
	regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?`+labelName+`(=(`+labelName+`)?)?`+
		`:(NoSchedule|PreferNoSchedule|NoExecute)$`),
	"a taint such as team=web:NoSchedule, with the effect NoSchedule, PreferNoSchedule or NoExecute")

// oneTaint refuses two taints of one key and effect, with which the kubelet does not start.
var oneTaint = setting.Func("", func(taints []string) error {
	seen := map[string]string{}
	for _, text := range taints {
		pair, effect, _ := strings.Cut(text, ":")
		key, _, _ := strings.Cut(pair, "=")
		if other, twice := seen[key+":"+effect]; twice {
			return fmt.Errorf("%s and %s have one key and effect", other, text)
		}
		seen[key+":"+effect] = text
	}
	return nil
})

func checkLabels(labels map[string]string) error {
	var all []error
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if !labelKey.MatchString(key) || !labelValue.MatchString(labels[key]) {
			all = append(all, fmt.Errorf("%s=%s is not a Kubernetes label", key, labels[key]))
		}
	}
	return errors.Join(all...)
}
