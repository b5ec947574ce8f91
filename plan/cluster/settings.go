package cluster

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

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

// How long a new policy is given to be in force. Oracle's provider says that it typically takes ten seconds
// ("oci_identity_policy"); Oracle's landing zone waits for 90 (oci-landing-zones/oracle-enterprise-landingzone,
// modules/policies/main.tf; both read 2026-11-29).
const (
	DefaultPolicyWaitSeconds = 90
	maxPolicyWaitSeconds     = 600
)

// Settings declares the settings of the cluster. By default it has the Always Free allowance in one node: what
// each node reserves, and its DaemonSets, are paid for once, and a Pod may ask for more than half of it.
func (s *Spec) Settings() setting.Group {
	workers := setting.New((*NodePool).settings)
	workers.Name, workers.Size = "workers", 1
	workers.OCPUs, workers.MemoryGB = allowance.AlwaysFree.OCPUs, allowance.AlwaysFree.MemoryGB
	return slices.Concat(s.controlPlane(), s.keys(), s.openID(), setting.Group{
		setting.List(&s.AvailabilityDomains, "availabilityDomains", nil,
			"Numbers of the availability domains to place nodes in, such as [1, 3]. Empty for all that the region has. "+
				"OKE terminates nodes elsewhere",
			domains, setting.Unique[int]()),
		setting.Of(&s.AllowStrandedVolumes, "allowStrandedVolumes", false,
			"Let nodes leave an availability domain, become fewer than the domains, or be replaced while they are fewer, "+
				"although volumes are there, such as a database's. They stay, and their Pods cannot start until the domain has "+
				"nodes again"),
		setting.Of(&s.NodeImageRelease, "nodeImageRelease", "",
			"Any text. Nodes keep the OKE image that was newest when this text was set; change it to move to today's newest"),
		setting.List(&s.Addons, "addons", nil,
			"Cluster add-ons, installed one after another, such as CertManager and KubernetesMetricsServer, "+
				"which the autoscaler of Pods needs (enhanced)",
			setting.Each(addonName), setting.Unique[string]()),
		setting.ObjectsByName(&s.AddonOptions, "addonOptions",
			"Versions and configurations of add-ons by name: version, and configuration with the add-on's arguments",
			(*AddonOptions).settings, setting.Names[string, AddonOptions](addonName)),
		setting.Of(&s.AutoscalerPolicy, "autoscalerPolicy", true,
			"Create the IAM policy that lets the autoscaler of node pools with maxSize change them. false if an administrator "+
				"does: make policies prints it"),
		setting.Of(&s.ClusterPolicy, "clusterPolicy", false,
			"Create one IAM policy with the statements that the cluster and its node pools need, before the cluster, and give "+
				"it time to take effect. In the root compartment of tenancyId if one is about something outside compartmentId. "+
				"false if an administrator writes them: make policies prints them"),
		setting.Of(&s.PolicyWaitSeconds, "policyWaitSeconds", DefaultPolicyWaitSeconds,
			"How long a policy of clusterPolicy, new or with other statements, gets to take effect before the update goes on. "+
				"A cluster that may not use its key yet fails for good",
			setting.Range(0, maxPolicyWaitSeconds)),
		setting.Objects(&s.NodePools, "nodePools", []NodePool{workers},
			"Node pools. docs/settings.md lists their fields; name is required",
			(*NodePool).settings, atLeastOnePool),
		setting.Objects(&s.VirtualNodePools, "virtualNodePools", nil,
			"Pools of virtual nodes, beside nodePools (enhanced, podNetwork vcn-native). Oracle runs their Pods; the "+
				"guestbook's stay on the other nodes. docs/nodes.md says what they cannot run; name is required",
			(*VirtualNodePool).settings),
	})
}

