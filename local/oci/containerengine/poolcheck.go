package containerengine

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/keymanagement"
	"oke-guestbook/local/oci/vcn"
)

// Sizes of a boot volume in GB (API reference, NodeSourceViaImageDetails).
const minBootVolumeGB, maxBootVolumeGB = 50, 32768

// checkNodePool checks a whole node pool, and sets what follows from its fields. Old is the pool before an update, or
// nil. Nodes may go back to an earlier version (OKE release note of 2026-08-14).
func (s *Service) checkNodePool(t *engine.Tx, doc, old, cluster engine.Doc) error {
	if version := doc.Str("kubernetesVersion"); version != old.Str("kubernetesVersion") {
		resolved, err := s.versions.resolve(version, s.versions.list(true))
		if err != nil {
			return err
		}
		doc["kubernetesVersion"] = resolved
	}
	if err := checkSkew(doc.Str("kubernetesVersion"), cluster.Str("kubernetesVersion")); err != nil {
		return err
	}
	shape, err := checkNodeShape(doc)
	if err != nil {
		return err
	}
	if err := checkNodeImage(doc, shape); err != nil {
		return err
	}
	if err := checkMetadata(doc.Sub("nodeMetadata")); err != nil {
		return err
	}
	if err := checkCycling(doc, old); err != nil {
		return err
	}
	if err := checkClusterNodes(t, doc, old, cluster); err != nil {
		return err
	}
	for i, placement := range doc.Objects("nodeConfigDetails", "placementConfigs") {
		if err := checkReservation(t, fmt.Sprintf("nodeConfigDetails.placementConfigs[%d]", i), placement, doc); err != nil {
			return err
		}
		if placement["preemptibleNodeConfig"] != nil {
			size := doc.Sub("nodeShapeConfig")
			if err := shape.CheckPreemptible(size.Num("ocpus"), size.Num("memoryInGBs")); err != nil {
				return err
			}
		}
	}
	return checkNodeConfig(t, doc.Sub("nodeConfigDetails"), cluster, shape.Vnics(doc.Num("nodeShapeConfig", "ocpus")))
}

func checkNodeShape(doc engine.Doc) (*compute.Shape, error) {
	name := doc.Str("nodeShape")
	shape := compute.ShapeNamed(name)
	if shape == nil {
		return nil, engine.Invalid("Invalid nodeShape: %q is not offered in this region.", name)
	}
	if !shape.ForNodes() {
		return nil, engine.Invalid("Invalid nodeShape: %s is not supported for nodes.", name)
	}
	config := doc.Sub("nodeShapeConfig")
	if !shape.Flexible {
		if config != nil {
			return nil, engine.Invalid("nodeShapeConfig: %s is not a flexible shape", name)
		}
		doc["nodeShapeConfig"] = engine.Doc{"ocpus": shape.MinOCPUs, "memoryInGBs": shape.MinMemoryGB}
		return shape, nil
	}
	ocpus, memory := config.Num("ocpus"), config.Num("memoryInGBs")
	if ocpus == 0 {
		return nil, engine.Invalid("nodeShapeConfig: the flexible shape %s needs ocpus", name)
	}
	sizes := shape.Sizes()
	if memory == 0 {
		memory = compute.DefaultMemoryPerOCPU * ocpus
		if sizes != nil {
			memory = sizes.MemoryPerOCPU * ocpus
		}
		config["memoryInGBs"] = memory
	}
	if sizes != nil {
		return shape, checkSizes(sizes, name, ocpus, memory)
	}
	if ocpus < shape.MinOCPUs || ocpus > shape.MaxOCPUs {
		return nil, engine.Invalid("nodeShapeConfig.ocpus: %v must be from %v to %v for %s",
			ocpus, shape.MinOCPUs, shape.MaxOCPUs, name)
	}
	if memory < compute.MinMemoryPerOCPU*ocpus || memory > compute.MaxMemoryPerOCPU*ocpus || memory > shape.MaxMemoryGB {
		return nil, engine.Invalid("nodeShapeConfig.memoryInGBs: %v must be from %d to %d GB per OCPU, "+
			"and at most %v, for %s", memory, compute.MinMemoryPerOCPU, compute.MaxMemoryPerOCPU, shape.MaxMemoryGB, name)
	}
	return shape, nil
}

