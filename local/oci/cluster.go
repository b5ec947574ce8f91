package oci

import (
	"fmt"
	"net/netip"
	"slices"

	"oke-guestbook/local/cloud"
)

var okeStates = states{"CREATING", "ACTIVE", "DELETING", "DELETED"}

func (s *Server) containerEngineRoutes() {
	clusters := &kind{
		name: "cluster", path: okeBase + "/clusters", model: "containerengine.Cluster", states: okeStates, slow: true,
		nameKey: "name", onCreate: createCluster, summary: summaryOf("containerengine.ClusterSummary"), removed: clusterRemoved,
	}
	pools := &kind{
		name: "nodepool", path: okeBase + "/nodePools", model: "containerengine.NodePool", states: okeStates, slow: true,
		nameKey: "name", filters: []string{"clusterId"}, onCreate: createNodePool, summary: summaryOf("containerengine.NodePoolSummary"), removed: nodePoolRemoved,
	}
	s.serveKind(clusters)
	s.serveKind(pools)
	s.ops["clusterStart"] = op{work: startCluster}
	s.ops["clusterReady"] = op{change: clusterReady}
	s.ops["clusterFailed"] = op{change: clusterFailed}
	s.ops["clusterRestart"] = op{work: restartCluster}
	s.ops["clusterStop"] = op{work: stopCluster}
	s.ops["clusterDeleted"] = op{change: clusterDeleted}
	s.ops["workDone"] = op{change: workDone}
	s.route("POST "+clusters.path, "containerengine.CreateClusterDetails", func(c *call) (*answer, error) {
		r, err := c.make(clusters, c.body)
		if err != nil {
			return nil, err
		}
		if _, err := c.newVnic(str(r.Doc, "endpointConfig", "subnetId"), r.ID, "OKE API endpoint of "+str(r.Doc, "name"), "",
			list(r.Doc, "endpointConfig", "nsgIds"), false); err != nil {
			return nil, err
		}
		wr := c.startWork("CLUSTER_CREATE", "cluster", r)
		sub(r.Doc, "metadata")["createdByWorkRequestId"] = wr.ID
		c.later(0, "clusterStart", r.ID, object{"work": wr.ID, "took": clusterCreateTime.Seconds()}).Key = r.ID
		a := accepted(wr)
		a.made = r.ID
		return a, nil
	})
	s.route("PUT "+clusters.path+"/{id}", "containerengine.UpdateClusterDetails", updateCluster)
	s.route("DELETE "+clusters.path+"/{id}", "", deleteCluster)
	s.route("POST "+clusters.path+"/{id}/actions/updateEndpointConfig", "containerengine.UpdateClusterEndpointConfigDetails", updateEndpoint)
	s.route("POST "+clusters.path+"/{id}/kubeconfig/content", "containerengine.CreateClusterKubeconfigContentDetails", kubeconfig)
	s.nodePoolRoutes(pools)
	s.workRequestRoutes(okeWork)
	s.optionRoutes()
	s.addonRoutes()
}

// createCluster checks what the service checks (Oracle: "Creating a Cluster", "Network Resource Configuration").
func createCluster(c *call, doc object) error {
	if err := checkVersion(str(doc, "kubernetesVersion")); err != nil {
		return err
	}
	vcn, err := c.live("vcn", "vcnId", str(doc, "vcnId"))
	if err != nil {
		return err
	}
	orDefault(doc, object{
		"type": "BASIC_CLUSTER", "options": object{}, "endpointConfig": object{},
		"clusterPodNetworkOptions": []any{object{"cniType": "FLANNEL_OVERLAY"}},
		"imagePolicyConfig":        object{"isPolicyEnabled": false, "keyDetails": []any{}},
	})
	if n := len(list(doc, "clusterPodNetworkOptions")); n != 1 {
		return invalid("clusterPodNetworkOptions: must hold one entry, not %d", n)
	}
	orDefault(sub(doc, "options"), object{
		"kubernetesNetworkConfig": object{}, "serviceLbSubnetIds": []any{},
		"addOns":                     object{"isKubernetesDashboardEnabled": false, "isTillerEnabled": false},
		"admissionControllerOptions": object{"isPodSecurityPolicyEnabled": false},
	})
	orDefault(sub(doc, "options", "kubernetesNetworkConfig"), object{"podsCidr": "10.244.0.0/16", "servicesCidr": "10.96.0.0/16"})
	if err := checkClusterCIDRs(doc, vcn); err != nil {
		return err
	}
	if err := c.checkEndpoint(doc, vcn); err != nil {
		return err
	}
	for i, id := range texts(doc, "options", "serviceLbSubnetIds") {
		if _, err := c.subnetOf(vcn.ID, fmt.Sprintf("options.serviceLbSubnetIds[%d]", i), id); err != nil {
			return err
		}
	}
	doc["metadata"] = object{"timeCreated": stamp(c.now), "createdByUserId": UserID}
	doc["endpoints"] = object{}
	doc["availableKubernetesUpgrades"] = anys(upgrades(str(doc, "kubernetesVersion")))
	return nil
}

