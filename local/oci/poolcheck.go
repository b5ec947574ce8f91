package oci

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits are the sizes of a boot volume (API reference, NodeSourceViaImageDetails).
const minBootVolumeGB, maxBootVolumeGB = 50, 32768

// checkNodePool checks a whole node pool, and completes what follows from its fields.
func (c *call) checkNodePool(doc object, cluster *resource) error {
	version := str(doc, "kubernetesVersion")
	if err := checkVersion(version); err != nil {
		return err
	}
	plane := str(cluster.Doc, "kubernetesVersion")
	if slices.Index(KubernetesVersions, version) > slices.Index(KubernetesVersions, plane) || minor(plane)-minor(version) > maxNodeSkew {
		return invalid("Invalid kubernetes version. Nodes of a cluster with %s can have that version, or one at most %d minors older, not %s.", plane, maxNodeSkew, version)
	}
	if err := checkShape(doc); err != nil {
		return err
	}
	if err := checkNodeImage(doc); err != nil {
		return err
	}
	if err := checkCycling(sub(doc, "nodePoolCyclingDetails")); err != nil {
		return err
	}
	return c.checkNodeConfig(sub(doc, "nodeConfigDetails"), cluster)
}

func checkShape(doc object) error {
	name := str(doc, "nodeShape")
	s := shapeNamed(name)
	if s == nil {
		return invalid("Invalid nodeShape: %q is not offered in this region.", name)
	}
	config := sub(doc, "nodeShapeConfig")
	if !s.flexible {
		if config != nil {
			return invalid("nodeShapeConfig: %s is not a flexible shape", name)
		}
		doc["nodeShapeConfig"] = object{"ocpus": s.minOCPUs, "memoryInGBs": s.minMem}
		return nil
	}
	ocpus, memory := num(config, "ocpus"), num(config, "memoryInGBs")
	if ocpus == 0 {
		return invalid("nodeShapeConfig: the flexible shape %s needs ocpus", name)
	}
	if memory == 0 {
		memory = 16 * ocpus
		config["memoryInGBs"] = memory
	}
	if ocpus < s.minOCPUs || ocpus > s.maxOCPUs {
		return invalid("nodeShapeConfig.ocpus: %v must be from %v to %v for %s", ocpus, s.minOCPUs, s.maxOCPUs, name)
	}
	if memory < ocpus || memory > 64*ocpus || memory > s.maxMemGB {
		return invalid("nodeShapeConfig.memoryInGBs: %v must be from 1 to 64 GB per OCPU, and at most %v, for %s", memory, s.maxMemGB, name)
	}
	return nil
}

func checkNodeImage(doc object) error {
	source := sub(doc, "nodeSourceDetails")
	id := str(source, "imageId")
	if !strings.HasPrefix(id, "ocid1.image.") {
		return invalid("nodeSourceDetails.imageId: %q is no OCID of an image", id)
	}
	img := imageByID(id)
	if img == nil {
		return noSuchRelated("nodeSourceDetails.imageId", id)
	}
	if img.arm != shapeNamed(str(doc, "nodeShape")).arm {
		return invalid("nodeSourceDetails.imageId: the image %s is not compatible with the shape %s", img.name, doc["nodeShape"])
	}
	// A platform image without a version gets its Kubernetes packages when the node starts.
	if version := str(doc, "kubernetesVersion"); img.version != "" && img.version != version {
		return conflict("the image %s is for Kubernetes %s, the node pool for %s", img.name, img.version, version)
	}
	if size, ok := source["bootVolumeSizeInGBs"]; ok && (num(source, "bootVolumeSizeInGBs") < minBootVolumeGB || num(source, "bootVolumeSizeInGBs") > maxBootVolumeGB) {
		return invalid("nodeSourceDetails.bootVolumeSizeInGBs: %v must be from %d to %d GB", size, minBootVolumeGB, maxBootVolumeGB)
	}
	doc["nodeSource"] = object{"sourceType": "IMAGE", "imageId": id, "sourceName": img.name}
	doc["nodeImageId"], doc["nodeImageName"] = id, img.name
	return nil
}

