package containerengine

import (
	"slices"

	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
)

const nodeLimit = "nodes-per-pool"

// poolState is what the service remembers of a node pool.
type poolState struct {
	Launched     int               // instances so far, for their names
	MadeFrom     map[string]string // the settings that each node was made from, by the instance's OCID
	UnwantedNode string            // OCID of the instance that a request has deleted
	Failure      *engine.Failure   // of the work request in progress
}

func (s *Service) registerNodePools(api engine.API) {
	const path = "/nodePools"
	api.AddLimit(nodeLimit, 1000)
	for name, n := range nodeLimits {
		api.AddLimit(name, n)
	}
	api.ServeReads(&engine.Kind{
		Name: poolKind, Title: "node pool", Path: path, Model: "containerengine.NodePool",
		Summary: "containerengine.NodePoolSummary", NameKey: "name", Filters: []string{"clusterId"}, Limit: 50,
		OnGet:  func(c *engine.Call, r *engine.Resource) error { return c.Needs("CLUSTER_NODE_POOL_READ", r) },
		States: engine.ServiceStates, Async: true, Private: engine.PrivateOf[poolState](), WrongState: engine.Conflict,
		OnCreate: s.completeNodePool, Removed: removeNodes,
	})
	api.Handle("POST "+path, "containerengine.CreateNodePoolDetails", s.createNodePool)
	api.Handle("PUT "+path+"/{id}", "containerengine.UpdateNodePoolDetails",
		engine.OnChangeable(poolKind, s.updateNodePool))
	api.Handle("DELETE "+path+"/{id}", "", engine.OnChangeable(poolKind, s.deleteNodePool))
	api.Handle("DELETE "+path+"/{id}/node/{node}", "", engine.OnChangeable(poolKind, s.deleteNode))
}

func poolsOf(t *engine.Tx, clusterID string) []*engine.Resource {
	return t.All(poolKind, engine.With("clusterId", clusterID))
}

func (s *Service) createNodePool(c *engine.Call) (*engine.Answer, error) {
	r, err := c.Create(poolKind)
	if err != nil {
		return nil, err
	}
	wr := s.work.Begin(c.Tx, "NODEPOOL_CREATE", poolKind, r)
	taskReconcile.After(c.Tx, 0, r.ID, workTask{wr.ID})
	a := engine.Accepted(wr)
	a.Created = r.ID
	return a, nil
}

// completeNodePool checks the body of a new node pool, and makes it the form of an answer (Oracle: "Creating a Managed
// Node Pool").
func (s *Service) completeNodePool(c *engine.Call, doc engine.Doc) error {
	cluster, err := c.Live(clusterKind, "clusterId", doc.Str("clusterId"))
	if err != nil {
		return err
	}
	if err := checkActive(cluster); err != nil {
		return err
	}
	for _, field := range []string{"nodeConfigDetails", "nodeSourceDetails"} {
		if doc[field] == nil {
			return engine.MissingParameter(field)
		}
	}
	for _, field := range []string{
		"subnetIds", "quantityPerSubnet", "nodeImageName", "networkLaunchType", "primaryVnic", "secondaryVnics",
	} {
		if v := doc[field]; v != nil && v != "" {
			return engine.NotImplemented("%s: the local cloud's node pools are made by nodeConfigDetails "+
				"and nodeSourceDetails", field)
		}
	}
	doc.Default(engine.Doc{
		"kubernetesVersion": cluster.Doc["kubernetesVersion"], "initialNodeLabels": []any{}, "nodeMetadata": engine.Doc{},
		"nodeEvictionNodePoolSettings": engine.Doc{
			"evictionGraceDuration": "PT60M", "isForceDeleteAfterGraceDuration": false,
		},
		"nodes": []any{},
	})
	doc.Sub("nodeConfigDetails").Default(engine.Doc{
		"nsgIds": []any{}, "freeformTags": engine.Doc{}, "definedTags": engine.Doc{},
		"isPvEncryptionInTransitEnabled":  false,
		"nodePoolPodNetworkOptionDetails": engine.Doc{"cniType": cniType(cluster.Doc)},
	})
	if err := checkWithdrawn(doc, nil); err != nil {
		return err
	}
	return s.checkNodePool(c.Tx, doc, nil, cluster.Doc)
}

