package containerengine

import (
	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
)

// What clusters and node pools need policies for is read in the pages that plan/iam names; none was tried on Oracle
// Cloud.

// mayUseKey reports whether a principal has permissions for a key, in any compartment.
func mayUseKey(t *engine.Tx, who engine.Principal, id string, permissions ...string) bool {
	key := t.Find(id)
	for _, p := range permissions {
		if key == nil || !t.May(who, p, key.Doc.Str("compartmentId"), map[string]string{"target.key.id": id}) {
			return false
		}
	}
	return true
}

// keyFailure is the failure of a new cluster that may not use the key for its secrets, or nil: the policy must exist
// before (Oracle documentation, "Encrypting Kubernetes Secrets at Rest in Etcd"). OKE's words are not known.
func keyFailure(t *engine.Tx, cluster *engine.Resource) *engine.Failure {
	id := cluster.Doc.Str("kmsKeyId")
	who := engine.Principal{ID: cluster.ID, Type: engine.ClusterPrincipal}
	if id == "" || mayUseKey(t, who, id, "KEY_ENCRYPT", "KEY_DECRYPT") {
		return nil
	}
	return engine.NotFound(id)
}

// launchFailure is the failure of a node whose pool lacks a right, or nil. The words are those of a report of 2024
// (oracle-terraform-modules/terraform-oci-oke#893).
func launchFailure(t *engine.Tx, pool *engine.Resource, subnetID, domain string) *engine.Failure {
	if mayLaunch(t, pool, t.Find(subnetID), domain) {
		return nil
	}
	failure := engine.NotFound(pool.ID)
	failure.Message = "Invalid COMPUTE_INSTANCE: Authorization failed or requested resource not found while " +
		"provisioning node(s)"
	return failure
}

func mayLaunch(t *engine.Tx, pool, subnet *engine.Resource, domain string) bool {
	who := engine.Principal{ID: pool.ID, Type: engine.NodePoolPrincipal}
	for _, p := range []string{"SUBNET_ATTACH", "VNIC_CREATE", "VNIC_ATTACH"} {
		if !t.MayUse(who, p, subnet) {
			return false
		}
	}
	config := pool.Doc.Sub("nodeConfigDetails")
	for _, id := range config.Texts("nsgIds") {
		if group := t.Find(id); group != nil && !t.MayUse(who, "NETWORK_SECURITY_GROUP_UPDATE_MEMBERS", group) {
			return false
		}
	}
	if len(config.Sub("definedTags")) > 0 && !t.May(who, "TAG_NAMESPACE_USE", engine.TenancyID, nil) {
		return false
	}
	for _, placement := range config.Objects("placementConfigs") {
		reservation := t.Find(placement.Str("capacityReservationId"))
		if placement["availabilityDomain"] != domain || reservation == nil {
			continue
		}
		if !t.May(who, "CAPACITY_RESERVATION_USE", reservation.Doc.Str("compartmentId"), nil) {
			return false
		}
	}
	image := compute.ImageByID(pool.Doc.Str("nodeSourceDetails", "imageId"))
	if image != nil && image.CompartmentID != "" && !t.May(who, "INSTANCE_IMAGE_READ", image.CompartmentID, nil) {
		return false
	}
	storage := engine.Principal{ID: "blockstorage", Type: engine.ServicePrincipal}
	if key := config.Str("kmsKeyId"); key != "" &&
		!(mayUseKey(t, who, key, "KEY_ASSOCIATE") && mayUseKey(t, storage, key, "KEY_ENCRYPT", "KEY_DECRYPT")) {
		return false
	}
	return mayAttachPods(t, pool)
}

// mayAttachPods reports whether the cluster may give a node VNICs for Pods.
func mayAttachPods(t *engine.Tx, pool *engine.Resource) bool {
	who := engine.Principal{ID: pool.Doc.Str("clusterId"), Type: engine.ClusterPrincipal}
	pods := pool.Doc.Sub("nodeConfigDetails", "nodePoolPodNetworkOptionDetails")
	may := func(id string, permissions ...string) bool {
		for _, p := range permissions {
			if r := t.Find(id); r != nil && !t.MayUse(who, p, r) {
				return false
			}
		}
		return true
	}
	for _, id := range pods.Texts("podSubnetIds") {
		if !may(id, "SUBNET_ATTACH", "PRIVATE_IP_CREATE") {
			return false
		}
	}
	for _, id := range pods.Texts("podNsgIds") {
		if !may(id, "NETWORK_SECURITY_GROUP_UPDATE_MEMBERS") {
			return false
		}
	}
	return true
}

// needsPools refuses a change of a node pool by a workload, the autoscaler, that lacks a right for it.
func needsPools(c *engine.Call, pool *engine.Resource) error {
	if err := c.Needs("CLUSTER_NODE_POOL_UPDATE", pool); err != nil {
		return err
	}
	if err := c.Needs("INSTANCE_CREATE", pool); err != nil {
		return err
	}
	for _, placement := range pool.Doc.Objects("nodeConfigDetails", "placementConfigs") {
		subnet := c.Find(placement.Str("subnetId"))
		if subnet == nil {
			continue
		}
		for _, p := range []string{"SUBNET_ATTACH", "VNIC_CREATE"} {
			if err := c.Needs(p, subnet); err != nil {
				return err
			}
		}
		if err := c.Needs("VCN_READ", c.Find(subnet.Doc.Str("vcnId"))); err != nil {
			return err
		}
	}
	return nil
}
