package containerengine

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// launch creates one instance with its VNICs, and its node in the pool.
func launch(t *engine.Tx, pool *engine.Resource) error {
	state := engine.Private[poolState](pool)
	placement, fd := place(pool)
	ad, subnetID := placement.Str("availabilityDomain"), placement.Str("subnetId")
	if f := t.LaunchFailure(ad); f != nil {
		return f
	}
	if f := launchFailure(t, pool, subnetID, ad); f != nil {
		return f
	}
	source := pool.Doc.Sub("nodeSourceDetails")
	err := compute.TakeLimits(t, ad, pool.Doc.Str("nodeShape"), pool.Doc.Sub("nodeShapeConfig"),
		source.Num("bootVolumeSizeInGBs"))
	if err != nil {
		return err
	}
	id := engine.NewOCID(compute.InstanceKind)
	name := fmt.Sprintf("oke-c%s-n%s-s%s-%d", engine.ShortID(pool.Doc.Str("clusterId")), engine.ShortID(pool.ID),
		engine.ShortID(subnetID), state.Launched)
	state.Launched++
	vnic, err := createVnics(t, pool, vcn.VnicArgs{SubnetID: subnetID, Owner: id, Name: name, AvailabilityDomain: ad})
	if err != nil {
		return err
	}
	config := pool.Doc.Sub("nodeConfigDetails")
	labels := map[string]string{}
	for _, label := range pool.Doc.Objects("initialNodeLabels") {
		labels[label.Str("key")] = label.Str("value")
	}
	err = compute.Launch(t, compute.InstanceArgs{
		ID: id, Name: name, Compartment: pool.Doc["compartmentId"], AvailabilityDomain: ad, FaultDomain: fd,
		Shape: pool.Doc.Str("nodeShape"), ShapeConfig: pool.Doc.Sub("nodeShapeConfig"),
		ImageID:      pool.Doc.Str("nodeSourceDetails", "imageId"),
		BootVolumeGB: pool.Doc.Num("nodeSourceDetails", "bootVolumeSizeInGBs"), Metadata: instanceMetadata(pool.Doc),
		FreeformTags: config["freeformTags"], DefinedTags: config["definedTags"], NodeLabels: labels,
		MaxPods:               int(config.Num("nodePoolPodNetworkOptionDetails", "maxPodsPerNode")),
		CapacityReservationID: placement.Str("capacityReservationId"),
		PreemptionAction:      placement.Str("preemptibleNodeConfig", "preemptionAction", "type"),
		KeepBootVolume:        placement.Flag("preemptibleNodeConfig", "preemptionAction", "isPreserveBootVolume"),
	})
	if err != nil {
		return err
	}
	node := engine.Doc{
		"id": id, "name": name, "nodePoolId": pool.ID, "availabilityDomain": ad, "faultDomain": fd, "subnetId": subnetID,
		"privateIp": vnic.Doc["privateIp"], "kubernetesVersion": pool.Doc["kubernetesVersion"],
		"lifecycleState": "CREATING", "freeformTags": engine.Doc{}, "definedTags": engine.Doc{},
	}
	if public := vnic.Doc.Str("publicIp"); public != "" {
		node["publicIp"] = public
	}
	pool.Doc["nodes"] = append(pool.Doc.List("nodes"), node)
	if state.MadeFrom == nil {
		state.MadeFrom = map[string]string{}
	}
	state.MadeFrom[id] = nodeSettings(pool.Doc)
	return nil
}

// createVnics creates the primary VNIC of a node, which it returns, and with VCN-native pods those for them. Each has
// an address for each of its Pods beside its own.
func createVnics(t *engine.Tx, pool *engine.Resource, args vcn.VnicArgs) (*engine.Resource, error) {
	config := pool.Doc.Sub("nodeConfigDetails")
	args.GroupIDs, args.PublicIP = config.Texts("nsgIds"), true
	vnic, err := vcn.NewVnic(t, args)
	if err != nil {
		return nil, err
	}
	pods := config.Sub("nodePoolPodNetworkOptionDetails")
	subnets := pods.Texts("podSubnetIds")
	if len(subnets) == 0 {
		return vnic, nil
	}
	args.SubnetID = subnets[engine.Private[poolState](pool).Launched%len(subnets)]
	args.Name += " pods"
	args.GroupIDs, args.PublicIP, args.Secondary = pods.Texts("podNsgIds"), false, true
	for left := int(pods.Num("maxPodsPerNode")); left > 0; left -= podsPerVnic {
		args.MoreAddresses = min(left, podsPerVnic)
		if _, err := vcn.NewVnic(t, args); err != nil {
			return nil, errors.Join(err, vcn.RemoveVnics(t, args.Owner))
		}
	}
	return vnic, nil
}

