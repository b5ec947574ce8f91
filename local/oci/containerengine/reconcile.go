package containerengine

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
)

// Usual durations of a node pool's steps on the real service.
const (
	poolUpdateTime   = 5 * time.Second
	instanceBootTime = 2 * time.Minute
	instanceStopTime = time.Minute
)

// syncArgs are the arguments of the task that gives the control plane its nodes.
type syncArgs struct {
	Work string
	Then syncReason
}

// syncReason is why the control plane's nodes change, which decides what comes next.
type syncReason string

const (
	nodesJoined  syncReason = "joined"
	nodesDrained syncReason = "drained"
	nodesEmptied syncReason = "emptied" // to get new boot volumes
)

const (
	taskReconcile       engine.Task[workTask] = "node pool reconcile"
	taskNodesBooted     engine.Task[workTask] = "node pool booted"
	taskSyncNodes       engine.Task[syncArgs] = "node pool sync"
	taskNodesTerminated engine.Task[workTask] = "node pool terminated"
	taskVolumesReplaced engine.Task[workTask] = "node pool boot volumes replaced"
)

func (s *Service) registerReconcile() {
	taskReconcile.OnDue(s.e, s.reconcile)
	taskNodesBooted.OnDue(s.e, nodesBooted)
	taskSyncNodes.OnDueOutside(s.e, s.syncNodes)
	taskNodesTerminated.OnDue(s.e, nodesTerminated)
	taskVolumesReplaced.OnDue(s.e, volumesReplaced)
	s.e.WhenRemoved(compute.InstanceKind, s.instanceRemoved)
}

// instanceRemoved is when an instance is gone. If it was a node, and not terminated by its pool, the pool replaces it,
// by a work request of the type that the API has for that (NODEPOOL_RECONCILE). That the service does so at once, and
// without being asked, is an assumption: no page of its documentation was found that says so (November 2026). A pool
// that is busy goes on with one node fewer.
func (s *Service) instanceRemoved(t *engine.Tx, instance *engine.Resource) error {
	for _, r := range t.All(poolKind) {
		i := slices.IndexFunc(r.Doc.Objects("nodes"), func(n engine.Doc) bool { return n["id"] == instance.ID })
		if i < 0 || r.Doc.Objects("nodes")[i]["lifecycleState"] == "DELETING" {
			continue
		}
		pool := t.Edit(r.ID)
		switch state := pool.State(); {
		case state == "DELETING" || pool.Removed != nil:
		case pool.CheckIdle() != nil:
			delete(engine.Private[poolState](pool).MadeFrom, instance.ID)
			pool.Doc["nodes"] = slices.Delete(slices.Clone(pool.Doc.List("nodes")), i, i+1)
		default:
			wr := s.work.Begin(t, "NODEPOOL_RECONCILE", poolKind, pool)
			pool.SetState("UPDATING")
			setNodes(pool, []string{instance.ID}, "DELETING")
			queueSync(t, pool, syncArgs{wr.ID, nodesDrained})
		}
	}
	return nil
}

// reconcile brings a node pool one step nearer to its document, and ends the work request when nothing is left to do.
// Nodes are removed, or launched, one kind of step at a time; with node cycling the steps alternate until no node is
// left that was made from other settings.
func (s *Service) reconcile(t *engine.Tx, poolID string, args workTask) error {
	pool := t.Edit(poolID)
	if pool.Removed != nil {
		return nil
	}
	next := nextStep(pool)
	for _, n := range pool.Doc.Objects("nodes") {
		if slices.Contains(next.rebuild, n.Str("id")) && needsInstance(pool, n) {
			next.rebuild = nil
			engine.Private[poolState](pool).Failure = engine.Invalid("node %s needs changes that the cycle mode "+
				"BOOT_VOLUME_REPLACE cannot make: retry with INSTANCE_REPLACE", n.Str("name"))
			break
		}
	}
	switch {
	case len(next.remove) > 0:
		setNodes(pool, next.remove, "DELETING")
		queueSync(t, pool, syncArgs{args.Work, nodesDrained})
	case len(next.rebuild) > 0:
		setNodes(pool, next.rebuild, "UPDATING")
		queueSync(t, pool, syncArgs{args.Work, nodesEmptied})
	case next.add > 0:
		for range next.add {
			if err := launch(t, pool); err != nil {
				engine.Private[poolState](pool).Failure = engine.AsFailure(err)
				break
			}
		}
		taskNodesBooted.After(t, instanceBootTime, poolID, args)
	default:
		s.poolDone(t, pool, args.Work)
	}
	return nil
}

// setNodes sets the state of some of a pool's nodes.
func setNodes(pool *engine.Resource, ids []string, state string) {
	for _, n := range pool.Doc.Objects("nodes") {
		if slices.Contains(ids, n.Str("id")) {
			n["lifecycleState"] = state
		}
	}
}