// checkSizes checks the size of a flexible shape that has a few.
func checkSizes(sizes *compute.Sizes, name string, ocpus, memory float64) error {
	if !slices.Contains(sizes.OCPUs, ocpus) {
		return engine.Invalid("nodeShapeConfig.ocpus: %v must be one of %v for %s", ocpus, sizes.OCPUs, name)
	}
	if want := ocpus * sizes.MemoryPerOCPU; memory != want {
		return engine.Invalid("nodeShapeConfig.memoryInGBs: %v must be %v for %s with %v OCPUs", memory, want, name, ocpus)
	}
	return nil
}

func checkNodeImage(doc engine.Doc, shape *compute.Shape) error {
	const path = "nodeSourceDetails"
	source := doc.Sub(path)
	id := source.Str("imageId")
	if engine.KindOf(id) != "image" {
		return engine.Invalid("%s.imageId: %q is no OCID of an image", path, id)
	}
	img := compute.ImageByID(id)
	if img == nil {
		return engine.RelatedNotFound(path+".imageId", id)
	}
	if img.Arm != shape.Arm {
		return engine.Invalid("%s.imageId: the image %s is not compatible with the shape %s", path, img.Name, shape.Name)
	}
	// A platform image without a version gets its Kubernetes packages when the node starts.
	if version := doc.Str("kubernetesVersion"); img.Version != "" && img.Version != version {
		return engine.Conflict("the image %s is for Kubernetes %s, the node pool for %s", img.Name, img.Version, version)
	}
	if source["bootVolumeSizeInGBs"] != nil {
		if size := source.Num("bootVolumeSizeInGBs"); size < minBootVolumeGB || size > maxBootVolumeGB {
			return engine.Invalid("%s.bootVolumeSizeInGBs: %v must be from %d to %d GB",
				path, size, minBootVolumeGB, maxBootVolumeGB)
		}
	}
	doc["nodeSource"] = engine.Doc{"sourceType": "IMAGE", "imageId": id, "sourceName": img.Name}
	doc["nodeImageId"], doc["nodeImageName"] = id, img.Name
	return nil
}

// maxMetadata is the size of an instance's metadata in bytes (API reference, LaunchInstanceDetails).
const maxMetadata = 32000

// checkMetadata checks what the instances of a pool get as metadata.
func checkMetadata(metadata engine.Doc) error {
	size := 0
	for key, value := range metadata {
		size += len(key) + len(fmt.Sprint(value))
	}
	if size > maxMetadata {
		return engine.Invalid("nodeMetadata: %d bytes, and at most %d are allowed", size, maxMetadata)
	}
	if _, err := base64.StdEncoding.DecodeString(metadata.Str("user_data")); err != nil {
		return engine.Invalid("nodeMetadata.user_data: must be base64-encoded")
	}
	return nil
}

// byBootVolume reports whether node cycling replaces boot volumes and keeps the instances (SDK 65.129, CycleMode).
func byBootVolume(details engine.Doc) bool {
	return slices.Contains(details.Texts("cycleModes"), "BOOT_VOLUME_REPLACE")
}

// cyclingSteps returns how many nodes a step of node cycling adds and removes, in a pool of a size. The defaults are
// those of Oracle's documentation, "Balancing Service Availability and Cost When Cycling Managed Nodes in Node Pools",
// read 2026-11-28.
func cyclingSteps(details engine.Doc, size int) (surge, unavailable int) {
	if byBootVolume(details) {
		unavailable, _ = countOrShare(cmp.Or(details.Str("maximumUnavailable"), "1"), size)
		return 0, unavailable
	}
	surge, _ = countOrShare(cmp.Or(details.Str("maximumSurge"), "1"), size)
	unavailable, _ = countOrShare(cmp.Or(details.Str("maximumUnavailable"), "0"), size)
	return surge, unavailable
}