// controlPlane are the settings of version and kind.
func (s *Spec) controlPlane() setting.Group {
	return setting.Group{
		setting.Of(&s.KubernetesVersion, "kubernetesVersion", "",
			"Kubernetes version of the control plane. Empty for the newest that the region offers to a new cluster, "+
				"and v1.36 for the newest of that minor version; a cluster that has it stays as it is. "+
				"It can be raised by one minor version at a time, and never lowered",
			setting.Optional(version)),
		setting.Of(&s.ClusterType, "clusterType", Basic,
			"basic (free control plane) or enhanced (node cycling, workload identity, service level agreement)",
			setting.OneOf(Basic, Enhanced)),
	}
}

// keys are the settings of keys in Vault.
func (s *Spec) keys() setting.Group {
	return setting.Group{
		setting.Of(&s.KMSKeyID, "kmsKeyId", "",
			"OCID of a Vault key that encrypts Kubernetes secrets. Empty for Oracle's own. A change replaces the cluster",
			setting.OCID("key")),
		setting.List(&s.VaultIDs, "vaultIds", nil,
			"OCIDs of vaults in other compartments that have keys which settings name. Those of the stack's compartment are "+
				"searched anyway, before anything is made",
			setting.Each(setting.Required[string]("write an OCID, or leave the item out")),
			setting.Each(setting.OCID("vault")), setting.Unique[string]()),
		setting.List(&s.ImageKeys, "imageVerificationKeys", nil,
			"OCIDs of RSA keys in Vault: Pods run images of Oracle's registry only if one of the keys has signed them, and "+
				"name them by digest. It needs policies: make policies prints them",
			setting.Each(setting.Required[string]("write an OCID, or leave the item out")),
			setting.Each(setting.OCID("key")), setting.Unique[string](), atMostKeys),
	}
}

func (p *NodePool) settings() setting.Group {
	return slices.Concat(p.machines(), p.scaling(), p.access())
}

// machines are the settings of what the nodes are, and where.
func (p *NodePool) machines() setting.Group {
	return setting.Group{
		setting.Of(&p.Name, "name", "", "Name, unique in the stack. It cannot be changed later: a new name is a new pool",
			poolName),
		setting.Of(&p.Size, "size", 1, "Number of nodes, the first one with autoscaled or maxSize. 0 parks the pool",
			setting.Range(0, maxNodes)),
		setting.Of(&p.Shape, "shape", allowance.AlwaysFree.Shape, "Shape of the nodes"),
		setting.Of(&p.OCPUs, "ocpus", 0, "OCPUs of each node, of a flexible shape only"),
		setting.Of(&p.MemoryGB, "memoryGb", 0,
			fmt.Sprintf("Memory of each node in GB, %d to %d for each OCPU, of a flexible shape only",
				MinMemoryPerOCPU, MaxMemoryPerOCPU)),
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
			fmt.Sprintf("Most Pods on a node, with podNetwork vcn-native: at most %d for each VNIC of the shape but the first",
				podsPerVNIC),
			setting.Range(1, maxPodsPerNode)),
	}
}

// scaling are the settings of the number of nodes, and of their replacement.
func (p *NodePool) scaling() setting.Group {
	return setting.Group{
		setting.Of(&p.MinSize, "minSize", 0, "Smallest number of nodes that the autoscaler leaves, with maxSize",
			setting.Range(0, maxNodes)),
		setting.Of(&p.MaxSize, "maxSize", 0,
			"Largest number of nodes: installs the autoscaler add-on, which adds nodes while Pods have no room, and removes "+
				"those that are not needed (enhanced). 0 for a fixed number",
			setting.Range(0, maxNodes)),
		setting.Of(&p.Autoscaled, "autoscaled", false,
			"An autoscaler of your own changes the number of nodes, and size is the first one"),
		setting.Of(&p.CycleBy, "cycleBy", Instance,
			"How a change of version, image, disk size, cloudInit or sshPublicKey reaches existing nodes: instance replaces "+
				"them; boot-volume only their disks, so that nodes keep address and availability domain (enhanced)",
			setting.OneOf(Instance, BootVolume)),
		setting.Of(&p.MaxSurge, "maxSurge", "", "Nodes added while nodes are replaced, a number or a percentage (enhanced)",
			setting.Optional(cyclingStep)),
		setting.Of(&p.MaxUnavailable, "maxUnavailable", "",
			"Nodes missing while nodes are replaced, a number or a percentage (enhanced)",
			setting.Optional(cyclingStep)),
		setting.Of(&p.EvictionGraceMinutes, "evictionGraceMinutes", 15, "How long the eviction of a node's Pods may take",
			setting.Range(0, maxGraceMinutes)),
		setting.Of(&p.Preemptible, "preemptible", false,
			"Preemptible nodes: cheaper, but Oracle may take them back. OKE taints them, and nodes of GPU shapes, so that no "+
				"guestbook runs there"),
	}
}

