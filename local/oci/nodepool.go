package oci

import (
	"fmt"
	"slices"

	"oke-guestbook/local/oci/schema"
)

// summaryOf cuts a document to the fields of the list's items.
func summaryOf(model string) func(object) object {
	return func(doc object) object {
		out := object{}
		for k, v := range doc {
			if schema.Has(model, k) {
				out[k] = v
			}
		}
		return out
	}
}

func (s *Server) nodePoolRoutes(pools *kind) {
	s.ops["poolReconcile"] = op{change: poolReconcile}
	s.ops["poolBooted"] = op{change: poolBooted}
	s.ops["poolSync"] = op{work: poolSync}
	s.ops["poolTerminated"] = op{change: poolTerminated}
	s.route("POST "+pools.path, "containerengine.CreateNodePoolDetails", func(c *call) (*answer, error) {
		r, err := c.make(pools, c.body)
		if err != nil {
			return nil, err
		}
		wr := c.startWork("NODEPOOL_CREATE", "nodepool", r)
		c.later(0, "poolReconcile", r.ID, object{"work": wr.ID})
		a := accepted(wr)
		a.made = r.ID
		return a, nil
	})
	s.route("PUT "+pools.path+"/{id}", "containerengine.UpdateNodePoolDetails", updateNodePool)
	s.route("DELETE "+pools.path+"/{id}", "", deleteNodePool)
	s.route("DELETE "+pools.path+"/{id}/node/{node}", "", deleteNode)
}

// createNodePool checks what the service checks (Oracle: "Creating a Managed Node Pool").
func createNodePool(c *call, doc object) error {
	cluster, err := c.live("cluster", "clusterId", str(doc, "clusterId"))
	if err != nil {
		return err
	}
	if state := cluster.state(); state != "ACTIVE" {
		return conflict("the cluster %s is %s", cluster.ID, state)
	}
	for _, field := range []string{"nodeConfigDetails", "nodeSourceDetails"} {
		if doc[field] == nil {
			return missingParameter(field)
		}
	}
	for _, field := range []string{"subnetIds", "quantityPerSubnet", "nodeImageName", "networkLaunchType", "primaryVnic", "secondaryVnics"} {
		if v := doc[field]; v != nil && v != "" {
			return notImplemented("%s: the local cloud's node pools are made by nodeConfigDetails and nodeSourceDetails", field)
		}
	}
	orDefault(doc, object{
		"kubernetesVersion": cluster.Doc["kubernetesVersion"], "initialNodeLabels": []any{}, "nodeMetadata": object{},
		"nodeEvictionNodePoolSettings": object{"evictionGraceDuration": "PT60M", "isForceDeleteAfterGraceDuration": false},
		"nodes":                        []any{},
	})
	orDefault(sub(doc, "nodeConfigDetails"), object{
		"nsgIds": []any{}, "freeformTags": object{}, "definedTags": object{}, "isPvEncryptionInTransitEnabled": false,
		"nodePoolPodNetworkOptionDetails": object{"cniType": cniType(cluster.Doc)},
	})
	return c.checkNodePool(doc, cluster)
}

// changeablePool returns the node pool of the path, if a work request about it can begin.
func (c *call) changeablePool() (*resource, error) {
	r, err := c.named("nodepool", c.id())
	if err != nil {
		return nil, err
	}
	if r.Gone != nil {
		return nil, noSuch(r.ID)
	}
	if err := c.match(r); err != nil {
		return nil, err
	}
	if err := idle(r); err != nil {
		return nil, err
	}
	if r.state() == "DELETING" {
		return nil, conflict("the node pool %s is %s", r.ID, r.state())
	}
	return c.edit(r.ID), nil
}

func updateNodePool(c *call) (*answer, error) {
	r, err := c.changeablePool()
	if err != nil {
		return nil, err
	}
	if state := c.find(str(r.Doc, "clusterId")).state(); state != "ACTIVE" {
		return nil, conflict("the cluster %s is %s", str(r.Doc, "clusterId"), state)
	}
	oldPlacement := fmt.Sprint(dig(r.Doc, "nodeConfigDetails", "placementConfigs"))
	oldVersion := str(r.Doc, "kubernetesVersion")
	for field, v := range c.body {
		// These two may be given in part.
		if part, ok := v.(object); ok && (field == "nodeConfigDetails" || field == "nodeShapeConfig") && sub(r.Doc, field) != nil {
			for k, v := range part {
				sub(r.Doc, field)[k] = v
			}
			continue
		}
		r.Doc[field] = v
	}
	if s := shapeNamed(str(r.Doc, "nodeShape")); s != nil && !s.flexible && c.body["nodeShapeConfig"] == nil {
		delete(r.Doc, "nodeShapeConfig")
	}
	cluster := c.find(str(r.Doc, "clusterId"))
	if err := c.checkNodePool(r.Doc, cluster); err != nil {
		return nil, err
	}
	if v := str(r.Doc, "kubernetesVersion"); slices.Index(KubernetesVersions, v) < slices.Index(KubernetesVersions, oldVersion) {
		return nil, invalid("Invalid kubernetes version. A node pool cannot go back from %s to %s.", oldVersion, v)
	}
	cycling := flag(r.Doc, "nodePoolCyclingDetails", "isNodeCyclingEnabled")
	if cycling && fmt.Sprint(dig(r.Doc, "nodeConfigDetails", "placementConfigs")) != oldPlacement {
		return nil, conflict("node cycling cannot go together with a change of placementConfigs")
	}
	if cycling && str(cluster.Doc, "type") != "ENHANCED_CLUSTER" {
		return nil, invalid("nodePoolCyclingDetails: node cycling needs an enhanced cluster")
	}
	wr := c.startWork("NODEPOOL_UPDATE", "nodepool", r)
	r.Doc["lifecycleState"] = "UPDATING"
	c.later(poolUpdateTime, "poolReconcile", r.ID, object{"work": wr.ID})
	return accepted(wr), nil
}

func deleteNodePool(c *call) (*answer, error) {
	r, err := c.changeablePool()
	if err != nil {
		return nil, err
	}
	if state := c.find(str(r.Doc, "clusterId")).state(); state == "DELETING" {
		return nil, conflict("the cluster %s is %s", str(r.Doc, "clusterId"), state)
	}
	wr := c.startWork("NODEPOOL_DELETE", "nodepool", r)
	r.Doc["lifecycleState"] = "DELETING"
	c.later(0, "poolReconcile", r.ID, object{"work": wr.ID})
	return accepted(wr), nil
}

// deleteNode deletes one node; the pool's size goes down with it unless the query says otherwise.
func deleteNode(c *call) (*answer, error) {
	r, err := c.changeablePool()
	if err != nil {
		return nil, err
	}
	node := c.req.PathValue("node")
	at := slices.IndexFunc(objects(r.Doc, "nodes"), func(n object) bool { return n["id"] == node })
	if at < 0 {
		return nil, noSuch(node)
	}
	config := sub(r.Doc, "nodeConfigDetails")
	if c.query.Get("isDecrementSize") != "false" {
		config["size"] = max(0, num(config, "size")-1)
	}
	wr := c.startWork("NODEPOOL_UPDATE", "nodepool", r)
	r.Doc["lifecycleState"] = "UPDATING"
	r.hide("unwanted", []any{node})
	c.later(0, "poolReconcile", r.ID, object{"work": wr.ID})
	return accepted(wr), nil
}