// poolDone ends the work request of a node pool.
func (s *Service) poolDone(t *engine.Tx, pool *engine.Resource, work string) {
	state := engine.Private[poolState](pool)
	failure := s.work.Failure(t, work)
	if state.Failure != nil {
		failure = state.Failure
	}
	state.Failure, state.UnwantedNode = nil, ""
	if failure == nil && pool.State() == "DELETING" {
		if err := t.Remove(pool); err != nil {
			failure = engine.AsFailure(err)
		}
	} else if failure == nil {
		pool.SetState("ACTIVE")
		delete(pool.Doc, "lifecycleDetails")
	}
	if failure != nil {
		pool.SetState("NEEDS_ATTENTION")
		pool.Doc["lifecycleDetails"] = failure.Message
	}
	s.work.End(t, work, failure)
}

// nodesBooted is when launched instances run: they can join the cluster.
func nodesBooted(t *engine.Tx, poolID string, args workTask) error {
	pool := t.Edit(poolID)
	for _, n := range pool.Doc.Objects("nodes") {
		if r := t.Edit(n.Str("id")); r != nil && r.State() == "PROVISIONING" {
			r.SetState("RUNNING")
		}
	}
	queueSync(t, pool, syncArgs{args.Work, nodesJoined})
	return nil
}

// queueSync has the control plane take over the cluster's nodes. Calls for one cluster come one after the other.
func queueSync(t *engine.Tx, pool *engine.Resource, args syncArgs) {
	taskSyncNodes.InOrder(t, pool.Doc.Str("clusterId"), pool.ID, args)
}

// syncNodes gives the control plane the cluster's nodes, and continues with the pool.
func (s *Service) syncNodes(ctx context.Context, poolID string, args syncArgs) func(*engine.Tx) error {
	clusterID, err := s.syncClusterOf(ctx, poolKind, poolID)
	return func(t *engine.Tx) error {
		pool := t.Edit(poolID)
		if err != nil {
			engine.Private[poolState](pool).Failure = engine.Fail(http.StatusInternalServerError, "InternalError",
				"nodes of %s: %v", clusterID, err)
		}
		nodes := pool.Doc.Objects("nodes")
		if args.Then == nodesEmptied {
			taskVolumesReplaced.After(t, instanceBootTime, poolID, workTask{args.Work})
			return nil
		}
		if args.Then == nodesJoined {
			for _, n := range nodes {
				if n["lifecycleState"] == "CREATING" {
					n["lifecycleState"] = "ACTIVE"
				}
			}
			taskReconcile.After(t, 0, poolID, workTask{args.Work})
			return nil
		}
		for _, n := range nodes {
			if r := t.Edit(n.Str("id")); r != nil && r.Removed == nil && n["lifecycleState"] == "DELETING" {
				r.SetState("TERMINATING")
			}
		}
		taskNodesTerminated.After(t, instanceStopTime, poolID, workTask{args.Work})
		return nil
	}
}

