package oci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"oke-guestbook/local/cloud"
)

// Usual durations of a node pool's steps on the real service.
const (
	poolUpdateTime   = 5 * time.Second
	instanceBootTime = 2 * time.Minute
	instanceStopTime = time.Minute
)

// poolReconcile brings a node pool one step nearer to what its document asks for, and ends the work request when
// nothing is left to do. Nodes are removed, or launched, one kind of step at a time; with node cycling the steps
// alternate until no node is left that was made from other settings.
func poolReconcile(t *tx, k *task) error {
	pool := t.edit(k.Target)
	if pool.Gone != nil {
		return nil
	}
	next := nextStep(pool)
	switch {
	case len(next.remove) > 0:
		for _, n := range objects(pool.Doc, "nodes") {
			if slices.Contains(next.remove, str(n, "id")) {
				n["lifecycleState"] = "DELETING"
			}
		}
		t.syncNodes(pool, "drained", k.Args)
	case next.add > 0:
		var failure *Failure
		for range next.add {
			if err := t.launch(pool); err != nil {
				failure = asFailure(err)
				break
			}
		}
		if failure != nil {
			pool.hide("failure", object{"code": failure.Code, "message": failure.Message})
		}
		t.later(instanceBootTime, "poolBooted", pool.ID, k.Args)
	default:
		t.poolDone(pool, str(k.Args, "work"))
	}
	return nil
}

// poolDone ends the work request of a pool.
func (t *tx) poolDone(pool *resource, wr string) {
	failure := t.s.faults.workRequest(str(t.find(wr).Doc, "operationType"))
	if f := sub(pool.Hidden, "failure"); f != nil {
		failure = fail(http.StatusInternalServerError, str(f, "code"), "%s", str(f, "message"))
	}
	delete(pool.Hidden, "failure")
	delete(pool.Hidden, "unwanted")
	switch {
	case failure == nil && pool.state() == "DELETING":
		if err := t.bury(pool); err != nil {
			failure = asFailure(err)
		}
	case failure == nil:
		pool.Doc["lifecycleState"] = "ACTIVE"
		delete(pool.Doc, "lifecycleDetails")
	default:
		pool.Doc["lifecycleState"], pool.Doc["lifecycleDetails"] = "NEEDS_ATTENTION", failure.Message
	}
	t.endWork(wr, failure)
}

type step struct {
	add    int
	remove []string
}

// nextStep compares a pool's nodes with its document.
func nextStep(pool *resource) step {
	nodes := objects(pool.Doc, "nodes")
	ids := func(keep func(object) bool) []string {
		var out []string
		for _, n := range nodes {
			if keep(n) {
				out = append(out, str(n, "id"))
			}
		}
		return out
	}
	if pool.state() == "DELETING" {
		return step{remove: ids(func(object) bool { return true })}
	}
	if unwanted := texts(pool.Hidden, "unwanted"); len(unwanted) > 0 {
		if gone := ids(func(n object) bool { return slices.Contains(unwanted, str(n, "id")) }); len(gone) > 0 {
			return step{remove: gone}
		}
	}
	if sub(pool.Hidden, "failure") != nil {
		return step{}
	}
	size := int(num(pool.Doc, "nodeConfigDetails", "size"))
	stale := ids(func(n object) bool { return isStale(pool, n) })
	if extra := len(nodes) - size; extra > 0 {
		// Those with old settings go first, then the youngest.
		order := slices.Clone(stale)
		for _, id := range slices.Backward(ids(func(object) bool { return true })) {
			if !slices.Contains(order, id) {
				order = append(order, id)
			}
		}
		return step{remove: order[:extra]}
	}
	if extra := size - len(nodes); extra > 0 {
		return step{add: extra}
	}
	cycling := sub(pool.Doc, "nodePoolCyclingDetails")
	if !flag(cycling, "isNodeCyclingEnabled") || len(stale) == 0 {
		return step{}
	}
	surge, _ := portion(cmp.Or(str(cycling, "maximumSurge"), "1"), size)
	gone, _ := portion(cmp.Or(str(cycling, "maximumUnavailable"), "0"), size)
	if surge > 0 {
		return step{add: min(surge, len(stale))}
	}
	return step{remove: stale[:min(max(gone, 1), len(stale))]}
}

// isStale tells whether a node was made from other settings than its pool's present ones.
func isStale(pool *resource, node object) bool {
	return str(pool.Hidden, "made", str(node, "id")) != madeFrom(pool.Doc)
}