// subnetOf returns a living subnet of a VCN.
func (t *tx) subnetOf(vcnID, field, id string) (*resource, error) {
	subnet, err := t.live("subnet", field, id)
	if err == nil && str(subnet.Doc, "vcnId") != vcnID {
		return nil, invalid("%s: the subnet %s is not in the VCN %s", field, id, vcnID)
	}
	return subnet, err
}

func (t *tx) checkEndpoint(doc object, vcn *resource) error {
	endpoint := sub(doc, "endpointConfig")
	id := str(endpoint, "subnetId")
	if id == "" {
		return missingParameter("endpointConfig.subnetId")
	}
	subnet, err := t.subnetOf(vcn.ID, "endpointConfig.subnetId", id)
	if err != nil {
		return err
	}
	orDefault(endpoint, object{"isPublicIpEnabled": false, "nsgIds": []any{}})
	if flag(endpoint, "isPublicIpEnabled") && flag(subnet.Doc, "prohibitPublicIpOnVnic") {
		return invalid("endpointConfig.isPublicIpEnabled: the subnet %s prohibits public IP addresses", id)
	}
	return t.checkNSGs("endpointConfig.nsgIds", texts(endpoint, "nsgIds"), vcn.ID)
}

func cniType(cluster object) string {
	for _, o := range objects(cluster, "clusterPodNetworkOptions") {
		return str(o, "cniType")
	}
	return ""
}

// checkClusterCIDRs refuses ranges for pods and services that overlap each other or the VCN. With VCN-native pod
// networking the pods' range is not used.
func checkClusterCIDRs(doc object, vcn *resource) error {
	network := sub(doc, "options", "kubernetesNetworkConfig")
	type named struct {
		field string
		p     netip.Prefix
	}
	var ranges []named
	for _, field := range []string{"podsCidr", "servicesCidr"} {
		p, err := cidr("options.kubernetesNetworkConfig."+field, str(network, field))
		if err != nil {
			return err
		}
		if field == "podsCidr" && cniType(doc) == "OCI_VCN_IP_NATIVE" {
			continue
		}
		ranges = append(ranges, named{field, p})
	}
	for _, text := range texts(vcn.Doc, "cidrBlocks") {
		p, err := cidr("cidrBlocks", text)
		if err != nil {
			return err
		}
		for _, r := range ranges {
			if r.p.Overlaps(p) {
				return invalid("options.kubernetesNetworkConfig.%s: %s overlaps the VCN's CIDR block %s", r.field, r.p, p)
			}
		}
	}
	if len(ranges) == 2 && ranges[0].p.Overlaps(ranges[1].p) {
		return invalid("options.kubernetesNetworkConfig: podsCidr %s and servicesCidr %s overlap", ranges[0].p, ranges[1].p)
	}
	return nil
}

// changeableCluster returns the cluster of the path, if a work request about it can begin.
func (c *call) changeableCluster(states ...string) (*resource, error) {
	r, err := c.named("cluster", c.id())
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
	if !slices.Contains(states, r.state()) {
		return nil, conflict("the cluster %s is %s", r.ID, r.state())
	}
	return c.edit(r.ID), nil
}