// syncClusterOf gives the control plane of a pool's cluster the cluster's nodes.
func (s *Service) syncClusterOf(ctx context.Context, kind, poolID string) (clusterID string, err error) {
	err = s.e.View(func(t *engine.Tx) error {
		pool, err := t.Named(kind, poolID)
		if err == nil {
			clusterID = pool.Doc.Str("clusterId")
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return clusterID, s.syncPlane(ctx, clusterID)
}

func nodesTerminated(t *engine.Tx, poolID string, args workTask) error {
	pool := t.Edit(poolID)
	kept := []any{}
	for _, n := range pool.Doc.Objects("nodes") {
		if n["lifecycleState"] != "DELETING" {
			kept = append(kept, n)
			continue
		}
		if err := compute.Terminate(t, n.Str("id")); err != nil {
			return err
		}
		delete(engine.Private[poolState](pool).MadeFrom, n.Str("id"))
	}
	pool.Doc["nodes"] = kept
	taskReconcile.After(t, 0, poolID, args)
	return nil
}

// volumesReplaced is when the drained instances have booted from new boot volumes: they keep their names, addresses and
// domains, and join the cluster as other nodes do.
func volumesReplaced(t *engine.Tx, poolID string, args workTask) error {
	pool := t.Edit(poolID)
	state, source := engine.Private[poolState](pool), pool.Doc.Sub("nodeSourceDetails")
	for _, n := range pool.Doc.Objects("nodes") {
		if n["lifecycleState"] != "UPDATING" {
			continue
		}
		id := n.Str("id")
		err := compute.ReplaceBootVolume(t, id, compute.BootSource{
			ImageID: source.Str("imageId"), BootVolumeGB: source.Num("bootVolumeSizeInGBs"),
			Metadata: instanceMetadata(pool.Doc),
		})
		if err != nil {
			return err
		}
		n["kubernetesVersion"], n["lifecycleState"] = pool.Doc["kubernetesVersion"], "CREATING"
		state.MadeFrom[id] = nodeSettings(pool.Doc)
	}
	queueSync(t, pool, syncArgs{args.Work, nodesJoined})
	return nil
}

// removeNodes removes the nodes that a removed pool still has, when its cluster is deleted.
func removeNodes(t *engine.Tx, pool *engine.Resource) error {
	for _, n := range pool.Doc.Objects("nodes") {
		if err := compute.Terminate(t, n.Str("id")); err != nil {
			return err
		}
	}
	pool.Doc["nodes"] = []any{}
	return nil
}

// step is what to do next with a node pool: launch nodes, remove those with the OCIDs, or give those new boot volumes.
type step struct {
	add             int
	remove, rebuild []string
}

// nextStep compares a pool's nodes with its document.
func nextStep(pool *engine.Resource) step {
	state := engine.Private[poolState](pool)
	var all, stale, misplaced []string
	for _, n := range pool.Doc.Objects("nodes") {
		all = append(all, n.Str("id"))
		if isStale(pool, n) {
			stale = append(stale, n.Str("id"))
		}
		if !isPlaced(pool, n) {
			misplaced = append(misplaced, n.Str("id"))
		}
	}
	if pool.State() == "DELETING" {
		return step{remove: all}
	}
	if slices.Contains(all, state.UnwantedNode) {
		return step{remove: []string{state.UnwantedNode}}
	}
	if state.Failure != nil {
		return step{}
	}
	if len(misplaced) > 0 {
		return step{remove: misplaced}
	}
	size := int(pool.Doc.Num("nodeConfigDetails", "size"))
	if extra := len(all) - size; extra > 0 {
		// Those with old settings go first, then the youngest.
		order := slices.Clone(stale)
		for _, id := range slices.Backward(all) {
			if !slices.Contains(order, id) {
				order = append(order, id)
			}
		}
		return step{remove: order[:extra]}
	}
	if missing := size - len(all); missing > 0 {
		return step{add: missing}
	}
	cycling := pool.Doc.Sub("nodePoolCyclingDetails")
	if !cycling.Flag("isNodeCyclingEnabled") || len(stale) == 0 {
		return step{}
	}
	surge, unavailable := cyclingSteps(cycling, size)
	if byBootVolume(cycling) {
		return step{rebuild: stale[:min(max(unavailable, 1), len(stale))]}
	}
	if surge > 0 {
		return step{add: min(surge, len(stale))}
	}
	return step{remove: stale[:min(max(unavailable, 1), len(stale))]}
}

// isPlaced reports whether a node is where its pool has nodes. A node that is not is terminated, and one is launched in
// its place (Oracle: "Scaling Node Pools", as of September 2026).
func isPlaced(pool *engine.Resource, node engine.Doc) bool {
	return slices.ContainsFunc(pool.Doc.Objects("nodeConfigDetails", "placementConfigs"), func(p engine.Doc) bool {
		domains := p.Texts("faultDomains")
		return p["availabilityDomain"] == node["availabilityDomain"] && p["subnetId"] == node["subnetId"] &&
			(len(domains) == 0 || slices.Contains(domains, node.Str("faultDomain")))
	})
}

// isStale reports whether a node was made from other settings than its pool's present ones.
func isStale(pool *engine.Resource, node engine.Doc) bool {
	return engine.Private[poolState](pool).MadeFrom[node.Str("id")] != nodeSettings(pool.Doc)
}

// nodeSettings returns, as one text, the settings of a pool that only new nodes get: those that need a new instance,
// and after the separator those that a new boot volume can bring (Oracle: "Updating Worker Nodes in an Existing Node
// Pool by Replacing Boot Volumes", read 2026-11-29).
func nodeSettings(pool engine.Doc) string {
	return instanceSettings(pool) + settingsSeparator +
		fmt.Sprint(pool["kubernetesVersion"], pool.Get("nodeSourceDetails", "imageId"),
			pool.Get("nodeSourceDetails", "bootVolumeSizeInGBs"), pool.Get("nodeConfigDetails", "kmsKeyId"),
			pool["sshPublicKey"], pool["nodeMetadata"])
}

const settingsSeparator = " | "

func instanceSettings(pool engine.Doc) string {
	return fmt.Sprint(pool["nodeShape"], pool.Get("nodeShapeConfig", "ocpus"), pool.Get("nodeShapeConfig", "memoryInGBs"),
		pool["initialNodeLabels"])
}

// needsInstance reports whether a node needs a new instance to get its pool's settings.
func needsInstance(pool *engine.Resource, node engine.Doc) bool {
	madeFrom := engine.Private[poolState](pool).MadeFrom[node.Str("id")]
	return !strings.HasPrefix(madeFrom, instanceSettings(pool.Doc)+settingsSeparator)
}