// madeFrom sums up the settings that only new nodes get.
func madeFrom(pool object) string {
	return fmt.Sprint(pool["kubernetesVersion"], pool["nodeShape"], dig(pool, "nodeShapeConfig", "ocpus"), dig(pool, "nodeShapeConfig", "memoryInGBs"),
		dig(pool, "nodeSourceDetails", "imageId"), dig(pool, "nodeSourceDetails", "bootVolumeSizeInGBs"), pool["sshPublicKey"], pool["nodeMetadata"], pool["initialNodeLabels"])
}

// launch makes one instance with its boot volume and VNIC in the placement that has the fewest, and its node.
func (t *tx) launch(pool *resource) error {
	if f := t.s.faults.workRequest("LAUNCH_INSTANCE"); f != nil {
		return f
	}
	config := sub(pool.Doc, "nodeConfigDetails")
	placement := leastUsed(objects(config, "placementConfigs"), pool, func(p, n object) bool {
		return p["availabilityDomain"] == n["availabilityDomain"] && p["subnetId"] == n["subnetId"]
	})
	ad, subnetID := str(placement, "availabilityDomain"), str(placement, "subnetId")
	domains := texts(placement, "faultDomains")
	if len(domains) == 0 {
		domains = FaultDomains
	}
	var choices []object
	for _, d := range domains {
		choices = append(choices, object{"faultDomain": d})
	}
	fd := str(leastUsed(choices, pool, func(d, n object) bool {
		return n["availabilityDomain"] == ad && n["faultDomain"] == d["faultDomain"]
	}), "faultDomain")

	id := newOCID("instance")
	pool.hide("serial", num(pool.Hidden, "serial")+1)
	name := fmt.Sprintf("oke-c%s-n%s-s%s-%d", tail(str(pool.Doc, "clusterId")), tail(pool.ID), tail(subnetID), int(num(pool.Hidden, "serial"))-1)
	vnic, err := t.newVnic(subnetID, id, name, ad, list(config, "nsgIds"), true)
	if err != nil {
		return err
	}
	if pods := texts(config, "nodePoolPodNetworkOptionDetails", "podSubnetIds"); len(pods) > 0 {
		subnet := pods[int(num(pool.Hidden, "serial"))%len(pods)]
		second, err := t.newVnic(subnet, id, name+" pods", ad, list(config, "nodePoolPodNetworkOptionDetails", "podNsgIds"), false)
		if err != nil {
			return errors.Join(err, t.dropVnics(id))
		}
		second.Doc["isPrimary"] = false
	}
	if err := t.newInstance(pool, id, name, ad, fd); err != nil {
		return err
	}
	address := str(vnic.Doc, "privateIp")
	node := object{
		"id": id, "name": name, "nodePoolId": pool.ID, "availabilityDomain": ad, "faultDomain": fd, "subnetId": subnetID, "privateIp": address,
		"kubernetesVersion": pool.Doc["kubernetesVersion"], "lifecycleState": "CREATING", "freeformTags": object{}, "definedTags": object{},
	}
	if public := str(vnic.Doc, "publicIp"); public != "" {
		node["publicIp"] = public
	}
	pool.Doc["nodes"] = append(list(pool.Doc, "nodes"), node)
	made := sub(pool.Hidden, "made")
	if made == nil {
		made = object{}
		pool.hide("made", made)
	}
	made[id] = madeFrom(pool.Doc)
	return nil
}

// leastUsed returns the first of the choices that the fewest of the pool's nodes use: of those that stay, as cycling would
// otherwise end with two in one availability domain and none in another, then of all.
func leastUsed(choices []object, pool *resource, uses func(choice, node object) bool) object {
	count := func(c object, nodes []object) (n int) {
		for _, node := range nodes {
			if uses(c, node) {
				n++
			}
		}
		return n
	}
	all := objects(pool.Doc, "nodes")
	staying := all
	if flag(pool.Doc, "nodePoolCyclingDetails", "isNodeCyclingEnabled") {
		staying = slices.DeleteFunc(slices.Clone(all), func(n object) bool { return isStale(pool, n) })
	}
	return slices.MinFunc(choices, func(a, b object) int {
		return cmp.Or(count(a, staying)-count(b, staying), count(a, all)-count(b, all))
	})
}

func tail(id string) string { return id[max(0, len(id)-11):] }