func checkActive(cluster *engine.Resource) error {
	if state := cluster.State(); state != "ACTIVE" {
		return engine.Conflict("the cluster %s is %s", cluster.ID, state)
	}
	return nil
}

func (s *Service) updateNodePool(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	if err := needsPools(c, r); err != nil {
		return nil, err
	}
	cluster := c.Find(r.Doc.Str("clusterId"))
	if err := checkActive(cluster); err != nil {
		return nil, err
	}
	old := r.Doc.Clone()
	mergePool(r.Doc, c.Body)
	if err := checkWithdrawn(r.Doc, old); err != nil {
		return nil, err
	}
	if err := s.checkNodePool(c.Tx, r.Doc, old, cluster.Doc); err != nil {
		return nil, err
	}
	if r.Doc.Flag("nodePoolCyclingDetails", "isNodeCyclingEnabled") {
		// Also one that stays as it is: Terraform's provider named the placement with each change of nodeConfigDetails until
		// v5.46.0, and such updates were refused (terraform-oci-oke#879, 2023-12, of kmsKeyId).
		if c.Body.Get("nodeConfigDetails", "placementConfigs") != nil {
			return nil, engine.Conflict(
				"Cannot perform nodepool cycling and nodepool Placement Configuration change simultaneously.")
		}
		if cluster.Doc.Str("type") != "ENHANCED_CLUSTER" {
			return nil, engine.Invalid("nodePoolCyclingDetails: node cycling needs an enhanced cluster")
		}
	}
	wr := s.work.Begin(c.Tx, "NODEPOOL_UPDATE", poolKind, r)
	r.SetState("UPDATING")
	taskReconcile.After(c.Tx, poolUpdateTime, r.ID, workTask{wr.ID})
	return engine.Accepted(wr), nil
}

// mergePool puts the body of an update into a node pool. Two of its objects may be given in part.
func mergePool(doc, body engine.Doc) {
	for field, v := range body {
		if field == "nodeConfigDetails" || field == "nodeShapeConfig" {
			doc.Default(engine.Doc{field: engine.Doc{}})
			doc.Sub(field).Merge(body.Sub(field))
			continue
		}
		doc[field] = v
	}
	shape := compute.ShapeNamed(doc.Str("nodeShape"))
	if shape != nil && !shape.Flexible && body["nodeShapeConfig"] == nil {
		delete(doc, "nodeShapeConfig")
	}
}

func (s *Service) deleteNodePool(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	if cluster := c.Find(r.Doc.Str("clusterId")); cluster.State() == "DELETING" {
		return nil, checkActive(cluster)
	}
	wr := s.work.Begin(c.Tx, "NODEPOOL_DELETE", poolKind, r)
	r.SetState("DELETING")
	taskReconcile.After(c.Tx, 0, r.ID, workTask{wr.ID})
	return engine.Accepted(wr), nil
}

// deleteNode deletes one node; the pool's size decreases unless the query says otherwise.
func (s *Service) deleteNode(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	if err := needsPools(c, r); err != nil {
		return nil, err
	}
	node := c.Path("node")
	if !slices.ContainsFunc(r.Doc.Objects("nodes"), func(n engine.Doc) bool { return n["id"] == node }) {
		return nil, engine.NotFound(node)
	}
	if config := r.Doc.Sub("nodeConfigDetails"); c.Query.Get("isDecrementSize") != "false" {
		config["size"] = max(0, config.Num("size")-1)
	}
	wr := s.work.Begin(c.Tx, "NODEPOOL_UPDATE", poolKind, r)
	r.SetState("UPDATING")
	engine.Private[poolState](r).UnwantedNode = node
	taskReconcile.After(c.Tx, 0, r.ID, workTask{wr.ID})
	return engine.Accepted(wr), nil
}