// checkCycling checks how the nodes of a pool are cycled. Old is the pool before an update, or nil.
func checkCycling(pool, old engine.Doc) error {
	details := pool.Sub("nodePoolCyclingDetails")
	changes := !reflect.DeepEqual(details, old.Sub("nodePoolCyclingDetails"))
	for _, field := range []string{"maximumSurge", "maximumUnavailable"} {
		if text := details.Str(field); text != "" && changes {
			if err := checkStep(field, text, int(pool.Num("nodeConfigDetails", "size"))); err != nil {
				return err
			}
		}
	}
	if !details.Flag("isNodeCyclingEnabled") {
		return nil
	}
	surge, unavailable := cyclingSteps(details, 100)
	if byBootVolume(details) {
		if unavailable == 0 {
			return engine.Invalid("nodePoolCyclingDetails: maximumUnavailable cannot be 0 when boot volumes are replaced")
		}
		return nil
	}
	if surge == 0 && unavailable == 0 {
		return engine.Invalid("nodePoolCyclingDetails: maximumSurge and maximumUnavailable cannot both be 0")
	}
	return nil
}

// checkStep checks how many nodes a step of node cycling adds or removes: "Ranges from 0 to Nodepool size or 0% to
// 100%" (API reference, NodePoolCyclingDetails; read 2026-11-29, not tried). That a pool of size 0 may have a step of
// one node, the default, and that one which gets smaller keeps its steps, is an assumption.
func checkStep(field, text string, size int) error {
	n, err := countOrShare(text, size)
	if err != nil {
		return engine.Invalid("nodePoolCyclingDetails.%s: %q must be a number or a percentage from 0 to 100", field, text)
	}
	if most := max(size, 1); n > most {
		return engine.Invalid("nodePoolCyclingDetails.%s: %s must be from 0 to the size of the node pool, %d",
			field, text, most)
	}
	return nil
}

// countOrShare parses a count such as "1", or a share such as "25%" of n, rounded up.
func countOrShare(text string, n int) (int, error) {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.Atoi(number)
	if err != nil || v < 0 || percent && v > 100 {
		return 0, fmt.Errorf("%q is no count", text)
	}
	if percent {
		return (v*n + 99) / 100, nil
	}
	return v, nil
}

// The limits on the nodes of a cluster: of a basic one, of an enhanced one with flannel, and of one with VCN-native
// Pods, which can be raised (Oracle: "Service Limits", section "Kubernetes Engine Limits", copy of 2025-03).
const (
	basicNodeLimit   = "nodes-per-basic-cluster"
	flannelNodeLimit = "nodes-per-flannel-cluster"
	nativeNodeLimit  = "nodes-per-native-cluster"
)

// nodeLimits are the values of those limits.
var nodeLimits = map[string]int{basicNodeLimit: 1000, flannelNodeLimit: 5000, nativeNodeLimit: 2000}

// NodeLimit returns how many nodes a cluster of a type may have with a type of Pod network.
func NodeLimit(clusterType, cni string) int { return nodeLimits[nodeLimitOf(clusterType, cni)] }

func nodeLimitOf(clusterType, cni string) string {
	switch {
	case clusterType == "BASIC_CLUSTER":
		return basicNodeLimit
	case cni == vcnNative:
		return nativeNodeLimit
	}
	return flannelNodeLimit
}

// checkClusterNodes refuses more nodes than the cluster may have. Old is the pool before an update, or nil.
func checkClusterNodes(t *engine.Tx, pool, old, cluster engine.Doc) error {
	size := pool.Num("nodeConfigDetails", "size")
	if size <= old.Num("nodeConfigDetails", "size") {
		return nil
	}
	limit := t.Limit(nodeLimitOf(cluster.Str("type"), cniType(cluster)))
	for _, other := range poolsOf(t, cluster.Str("id")) {
		if other.ID != pool.Str("id") {
			size += other.Doc.Num("nodeConfigDetails", "size")
		}
	}
	if int(size) > limit {
		return engine.LimitExceeded("nodeConfigDetails.size: the node pools of the cluster would have %v nodes, "+
			"and it has at most %d", size, limit)
	}
	return nil
}

