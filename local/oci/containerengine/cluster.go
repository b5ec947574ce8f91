package containerengine

import (
	"fmt"
	"reflect"
	"time"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// clusterState is what the service remembers of a cluster.
type clusterState struct {
	Version string // that runs, while an upgrade to it is under way; empty: the document's
	CA      []byte // of the API server, in PEM
}

// Usual durations of the real service's work requests.
const (
	clusterCreateTime  = 6 * time.Minute
	clusterDeleteTime  = 3 * time.Minute
	clusterUpgradeTime = 12 * time.Minute
	clusterUpdateTime  = 10 * time.Second
	endpointUpdateTime = 2 * time.Minute
)

func (s *Service) registerClusters(api engine.API) {
	const path = "/clusters"
	api.ServeReads(&engine.Kind{
		Name: clusterKind, Title: "cluster", Path: path, Model: "containerengine.Cluster",
		Summary: "containerengine.ClusterSummary", NameKey: "name", States: engine.ServiceStates, Async: true, Limit: 15,
		Private: engine.PrivateOf[clusterState](), WrongState: engine.Conflict, OnCreate: s.completeCluster,
		Removed: removeClusterParts,
	})
	active := func(h engine.ResourceHandler) engine.Handler {
		return engine.OnChangeable(clusterKind, h, "ACTIVE")
	}
	api.Handle("POST "+path, "containerengine.CreateClusterDetails", s.createCluster)
	api.Handle("PUT "+path+"/{id}", "containerengine.UpdateClusterDetails", active(s.updateCluster))
	api.Handle("DELETE "+path+"/{id}", "", engine.OnChangeable(clusterKind, s.deleteCluster, "ACTIVE", "FAILED"))
	api.Handle("POST "+path+"/{id}/actions/updateEndpointConfig", "containerengine.UpdateClusterEndpointConfigDetails",
		active(s.updateEndpoint))
	api.Handle("POST "+path+"/{id}/kubeconfig/content", "containerengine.CreateClusterKubeconfigContentDetails",
		engine.OnNamed(clusterKind, s.kubeconfig))
}

func (s *Service) createCluster(c *engine.Call) (*engine.Answer, error) {
	r, err := c.Create(clusterKind)
	if err != nil {
		return nil, err
	}
	_, err = vcn.NewVnic(c.Tx, vcn.VnicArgs{
		SubnetID: r.Doc.Str("endpointConfig", "subnetId"), Owner: r.ID, Name: "OKE API endpoint of " + r.Doc.Str("name"),
		GroupIDs: r.Doc.Texts("endpointConfig", "nsgIds"),
	})
	if err != nil {
		return nil, err
	}
	wr := s.work.Begin(c.Tx, "CLUSTER_CREATE", clusterKind, r)
	r.Doc.Sub("metadata")["createdByWorkRequestId"] = wr.ID
	taskClusterStart.InOrder(c.Tx, r.ID, r.ID, startArgs{Work: wr.ID, Takes: clusterCreateTime})
	a := engine.Accepted(wr)
	a.Created = r.ID
	return a, nil
}

// completeCluster checks the body of a new cluster, and makes it the form of an answer (Oracle: "Creating a Cluster",
// "Network Resource Configuration").
func (s *Service) completeCluster(c *engine.Call, doc engine.Doc) error {
	version, err := s.versions.resolve(doc.Str("kubernetesVersion"), s.versions.list(true))
	if err != nil {
		return err
	}
	doc["kubernetesVersion"] = version
	network, err := vcn.Live(c.Tx, "vcnId", doc.Str("vcnId"))
	if err != nil {
		return err
	}
	setClusterDefaults(doc)
	if n := len(doc.List("clusterPodNetworkOptions")); n != 1 {
		return engine.Invalid("clusterPodNetworkOptions: must hold one entry, not %d", n)
	}
	if err := checkClusterCIDRs(doc, network); err != nil {
		return err
	}
	if err := checkEndpoint(c.Tx, doc); err != nil {
		return err
	}
	for i, id := range doc.Texts("options", "serviceLbSubnetIds") {
		if _, err := vcn.LiveSubnet(c.Tx, network.ID, fmt.Sprintf("options.serviceLbSubnetIds[%d]", i), id); err != nil {
			return err
		}
	}
	if err := checkClusterKeys(c.Tx, doc); err != nil {
		return err
	}
	if err := completeOpenID(doc); err != nil {
		return err
	}
	doc["metadata"] = engine.Doc{"timeCreated": engine.Timestamp(c.Now), "createdByUserId": engine.UserID}
	doc["endpoints"] = engine.Doc{}
	doc["availableKubernetesUpgrades"] = engine.List(s.versions.upgrades(version))
	return nil
}

func setClusterDefaults(doc engine.Doc) {
	doc.Default(engine.Doc{
		"type": "BASIC_CLUSTER", "options": engine.Doc{}, "endpointConfig": engine.Doc{},
		"clusterPodNetworkOptions": []any{engine.Doc{"cniType": "FLANNEL_OVERLAY"}},
		"imagePolicyConfig":        engine.Doc{"isPolicyEnabled": false, "keyDetails": []any{}},
	})
	doc.Sub("options").Default(engine.Doc{
		"kubernetesNetworkConfig": engine.Doc{}, "serviceLbSubnetIds": []any{},
		"addOns":                     engine.Doc{"isKubernetesDashboardEnabled": false, "isTillerEnabled": false},
		"admissionControllerOptions": engine.Doc{"isPodSecurityPolicyEnabled": false},
	})
	doc.Sub("options", "kubernetesNetworkConfig").Default(engine.Doc{
		"podsCidr": "10.244.0.0/16", "servicesCidr": "10.96.0.0/16",
	})
}

func checkEndpoint(t *engine.Tx, doc engine.Doc) error {
	endpoint, vcnID := doc.Sub("endpointConfig"), doc.Str("vcnId")
	id := endpoint.Str("subnetId")
	if id == "" {
		return engine.MissingParameter("endpointConfig.subnetId")
	}
	subnet, err := vcn.LiveSubnet(t, vcnID, "endpointConfig.subnetId", id)
	if err != nil {
		return err
	}
	endpoint.Default(engine.Doc{"isPublicIpEnabled": false, "nsgIds": []any{}})
	if endpoint.Flag("isPublicIpEnabled") && subnet.Doc.Flag("prohibitPublicIpOnVnic") {
		return engine.Invalid("endpointConfig.isPublicIpEnabled: the subnet %s prohibits public IP addresses", id)
	}
	return vcn.CheckSecurityGroups(t, "endpointConfig.nsgIds", endpoint.Texts("nsgIds"), vcnID)
}

func (s *Service) updateCluster(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	to, from := c.Body.Str("kubernetesVersion"), r.Doc.Str("kubernetesVersion")
	upgrade := to != "" && to != from
	if upgrade {
		var err error
		if to, err = s.versions.checkUpgrade(from, to); err != nil {
			return nil, err
		}
		if err := checkNodesBefore(c.Tx, r.ID, to); err != nil {
			return nil, err
		}
	}
	if r.Doc.Str("type") == "ENHANCED_CLUSTER" && c.Body.Str("type") == "BASIC_CLUSTER" {
		return nil, engine.Invalid("type: an enhanced cluster cannot become a basic one")
	}
	before := tokenAuthentication(r.Doc)
	for field, v := range c.Body {
		switch field {
		case "kubernetesVersion": // changes when the upgrade has ended
		case "options":
			r.Doc.Sub("options").Merge(c.Body.Sub("options"))
		default:
			r.Doc[field] = v
		}
	}
	if err := checkClusterKeys(c.Tx, r.Doc); err != nil {
		return nil, err
	}
	if err := completeOpenID(r.Doc); err != nil {
		return nil, err
	}
	wr := s.work.Begin(c.Tx, "CLUSTER_UPDATE", clusterKind, r)
	r.SetState("UPDATING")
	r.Doc.Sub("metadata").Merge(engine.Doc{
		"timeUpdated": engine.Timestamp(c.Now), "updatedByUserId": engine.UserID, "updatedByWorkRequestId": wr.ID,
	})
	switch {
	case upgrade:
		taskClusterStart.InOrder(c.Tx, r.ID, r.ID, startArgs{Work: wr.ID, Version: to, Takes: clusterUpgradeTime})
	case !reflect.DeepEqual(before, tokenAuthentication(r.Doc)): // the API server restarts
		taskClusterStart.InOrder(c.Tx, r.ID, r.ID, startArgs{Work: wr.ID, Version: from, Takes: clusterUpdateTime})
	default:
		taskClusterUpdated.After(c.Tx, clusterUpdateTime, r.ID, workTask{wr.ID})
	}
	return engine.Accepted(wr), nil
}

// checkNodesBefore compares the versions of node pools and of their nodes with the one that the control plane is to get
// (Oracle documentation, "Rolling Back the Kubernetes Version on Managed Nodes", 2026-09-05).
func checkNodesBefore(t *engine.Tx, clusterID, to string) error {
	for _, pool := range poolsOf(t, clusterID) {
		for _, doc := range append(pool.Doc.Objects("nodes"), pool.Doc) {
			if err := checkSkew(doc.Str("kubernetesVersion"), to); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) updateEndpoint(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	endpoint := r.Doc.Sub("endpointConfig")
	endpoint.Merge(c.Body)
	if err := checkEndpoint(c.Tx, r.Doc); err != nil {
		return nil, err
	}
	vcn.SetSecurityGroups(c.Tx, r.ID, endpoint.Texts("nsgIds"))
	showEndpoints(c.Tx, r, r.Doc.Str("endpoints", "kubernetes"))
	wr := s.work.Begin(c.Tx, "CLUSTER_UPDATE", clusterKind, r)
	r.SetState("UPDATING")
	taskClusterUpdated.After(c.Tx, endpointUpdateTime, r.ID, workTask{wr.ID})
	return engine.Accepted(wr), nil
}

// deleteCluster deletes a cluster with its node pools.
func (s *Service) deleteCluster(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	for _, pool := range allPoolsOf(c.Tx, r.ID) {
		if err := pool.CheckIdle(); err != nil {
			return nil, err
		}
		c.Edit(pool.ID).SetState("DELETING")
	}
	wr := s.work.Begin(c.Tx, "CLUSTER_DELETE", clusterKind, r)
	r.SetState("DELETING")
	r.Doc.Sub("metadata").Merge(engine.Doc{
		"timeDeleted": engine.Timestamp(c.Now), "deletedByUserId": engine.UserID, "deletedByWorkRequestId": wr.ID,
	})
	taskClusterStop.InOrder(c.Tx, r.ID, r.ID, workTask{wr.ID})
	return engine.Accepted(wr), nil
}

// removeClusterParts removes what a deleted cluster still has.
func removeClusterParts(t *engine.Tx, r *engine.Resource) error {
	if err := t.RemoveAll(addonsOf(t, r.ID)); err != nil {
		return err
	}
	return vcn.RemoveVnics(t, r.ID)
}