// access are the settings of what runs on the nodes beside Kubernetes, who may log in, and what guards them.
func (p *NodePool) access() setting.Group {
	return setting.Group{
		setting.Of(&p.CloudInit, "cloudInit", "",
			"What cloud-init runs on a new node, after the program's own script, which grows the root file system and joins "+
				"the node to the cluster. So leave out the lines of Oracle's examples that fetch and run oke_init_script",
			setting.Optional(cloudInit)),
		setting.Of(&p.SSHPublicKey, "sshPublicKey", "", "Public SSH key of user opc on new nodes, the line of a .pub file",
			setting.Optional(sshPublicKey)),
		setting.Of(&p.CapacityReservationID, "capacityReservationId", "",
			"OCID of a capacity reservation that the nodes use, which has their shape, in one availability domain",
			setting.OCID("capacityreservation")),
		setting.Of(&p.BootVolumeKMSKeyID, "bootVolumeKmsKeyId", "",
			"OCID of a Vault key that encrypts new nodes' boot volumes. Empty for Oracle's own. It needs policies: "+
				"make policies prints them",
			setting.OCID("key")),
		setting.List(&p.NSGIDs, "nsgIds", nil,
			"OCIDs of network security groups of the VCN that the nodes are in, beside the stack's own",
			setting.Each(setting.Required[string]("write an OCID, or leave the item out")),
			setting.Each(setting.OCID("networksecuritygroup")), setting.Unique[string](),
			setting.Func("at most 4", func(ids []string) error {
				if len(ids) > maxOwnNSGs {
					return fmt.Errorf("%d are more than the %d that a VNIC takes beside the stack's own", len(ids), maxOwnNSGs)
				}
				return nil
			})),
	}
}

// maxOwnNSGs leaves room for the stack's own group: a VNIC takes five (Oracle documentation, "Network Security
// Groups", section "Limits").
const maxOwnNSGs = 4

var (
	version = setting.Func("a minor version such as v1.36, or a full one such as v1.36.4", CheckVersion)
	// A region has at most three availability domains, and each of them three fault domains.
	domains = setting.Each(setting.Range(1, 3))
	// The name is also a part of the names of Pulumi resources and Kubernetes nodes.
	poolName = setting.Match(regexp.MustCompile(`^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$`),
		"a name of 1 to 32 lower-case letters, digits and hyphens that begins with a letter")
	cyclingStep = setting.Match(regexp.MustCompile(`^(\d{1,4}|\d{1,2}%|100%)$`),
		"a number of nodes or a percentage such as 25%")

	atLeastOnePool = setting.Func("at least one", func(pools []NodePool) error {
		if len(pools) == 0 {
			return errors.New("needs at least one node pool: virtual nodes alone have no volumes for a database, and run no " +
				"init containers, so that no guestbook can run there")
		}
		return nil
	})
	nodeLabels = setting.Func("", checkLabels)

	atMostKeys = setting.Func(fmt.Sprintf("at most %d", maxVerificationKeys), func(keys []string) error {
		if len(keys) > maxVerificationKeys {
			return fmt.Errorf("%d are more than the %d that a cluster takes", len(keys), maxVerificationKeys)
		}
		return nil
	})
)