// poolBooted is when launched instances run: they can join the cluster.
func poolBooted(t *tx, k *task) error {
	pool := t.edit(k.Target)
	for _, n := range objects(pool.Doc, "nodes") {
		if r := t.edit(str(n, "id")); r != nil && r.state() == "PROVISIONING" {
			r.Doc["lifecycleState"] = "RUNNING"
		}
	}
	t.syncNodes(pool, "joined", k.Args)
	return nil
}

// syncNodes has the control plane take over the cluster's nodes. Calls for one cluster happen one after the other.
func (t *tx) syncNodes(pool *resource, then string, args object) {
	t.later(0, "poolSync", pool.ID, object{"work": str(args, "work"), "then": then}).Key = str(pool.Doc, "clusterId")
}

// clusterNodes are those of all of a cluster's pools that are, or can be, members of it.
func (t *tx) clusterNodes(clusterID string) []cloud.Node {
	nodes := []cloud.Node{}
	for _, pool := range t.all("nodepool", with("clusterId", clusterID)) {
		for _, n := range objects(pool.Doc, "nodes") {
			instance := t.find(str(n, "id"))
			if instance == nil || instance.state() != "RUNNING" || str(n, "lifecycleState") == "DELETING" {
				continue
			}
			node := cloud.Node{
				InstanceID: instance.ID, Name: str(n, "privateIp"), PoolID: pool.ID, PoolName: str(pool.Doc, "name"), Version: str(n, "kubernetesVersion"),
				Shape: str(instance.Doc, "shape"), OCPUs: num(instance.Doc, "shapeConfig", "ocpus"), MemoryGB: num(instance.Doc, "shapeConfig", "memoryInGBs"),
				BootVolumeGB: int64(num(instance.Hidden, "bootVolumeGB")), AvailabilityDomain: str(n, "availabilityDomain"), FaultDomain: str(n, "faultDomain"),
				SubnetID: str(n, "subnetId"), PrivateIP: str(n, "privateIp"), Labels: map[string]string{},
			}
			if img := imageByID(str(instance.Doc, "imageId")); img != nil {
				node.ImageName = img.name
			}
			for _, label := range objects(instance.Hidden, "labels") {
				node.Labels[str(label, "key")] = str(label, "value")
			}
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// poolSync is the work behind syncNodes.
func poolSync(ctx context.Context, s *Server, k *task) func(*tx) error {
	var clusterID string
	var nodes []cloud.Node
	err := s.view(func(t *tx) error {
		pool := t.find(k.Target)
		clusterID = str(pool.Doc, "clusterId")
		nodes = t.clusterNodes(clusterID)
		return nil
	})
	if err == nil && s.config.ControlPlane != nil {
		err = s.config.ControlPlane.SyncNodes(ctx, clusterID, nodes)
	}
	return func(t *tx) error {
		pool := t.edit(k.Target)
		if err != nil {
			pool.hide("failure", object{"code": "InternalError", "message": fmt.Sprintf("nodes of %s: %v", clusterID, err)})
		}
		if str(k.Args, "then") == "joined" {
			for _, n := range objects(pool.Doc, "nodes") {
				if n["lifecycleState"] == "CREATING" {
					n["lifecycleState"] = "ACTIVE"
				}
			}
			t.later(0, "poolReconcile", pool.ID, k.Args)
			return nil
		}
		for _, n := range objects(pool.Doc, "nodes") {
			if r := t.edit(str(n, "id")); r != nil && n["lifecycleState"] == "DELETING" {
				r.Doc["lifecycleState"] = "TERMINATING"
			}
		}
		t.later(instanceStopTime, "poolTerminated", pool.ID, k.Args)
		return nil
	}
}

func poolTerminated(t *tx, k *task) error {
	pool := t.edit(k.Target)
	kept := []any{}
	for _, n := range objects(pool.Doc, "nodes") {
		if n["lifecycleState"] != "DELETING" {
			kept = append(kept, n)
			continue
		}
		if err := t.terminate(str(n, "id")); err != nil {
			return err
		}
		delete(sub(pool.Hidden, "made"), str(n, "id"))
	}
	pool.Doc["nodes"] = kept
	t.later(0, "poolReconcile", pool.ID, k.Args)
	return nil
}

// nodePoolRemoved ends what a pool still holds, when its cluster goes.
func nodePoolRemoved(t *tx, pool *resource) error {
	for _, n := range objects(pool.Doc, "nodes") {
		if err := t.terminate(str(n, "id")); err != nil {
			return err
		}
	}
	pool.Doc["nodes"] = []any{}
	return nil
}
