package containerengine

import (
	"context"
	"net/http"
	"slices"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// placeVirtualNodes brings a pool's nodes to its document: surplus ones, the youngest first, and those in places that
// the pool has left are to go, and new ones get an address.
func placeVirtualNodes(t *engine.Tx, poolID string, args workTask) error {
	pool := t.Edit(poolID)
	if pool.Removed != nil {
		return nil
	}
	state := engine.Private[virtualPoolState](pool)
	size := int(pool.Doc.Num("size"))
	if pool.State() == "DELETING" {
		size = 0
	}
	staying := 0
	for _, n := range state.Nodes {
		if staying == size || !isVirtuallyPlaced(pool, n.Doc) {
			n.Doc["lifecycleState"] = "DELETING"
			continue
		}
		staying++
	}
	for range size - staying {
		n, err := newVirtualNode(t, pool, state.Nodes)
		if err != nil {
			state.Failure = engine.AsFailure(err)
			break
		}
		state.Nodes = append(state.Nodes, n)
	}
	taskVirtualSync.InOrder(t, pool.Doc.Str("clusterId"), pool.ID, args)
	return nil
}

// isVirtuallyPlaced reports whether a virtual node is where its pool has nodes.
func isVirtuallyPlaced(pool *engine.Resource, node engine.Doc) bool {
	return slices.ContainsFunc(pool.Doc.Objects("placementConfigurations"), func(p engine.Doc) bool {
		return p["availabilityDomain"] == node["availabilityDomain"] && p["subnetId"] == node["subnetId"] &&
			slices.Contains(faultDomainsOf(p), node.Str("faultDomain"))
	})
}

// faultDomainsOf returns those of a placement: all if it names none.
func faultDomainsOf(placement engine.Doc) []string {
	if named := placement.Texts("faultDomain"); len(named) > 0 {
		return named
	}
	return engine.FaultDomains
}

// newVirtualNode makes a node in the placement and the fault domain that the fewest nodes of the pool use.
func newVirtualNode(t *engine.Tx, pool *engine.Resource, others []virtualNode) (virtualNode, error) {
	var staying []engine.Doc
	for _, o := range others {
		if o.Doc["lifecycleState"] != "DELETING" {
			staying = append(staying, o.Doc)
		}
	}
	placement := leastUsed(pool.Doc.Objects("placementConfigurations"), func(p, n engine.Doc) bool {
		return n["availabilityDomain"] == p["availabilityDomain"]
	}, staying)
	ad := placement.Str("availabilityDomain")
	fd := leastUsed(faultDomainsOf(placement), func(d string, n engine.Doc) bool {
		return n["availabilityDomain"] == ad && n["faultDomain"] == d
	}, staying)
	id := engine.NewOCID("virtualnode")
	vnic, err := vcn.NewVnic(t, vcn.VnicArgs{
		SubnetID: placement.Str("subnetId"), Owner: id, Name: "virtual node", AvailabilityDomain: ad,
		GroupIDs: pool.Doc.Texts("nsgIds"),
	})
	if err != nil {
		return virtualNode{}, err
	}
	tags := pool.Doc.Sub("virtualNodeTags")
	node := virtualNode{Shape: pool.Doc.Str("podConfiguration", "shape"), Labels: map[string]string{}, Doc: engine.Doc{
		"id": id, "displayName": vnic.Doc["privateIp"], "virtualNodePoolId": pool.ID, "availabilityDomain": ad,
		"faultDomain": fd, "subnetId": placement["subnetId"], "nsgIds": pool.Doc.List("nsgIds"),
		"privateIp": vnic.Doc["privateIp"], "kubernetesVersion": pool.Doc["kubernetesVersion"],
		"lifecycleState": "CREATING", "timeCreated": engine.Timestamp(t.Now),
		"freeformTags": tags.Sub("freeformTags"), "definedTags": tags.Sub("definedTags"),
	}}
	for _, label := range pool.Doc.Objects("initialVirtualNodeLabels") {
		node.Labels[label.Str("key")] = label.Str("value")
	}
	for _, taint := range pool.Doc.Objects("taints") {
		node.Taints = append(node.Taints, taint.Str("key")+"="+taint.Str("value")+":"+taint.Str("effect"))
	}
	return node, nil
}

// syncVirtualNodes gives the control plane the cluster's nodes, and ends the pool's work request.
func (s *Service) syncVirtualNodes(ctx context.Context, poolID string, args workTask) func(*engine.Tx) error {
	clusterID, err := s.syncClusterOf(ctx, virtualPoolKind, poolID)
	return func(t *engine.Tx) error {
		pool := t.Edit(poolID)
		if pool.Removed != nil || args.Work == "" {
			return err
		}
		failure := s.work.Failure(t, args.Work)
		if err != nil {
			failure = engine.Fail(http.StatusInternalServerError, "InternalError", "nodes of %s: %v", clusterID, err)
		}
		return s.virtualPoolDone(t, pool, args.Work, failure)
	}
}

// virtualPoolDone removes the nodes that the cluster has left, and ends the work request.
func (s *Service) virtualPoolDone(t *engine.Tx, pool *engine.Resource, work string, failure *engine.Failure) error {
	state := engine.Private[virtualPoolState](pool)
	kept := []virtualNode{}
	for _, n := range state.Nodes {
		if n.Doc["lifecycleState"] == "DELETING" {
			if err := vcn.RemoveVnics(t, n.Doc.Str("id")); err != nil {
				return err
			}
			continue
		}
		n.Doc["lifecycleState"] = "ACTIVE"
		kept = append(kept, n)
	}
	if failure == nil {
		failure = state.Failure
	}
	state.Nodes, state.Failure = kept, nil
	switch {
	case failure != nil:
		pool.SetState("NEEDS_ATTENTION")
		pool.Doc["lifecycleDetails"] = failure.Message
	case pool.State() == "DELETING":
		if err := t.Remove(pool); err != nil {
			return err
		}
	default:
		pool.SetState("ACTIVE")
		delete(pool.Doc, "lifecycleDetails")
	}
	s.work.End(t, work, failure)
	return nil
}

// removeVirtualNodes removes the nodes that a removed pool still has, when its cluster is deleted.
func removeVirtualNodes(t *engine.Tx, pool *engine.Resource) error {
	state := engine.Private[virtualPoolState](pool)
	for _, n := range state.Nodes {
		if err := vcn.RemoveVnics(t, n.Doc.Str("id")); err != nil {
			return err
		}
	}
	state.Nodes = nil
	return nil
}

// upgradeVirtualNodes gives the virtual nodes of a cluster the version of its control plane: OKE upgrades them together
// (Oracle: "Upgrading Virtual Nodes to a Newer Kubernetes Version", undated copy, read 2026-11-29).
func upgradeVirtualNodes(t *engine.Tx, clusterID, version string) {
	for _, pool := range virtualPoolsOf(t, clusterID) {
		r := t.Edit(pool.ID)
		r.Doc["kubernetesVersion"] = version
		for _, n := range engine.Private[virtualPoolState](r).Nodes {
			n.Doc["kubernetesVersion"] = version
		}
		taskVirtualSync.InOrder(t, clusterID, r.ID, workTask{})
	}
}

// virtualNodes returns the nodes of all of a cluster's pools of virtual nodes that are, or are to be, its members.
func virtualNodes(t *engine.Tx, clusterID string) (nodes []cloud.Node) {
	for _, pool := range virtualPoolsOf(t, clusterID) {
		for _, n := range engine.Private[virtualPoolState](pool).Nodes {
			if n.Doc["lifecycleState"] == "DELETING" {
				continue
			}
			nodes = append(nodes, cloud.Node{
				Virtual: true, InstanceID: n.Doc.Str("id"), Name: n.Doc.Str("privateIp"), PoolID: pool.ID,
				PoolName: pool.Doc.Str("displayName"), Version: n.Doc.Str("kubernetesVersion"), Shape: n.Shape,
				AvailabilityDomain: n.Doc.Str("availabilityDomain"), FaultDomain: n.Doc.Str("faultDomain"),
				SubnetID: n.Doc.Str("subnetId"), PrivateIP: n.Doc.Str("privateIp"), Taints: n.Taints, Labels: n.Labels,
			})
		}
	}
	return nodes
}