func updateCluster(c *call) (*answer, error) {
	r, err := c.changeableCluster("ACTIVE")
	if err != nil {
		return nil, err
	}
	to, from := str(c.body, "kubernetesVersion"), str(r.Doc, "kubernetesVersion")
	if to != "" && to != from {
		if err := checkVersion(to); err != nil {
			return nil, err
		}
		if !slices.Contains(upgrades(from), to) {
			return nil, invalid("Invalid kubernetes version. A control plane goes from %s to a newer version of the same or the next minor, not to %s.", from, to)
		}
	}
	if str(r.Doc, "type") == "ENHANCED_CLUSTER" && str(c.body, "type") == "BASIC_CLUSTER" {
		return nil, invalid("type: an enhanced cluster cannot become a basic one")
	}
	for field, v := range c.body {
		switch field {
		case "kubernetesVersion":
		case "options":
			for part, v := range v.(object) {
				sub(r.Doc, "options")[part] = v
			}
		default:
			r.Doc[field] = v
		}
	}
	wr := c.startWork("CLUSTER_UPDATE", "cluster", r)
	r.Doc["lifecycleState"] = "UPDATING"
	metadata := sub(r.Doc, "metadata")
	metadata["timeUpdated"], metadata["updatedByUserId"], metadata["updatedByWorkRequestId"] = stamp(c.now), UserID, wr.ID
	if to != "" && to != from {
		c.later(0, "clusterStart", r.ID, object{"work": wr.ID, "version": to, "took": clusterUpgradeTime.Seconds()}).Key = r.ID
	} else {
		c.later(clusterUpdateTime, "workDone", r.ID, object{"work": wr.ID})
	}
	return accepted(wr), nil
}

// workDone ends a work request that only took its time.
func workDone(t *tx, k *task) error {
	failure := t.s.faults.workRequest(str(t.find(str(k.Args, "work")).Doc, "operationType"))
	if r := t.edit(k.Target); r.state() == "UPDATING" {
		r.Doc["lifecycleState"] = "ACTIVE"
	}
	t.endWork(str(k.Args, "work"), failure)
	return nil
}

func updateEndpoint(c *call) (*answer, error) {
	r, err := c.changeableCluster("ACTIVE")
	if err != nil {
		return nil, err
	}
	for field, v := range c.body {
		sub(r.Doc, "endpointConfig")[field] = v
	}
	if err := c.checkEndpoint(r.Doc, c.find(str(r.Doc, "vcnId"))); err != nil {
		return nil, err
	}
	for _, vnic := range c.vnicsOf(r.ID) {
		c.edit(vnic.ID).Doc["nsgIds"] = clone(dig(r.Doc, "endpointConfig", "nsgIds"))
	}
	c.setEndpoints(r, cloud.Endpoints{Address: str(r.Doc, "endpoints", "kubernetes")})
	wr := c.startWork("CLUSTER_UPDATE", "cluster", r)
	r.Doc["lifecycleState"] = "UPDATING"
	c.later(endpointUpdateTime, "workDone", r.ID, object{"work": wr.ID})
	return accepted(wr), nil
}

// deleteCluster deletes a cluster with its node pools.
func deleteCluster(c *call) (*answer, error) {
	r, err := c.changeableCluster("ACTIVE", "FAILED")
	if err != nil {
		return nil, err
	}
	for _, pool := range c.all("nodepool", with("clusterId", r.ID)) {
		if err := idle(pool); err != nil {
			return nil, err
		}
		c.edit(pool.ID).Doc["lifecycleState"] = "DELETING"
	}
	wr := c.startWork("CLUSTER_DELETE", "cluster", r)
	r.Doc["lifecycleState"] = "DELETING"
	metadata := sub(r.Doc, "metadata")
	metadata["timeDeleted"], metadata["deletedByUserId"], metadata["deletedByWorkRequestId"] = stamp(c.now), UserID, wr.ID
	c.later(0, "clusterStop", r.ID, object{"work": wr.ID}).Key = r.ID
	return accepted(wr), nil
}