func checkCycling(details object) error {
	for _, field := range []string{"maximumSurge", "maximumUnavailable"} {
		if text := str(details, field); text != "" {
			if _, err := portion(text, 1); err != nil {
				return invalid("nodePoolCyclingDetails.%s: %q must be a number or a percentage from 0 to 100", field, text)
			}
		}
	}
	if flag(details, "isNodeCyclingEnabled") {
		surge, _ := portion(cmp.Or(str(details, "maximumSurge"), "1"), 100)
		gone, _ := portion(cmp.Or(str(details, "maximumUnavailable"), "0"), 100)
		if surge == 0 && gone == 0 {
			return invalid("nodePoolCyclingDetails: maximumSurge and maximumUnavailable cannot both be 0")
		}
	}
	return nil
}

// portion reads a count such as "1" or a share such as "25%" of n, rounded up.
func portion(text string, n int) (int, error) {
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

func (c *call) checkNodeConfig(config object, cluster *resource) error {
	const path = "nodeConfigDetails."
	vcnID := str(cluster.Doc, "vcnId")
	if size, limit := num(config, "size"), c.s.limits["nodes-per-pool"]; size < 0 {
		return invalid(path + "size: must not be negative")
	} else if int(size) > limit {
		return limitExceeded("%ssize: a node pool has at most %d nodes", path, limit)
	}
	placements := objects(config, "placementConfigs")
	if len(placements) == 0 {
		return invalid(path + "placementConfigs: must hold at least one entry")
	}
	for i, p := range placements {
		at := fmt.Sprintf("%splacementConfigs[%d]", path, i)
		ad := str(p, "availabilityDomain")
		if !slices.Contains(AvailabilityDomains, ad) {
			return invalid("%s.availabilityDomain: %q must be one of %s", at, ad, strings.Join(AvailabilityDomains, ", "))
		}
		for _, fd := range texts(p, "faultDomains") {
			if !slices.Contains(FaultDomains, fd) {
				return invalid("%s.faultDomains: %q must be one of %s", at, fd, strings.Join(FaultDomains, ", "))
			}
		}
		subnet, err := c.subnetOf(vcnID, at+".subnetId", str(p, "subnetId"))
		if err != nil {
			return err
		}
		if own := str(subnet.Doc, "availabilityDomain"); own != "" && own != ad {
			return invalid("%s: the subnet %s is in %s", at, subnet.ID, own)
		}
	}
	if err := c.checkNSGs(path+"nsgIds", texts(config, "nsgIds"), vcnID); err != nil {
		return err
	}
	return c.checkPodNetwork(sub(config, "nodePoolPodNetworkOptionDetails"), cluster)
}

func (c *call) checkPodNetwork(pods object, cluster *resource) error {
	const path = "nodeConfigDetails.nodePoolPodNetworkOptionDetails."
	vcnID := str(cluster.Doc, "vcnId")
	if cni := cniType(cluster.Doc); str(pods, "cniType") != cni {
		return invalid("%scniType: must be the cluster's, %s", path, cni)
	}
	if str(pods, "cniType") != "OCI_VCN_IP_NATIVE" {
		return nil
	}
	if len(list(pods, "podSubnetIds")) == 0 {
		return missingParameter(path + "podSubnetIds")
	}
	for i, id := range texts(pods, "podSubnetIds") {
		if _, err := c.subnetOf(vcnID, fmt.Sprintf("%spodSubnetIds[%d]", path, i), id); err != nil {
			return err
		}
	}
	orDefault(pods, object{"maxPodsPerNode": 31.0, "podNsgIds": []any{}})
	if n := num(pods, "maxPodsPerNode"); n < 1 || n > 110 {
		return invalid("%smaxPodsPerNode: %v must be from 1 to 110", path, n)
	}
	return c.checkNSGs(path+"podNsgIds", texts(pods, "podNsgIds"), vcnID)
}