func checkNodeConfig(t *engine.Tx, config, cluster engine.Doc, vnics int) error {
	const path = "nodeConfigDetails."
	size, limit := config.Num("size"), t.Limit(nodeLimit)
	if size < 0 {
		return engine.Invalid(path + "size: must not be negative")
	}
	if int(size) > limit {
		return engine.LimitExceeded("%ssize: a node pool has at most %d nodes", path, limit)
	}
	vcnID, placements := cluster.Str("vcnId"), config.Objects("placementConfigs")
	if len(placements) == 0 {
		return engine.Invalid(path + "placementConfigs: must hold at least one entry")
	}
	for i, placement := range placements {
		where := fmt.Sprintf("%splacementConfigs[%d]", path, i)
		if err := checkPlacement(t, where, placement, "faultDomains", vcnID); err != nil {
			return err
		}
	}
	if err := vcn.CheckSecurityGroups(t, path+"nsgIds", config.Texts("nsgIds"), vcnID); err != nil {
		return err
	}
	if key := config.Str("kmsKeyId"); key != "" {
		if err := keymanagement.CheckKey(t, path+"kmsKeyId", key, "AES"); err != nil {
			return err
		}
	}
	return checkPodNetwork(t, config.Sub("nodePoolPodNetworkOptionDetails"), cluster, vnics)
}

// checkPlacement checks a placement of a pool, whose fault domains are in a field of that name.
func checkPlacement(t *engine.Tx, path string, placement engine.Doc, faultDomains, vcnID string) error {
	oneOf := func(field, value string, allowed []string) error {
		if slices.Contains(allowed, value) {
			return nil
		}
		return engine.Invalid("%s.%s: %q must be one of %s", path, field, value, strings.Join(allowed, ", "))
	}
	ad := placement.Str("availabilityDomain")
	if err := oneOf("availabilityDomain", ad, engine.AvailabilityDomains); err != nil {
		return err
	}
	for _, fd := range placement.Texts(faultDomains) {
		if err := oneOf(faultDomains, fd, engine.FaultDomains); err != nil {
			return err
		}
	}
	subnet, err := vcn.LiveSubnet(t, vcnID, path+".subnetId", placement.Str("subnetId"))
	if err != nil {
		return err
	}
	if own := subnet.Doc.Str("availabilityDomain"); own != "" && own != ad {
		return engine.Invalid("%s: the subnet %s is in %s", path, subnet.ID, own)
	}
	return nil
}

// checkReservation checks the capacity reservation of a placement of a node pool.
func checkReservation(t *engine.Tx, path string, placement, pool engine.Doc) error {
	id := placement.Str("capacityReservationId")
	if id == "" {
		return nil
	}
	if placement["preemptibleNodeConfig"] != nil {
		return engine.Invalid("%s: preemptible nodes cannot use a capacity reservation", path)
	}
	return compute.CheckReservation(t, path+".capacityReservationId", id, placement.Str("availabilityDomain"),
		pool.Str("nodeShape"), pool.Sub("nodeShapeConfig"))
}

// podsPerVnic is how many Pods get an address of one VNIC. The first VNIC of a node is the node's (Oracle: "Using the
// OCI VCN-Native Pod Networking CNI plugin for pod networking", as of September 2026).
const podsPerVnic = 31

func checkPodNetwork(t *engine.Tx, pods, cluster engine.Doc, vnics int) error {
	const path = "nodeConfigDetails.nodePoolPodNetworkOptionDetails."
	vcnID, cni := cluster.Str("vcnId"), cniType(cluster)
	if pods.Str("cniType") != cni {
		return engine.Invalid("%scniType: must be the cluster's, %s", path, cni)
	}
	if cni != vcnNative {
		return nil
	}
	if len(pods.List("podSubnetIds")) == 0 {
		return engine.MissingParameter(path + "podSubnetIds")
	}
	for i, id := range pods.Texts("podSubnetIds") {
		if _, err := vcn.LiveSubnet(t, vcnID, fmt.Sprintf("%spodSubnetIds[%d]", path, i), id); err != nil {
			return err
		}
	}
	pods.Default(engine.Doc{"maxPodsPerNode": 31.0, "podNsgIds": []any{}})
	if n, most := pods.Num("maxPodsPerNode"), min((vnics-1)*podsPerVnic, 110); n < 1 || n > float64(most) {
		return engine.Invalid("%smaxPodsPerNode: %v must be from 1 to %d for a shape with %d VNICs", path, n, most, vnics)
	}
	return vcn.CheckSecurityGroups(t, path+"podNsgIds", pods.Texts("podNsgIds"), vcnID)
}
