package containerengine

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// podShapes are the shapes of Pods on virtual nodes (Oracle: "Supported Images (Including Custom Images) and Shapes for
// Worker Nodes", as quoted by public courses on it, read 2026-11-29).
var podShapes = []string{"Pod.Standard.A1.Flex", "Pod.Standard.E3.Flex", "Pod.Standard.E4.Flex"}

// completeVirtualPool checks the body of a new pool of virtual nodes, and makes it the form of an answer (Oracle:
// "Creating Virtual Nodes and Virtual Node Pools in a New Cluster", of 2025-02-12, and "Comparing Virtual Nodes with
// Managed Nodes", of 2024-10-28, read 2026-11-29). The service's messages are not known.
func (s *Service) completeVirtualPool(c *engine.Call, doc engine.Doc) error {
	cluster, err := c.Live(clusterKind, "clusterId", doc.Str("clusterId"))
	if err != nil {
		return err
	}
	if err := checkActive(cluster); err != nil {
		return err
	}
	if cluster.Doc.Str("type") != "ENHANCED_CLUSTER" {
		return engine.Invalid("virtual node pools need an enhanced cluster, and %s is a basic one", cluster.ID)
	}
	if cni := cniType(cluster.Doc); cni != vcnNative {
		return engine.Invalid("virtual node pools need the pod network %s, and that of %s is %s", vcnNative, cluster.ID, cni)
	}
	now := engine.Timestamp(c.Now)
	doc.Default(engine.Doc{
		"kubernetesVersion": cluster.Doc["kubernetesVersion"], "initialVirtualNodeLabels": []any{}, "taints": []any{},
		"nsgIds": []any{}, "virtualNodeTags": engine.Doc{}, "timeCreated": now, "timeUpdated": now,
	})
	return checkVirtualPool(c.Tx, doc, cluster.Doc)
}

// checkVirtualPool checks a whole pool of virtual nodes.
func checkVirtualPool(t *engine.Tx, doc, cluster engine.Doc) error {
	if doc.Num("size") < 0 {
		return engine.Invalid("size: must not be negative")
	}
	if doc.Flag("virtualNodePoolCyclingDetails", "isVirtualNodeCyclingEnabled") {
		return engine.NotImplemented("virtualNodePoolCyclingDetails: the local cloud does not cycle virtual nodes")
	}
	vcnID, placements := cluster.Str("vcnId"), doc.Objects("placementConfigurations")
	if len(placements) == 0 {
		return engine.Invalid("placementConfigurations: must hold at least one entry")
	}
	for i, p := range placements {
		path := fmt.Sprintf("placementConfigurations[%d]", i)
		if err := checkPlacement(t, path, p, "faultDomain", vcnID); err != nil {
			return err
		}
	}
	if err := vcn.CheckSecurityGroups(t, "nsgIds", doc.Texts("nsgIds"), vcnID); err != nil {
		return err
	}
	for i, taint := range doc.Objects("taints") {
		effects := []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}
		if taint.Str("key") == "" || !slices.Contains(effects, taint.Str("effect")) {
			return engine.Invalid("taints[%d]: needs a key, and an effect of %s", i, strings.Join(effects, ", "))
		}
	}
	doc.Sub("virtualNodeTags").Default(engine.Doc{"freeformTags": engine.Doc{}, "definedTags": engine.Doc{}})
	return checkPodConfiguration(t, doc.Sub("podConfiguration"), vcnID)
}

// checkPodConfiguration checks the shape and the network of the Pods.
func checkPodConfiguration(t *engine.Tx, pods engine.Doc, vcnID string) error {
	const path = "podConfiguration."
	if shape := pods.Str("shape"); !slices.Contains(podShapes, shape) {
		return engine.Invalid("%sshape: %q must be one of %s", path, shape, strings.Join(podShapes, ", "))
	}
	subnet, err := vcn.LiveSubnet(t, vcnID, path+"subnetId", pods.Str("subnetId"))
	if err != nil {
		return err
	}
	if !subnet.Doc.Flag("prohibitPublicIpOnVnic") || subnet.Doc.Str("availabilityDomain") != "" {
		return engine.Invalid("%ssubnetId: %s must be a private, regional subnet", path, subnet.ID)
	}
	pods.Default(engine.Doc{"nsgIds": []any{}})
	return vcn.CheckSecurityGroups(t, path+"nsgIds", pods.Texts("nsgIds"), vcnID)
}
