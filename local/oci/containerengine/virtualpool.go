package containerengine

import (
	"time"

	"oke-guestbook/local/oci/engine"
)

const virtualPoolKind = "virtualnodepool"

// virtualNodeTime is what the creation and the deletion of virtual nodes take here. Oracle documents no durations.
const virtualNodeTime = time.Minute

// virtualPoolState is what the service remembers of a pool of virtual nodes.
type virtualPoolState struct {
	Nodes   []virtualNode
	Failure *engine.Failure // of the work request in progress
}

// virtualNode is a virtual node: what the API shows, and what it was made from, which it keeps.
type virtualNode struct {
	Doc    engine.Doc
	Shape  string
	Labels map[string]string
	Taints []string
}

// The work request of a sync is empty when an upgrade of the control plane has changed the nodes.
const (
	taskVirtualNodes engine.Task[workTask] = "virtual node pool nodes"
	taskVirtualSync  engine.Task[workTask] = "virtual node pool sync"
)

func (s *Service) registerVirtualPools(api engine.API) {
	const path = "/virtualNodePools"
	api.ServeReads(&engine.Kind{
		Name: virtualPoolKind, Title: "virtual node pool", Path: path, Model: "containerengine.VirtualNodePool",
		Summary: "containerengine.VirtualNodePoolSummary", Filters: []string{"clusterId"},
		Selects: map[string]func(engine.Doc, string) bool{"name": engine.At("displayName")},
		States:  engine.ServiceStates, Async: true, Private: engine.PrivateOf[virtualPoolState](),
		WrongState: engine.Conflict, OnCreate: s.completeVirtualPool, Removed: removeVirtualNodes,
	})
	api.Handle("POST "+path, "containerengine.CreateVirtualNodePoolDetails", s.createVirtualPool)
	api.Handle("PUT "+path+"/{id}", "containerengine.UpdateVirtualNodePoolDetails",
		engine.OnChangeable(virtualPoolKind, s.updateVirtualPool))
	api.Handle("DELETE "+path+"/{id}", "", engine.OnChangeable(virtualPoolKind, s.deleteVirtualPool))
	api.Handle("GET "+path+"/{id}/virtualNodes", "", engine.OnNamed(virtualPoolKind, listVirtualNodes))
	api.Handle("GET "+path+"/{id}/virtualNodes/{node}", "", engine.OnNamed(virtualPoolKind, getVirtualNode))
	taskVirtualNodes.OnDue(s.e, placeVirtualNodes)
	taskVirtualSync.OnDueOutside(s.e, s.syncVirtualNodes)
}

func virtualPoolsOf(t *engine.Tx, clusterID string) []*engine.Resource {
	return t.All(virtualPoolKind, engine.With("clusterId", clusterID))
}

// allPoolsOf returns a cluster's node pools of both kinds.
func allPoolsOf(t *engine.Tx, clusterID string) []*engine.Resource {
	return append(poolsOf(t, clusterID), virtualPoolsOf(t, clusterID)...)
}

func (s *Service) createVirtualPool(c *engine.Call) (*engine.Answer, error) {
	r, err := c.Create(virtualPoolKind)
	if err != nil {
		return nil, err
	}
	wr := s.work.Begin(c.Tx, "VIRTUALNODEPOOL_CREATE", virtualPoolKind, r)
	taskVirtualNodes.After(c.Tx, virtualNodeTime, r.ID, workTask{wr.ID})
	a := engine.Accepted(wr)
	a.Created = r.ID
	return a, nil
}

func (s *Service) updateVirtualPool(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	cluster := c.Find(r.Doc.Str("clusterId"))
	if err := checkActive(cluster); err != nil {
		return nil, err
	}
	r.Doc.Merge(c.Body)
	if err := checkVirtualPool(c.Tx, r.Doc, cluster.Doc); err != nil {
		return nil, err
	}
	r.Doc["timeUpdated"] = engine.Timestamp(c.Now)
	wr := s.work.Begin(c.Tx, "VIRTUALNODEPOOL_UPDATE", virtualPoolKind, r)
	r.SetState("UPDATING")
	taskVirtualNodes.After(c.Tx, virtualNodeTime, r.ID, workTask{wr.ID})
	return engine.Accepted(wr), nil
}

func (s *Service) deleteVirtualPool(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	if cluster := c.Find(r.Doc.Str("clusterId")); cluster.State() == "DELETING" {
		return nil, checkActive(cluster)
	}
	wr := s.work.Begin(c.Tx, "VIRTUALNODEPOOL_DELETE", virtualPoolKind, r)
	r.SetState("DELETING")
	taskVirtualNodes.After(c.Tx, virtualNodeTime, r.ID, workTask{wr.ID})
	return engine.Accepted(wr), nil
}

func listVirtualNodes(c *engine.Call, pool *engine.Resource) (*engine.Answer, error) {
	items := []any{}
	for _, n := range engine.Private[virtualPoolState](pool).Nodes {
		if name := c.Query.Get("name"); name == "" || name == n.Doc.Str("displayName") {
			items = append(items, n.Doc)
		}
	}
	return c.Page(items)
}

func getVirtualNode(c *engine.Call, pool *engine.Resource) (*engine.Answer, error) {
	for _, n := range engine.Private[virtualPoolState](pool).Nodes {
		if n.Doc.Str("id") == c.Path("node") {
			return &engine.Answer{Body: n.Doc}, nil
		}
	}
	return nil, engine.NotFound(c.Path("node"))
}