// place chooses the placement and the fault domain that the fewest nodes of the pool use. During node cycling those
// count that stay, as otherwise one availability domain could end with two nodes and another with none; then all.
//
// So a pool with fewer nodes than domains may get its next node elsewhere, the less favourable of what is known: new
// nodes are in the domains of the old ones by the guide of Oracle's module terraform-oci-oke ("Workers: Node Cycle",
// read 2026-11-29), and OKE's documentation does not say so.
func place(pool *engine.Resource) (placement engine.Doc, fd string) {
	all := pool.Doc.Objects("nodes")
	staying := all
	if pool.Doc.Flag("nodePoolCyclingDetails", "isNodeCyclingEnabled") {
		staying = slices.DeleteFunc(slices.Clone(all), func(n engine.Doc) bool { return isStale(pool, n) })
	}
	placement = leastUsed(pool.Doc.Objects("nodeConfigDetails", "placementConfigs"), func(p, n engine.Doc) bool {
		return p["availabilityDomain"] == n["availabilityDomain"] && p["subnetId"] == n["subnetId"]
	}, staying, all)
	domains := placement.Texts("faultDomains")
	if len(domains) == 0 {
		domains = engine.FaultDomains
	}
	fd = leastUsed(domains, func(d string, n engine.Doc) bool {
		return n["availabilityDomain"] == placement["availabilityDomain"] && n["faultDomain"] == d
	}, staying, all)
	return placement, fd
}

// leastUsed returns the first of the choices that the fewest nodes use: of the first group, then of the next ones.
func leastUsed[C any](choices []C, uses func(choice C, node engine.Doc) bool, groups ...[]engine.Doc) C {
	count := func(c C, nodes []engine.Doc) (n int) {
		for _, node := range nodes {
			if uses(c, node) {
				n++
			}
		}
		return n
	}
	return slices.MinFunc(choices, func(a, b C) int {
		for _, nodes := range groups {
			if d := count(a, nodes) - count(b, nodes); d != 0 {
				return d
			}
		}
		return 0
	})
}

// instanceMetadata is the metadata of a pool's instances. They get the pool's SSH key where any instance has its keys
// (API reference, CreateNodePoolDetails, sshPublicKey, and LaunchInstanceDetails, metadata).
func instanceMetadata(pool engine.Doc) engine.Doc {
	metadata := engine.Doc{}
	maps.Copy(metadata, pool.Sub("nodeMetadata"))
	if key := pool.Str("sshPublicKey"); key != "" {
		metadata["ssh_authorized_keys"] = key
	}
	return metadata
}

// userData returns the user_data of an instance as text; a part in MIME's plain encoding can be found in it.
func userData(instance *engine.Resource) string {
	text, _ := base64.StdEncoding.DecodeString(instance.Doc.Str("metadata", "user_data"))
	return string(text)
}

// growsRoot reports whether the user_data of an instance grows its root partition, as the command of Oracle Linux does
// (Oracle: "Extending the Root Partition of Worker Nodes").
func growsRoot(instance *engine.Resource) bool {
	return strings.Contains(userData(instance), "/usr/libexec/oci-growfs")
}

// leaving are the states of nodes that are no members: those that are removed, and those that get another boot volume.
var leaving = []string{"DELETING", "UPDATING"}

// clusterNodes returns the nodes of all of a cluster's pools that are, or can be, its members.
func clusterNodes(t *engine.Tx, clusterID string) []cloud.Node {
	nodes := []cloud.Node{}
	for _, pool := range poolsOf(t, clusterID) {
		for _, n := range pool.Doc.Objects("nodes") {
			instance := t.Find(n.Str("id"))
			if instance != nil && instance.Removed != nil {
				nodes = append(nodes, cloud.Node{InstanceID: instance.ID, Name: n.Str("privateIp"), Terminated: true})
				continue
			}
			if instance == nil || instance.State() != "RUNNING" || slices.Contains(leaving, n.Str("lifecycleState")) {
				continue
			}
			bootVolumeGB, labels, maxPods := compute.NodeFacts(instance)
			node := cloud.Node{
				InstanceID: instance.ID, Name: n.Str("privateIp"), PoolID: pool.ID, PoolName: pool.Doc.Str("name"),
				Version: n.Str("kubernetesVersion"), Shape: instance.Doc.Str("shape"),
				OCPUs: instance.Doc.Num("shapeConfig", "ocpus"), MemoryGB: instance.Doc.Num("shapeConfig", "memoryInGBs"),
				BootVolumeGB: int64(bootVolumeGB), RootGrown: growsRoot(instance), Taints: cloud.Taints(userData(instance)),
				AvailabilityDomain: n.Str("availabilityDomain"),
				FaultDomain:        n.Str("faultDomain"), SubnetID: n.Str("subnetId"), PrivateIP: n.Str("privateIp"),
				Labels: map[string]string{}, MaxPods: maxPods,
			}
			maps.Copy(node.Labels, labels)
			if img := compute.ImageByID(instance.Doc.Str("imageId")); img != nil {
				node.ImageName = img.Name
			}
			if isPreemptible(pool, n) {
				node.Taints = append(node.Taints, cloud.PreemptibleTaint)
				node.Labels[cloud.PreemptibleKey] = "true"
			}
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// isPreemptible reports whether the pool has preemptible capacity where the node is.
func isPreemptible(pool *engine.Resource, node engine.Doc) bool {
	return slices.ContainsFunc(pool.Doc.Objects("nodeConfigDetails", "placementConfigs"), func(p engine.Doc) bool {
		return p["preemptibleNodeConfig"] != nil &&
			strings.EqualFold(p.Str("availabilityDomain"), node.Str("availabilityDomain"))
	})
}
