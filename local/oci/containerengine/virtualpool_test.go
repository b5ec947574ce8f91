package containerengine_test

import (
	"slices"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

const virtualPools = ocitest.OKE + "/virtualNodePools"

// nativeCluster is the body of a cluster that takes virtual nodes.
func nativeCluster(n ocitest.Network) engine.Doc {
	body := ocitest.ClusterBody(n)
	body["type"] = "ENHANCED_CLUSTER"
	body["clusterPodNetworkOptions"] = []any{engine.Doc{"cniType": "OCI_VCN_IP_NATIVE"}}
	return body
}

func virtualPoolBody(n ocitest.Network, cluster string, size int) engine.Doc {
	placements := []any{}
	for _, ad := range oci.AvailabilityDomains {
		placements = append(placements, engine.Doc{
			"availabilityDomain": ad, "subnetId": n.Workers, "faultDomain": []any{"FAULT-DOMAIN-1", "FAULT-DOMAIN-2"},
		})
	}
	return engine.Doc{
		"displayName": "burst", "compartmentId": oci.CompartmentID, "clusterId": cluster, "size": size,
		"placementConfigurations":  placements,
		"podConfiguration":         engine.Doc{"subnetId": n.Workers, "shape": "Pod.Standard.E4.Flex"},
		"initialVirtualNodeLabels": []any{engine.Doc{"key": "team", "value": "web"}},
		"taints":                   []any{engine.Doc{"key": "virtual-node", "value": "true", "effect": "NoSchedule"}},
	}
}

// TestVirtualNodePool walks the life of a pool: its nodes are spread, scaled, moved, upgraded with the control plane,
// and leave nothing.
func TestVirtualNodePool(t *testing.T) {
	plane := ocitest.NewControlPlane()
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		n := c.Network()
		body := nativeCluster(n)
		body["kubernetesVersion"] = "v1.35.2"
		cluster := c.Succeeded(c.Send("POST", clusters, body, nil))
		created := c.Send("POST", virtualPools, virtualPoolBody(n, cluster, 3), nil)
		if op := c.WorkRequest(created).Str("operationType"); op != "VIRTUALNODEPOOL_CREATE" {
			t.Errorf("work request %s", op)
		}
		id := c.Succeeded(created)
		c.Conforms("containerengine.VirtualNodePool", c.Get(virtualPools+"/"+id))
		nodes := func() []engine.Doc { return c.GetList(virtualPools + "/" + id + "/virtualNodes") }
		checkSpread(t, nodes())
		for _, node := range nodes() {
			c.Conforms("containerengine.VirtualNode", c.Get(virtualPools+"/"+id+"/virtualNodes/"+node.Str("id")))
		}
		if got := plane.Count(cluster); got != 3 {
			t.Errorf("%d nodes in the cluster", got)
		}
		list := c.GetList(virtualPools + "?compartmentId=" + oci.CompartmentID + "&clusterId=" + cluster + "&name=burst")
		if len(list) != 1 {
			t.Errorf("listed by name: %v", list)
		}

		c.Succeeded(c.Send("PUT", virtualPools+"/"+id, engine.Doc{"size": 1}, nil))
		if got := nodes(); len(got) != 1 || plane.Count(cluster) != 1 {
			t.Errorf("scaled to 1: %v, %d in the cluster", got, plane.Count(cluster))
		}
		elsewhere := virtualPoolBody(n, cluster, 1)["placementConfigurations"].([]any)[2:]
		c.Succeeded(c.Send("PUT", virtualPools+"/"+id, engine.Doc{"placementConfigurations": elsewhere}, nil))
		if got := nodes(); len(got) != 1 || got[0]["availabilityDomain"] != oci.AvailabilityDomains[2] {
			t.Errorf("moved: %v", got)
		}

		c.Succeeded(c.Send("PUT", clusters+"/"+cluster, engine.Doc{"kubernetesVersion": "v1.36.4"}, nil))
		if got := nodes()[0]["kubernetesVersion"]; got != "v1.36.4" {
			t.Errorf("version of the node after the upgrade of the cluster: %v", got)
		}
		c.Refused(409, "Conflict", "references the VNIC", "DELETE", ocitest.Core+"/subnets/"+n.Workers, nil)
		c.Succeeded(c.Send("DELETE", virtualPools+"/"+id, nil, nil))
		if got := plane.Count(cluster); got != 0 {
			t.Errorf("%d nodes are left", got)
		}
		c.Succeeded(c.Send("POST", virtualPools, virtualPoolBody(n, cluster, 2), nil))
		c.Succeeded(c.Send("DELETE", clusters+"/"+cluster, nil, nil)) // with its pools
		c.RemoveNetwork(n)
		c.NothingLeft()
	})
}

// checkSpread expects one node in each availability domain, with an address, and in the pool's fault domains.
func checkSpread(t *testing.T, nodes []engine.Doc) {
	t.Helper()
	var domains []string
	for _, node := range nodes {
		domains = append(domains, node.Str("availabilityDomain"))
		inside := slices.Contains([]string{"FAULT-DOMAIN-1", "FAULT-DOMAIN-2"}, node.Str("faultDomain"))
		if node.Str("lifecycleState") != "ACTIVE" || node.Str("privateIp") == "" || !inside {
			t.Errorf("node %v", node)
		}
	}
	slices.Sort(domains)
	if !slices.Equal(domains, oci.AvailabilityDomains) {
		t.Errorf("nodes in %v", domains)
	}
}

func TestVirtualNodePoolRefusals(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", clusters, nativeCluster(n), nil))
		body := virtualPoolBody(n, cluster, 1)
		refuse := func(name, path string, value any, want string) {
			c.T.Helper()
			c.Refuses(name, "POST "+virtualPools, changed(body, path, value), want)
		}
		refuse("shape of a machine", "podConfiguration.shape", "VM.Standard.E4.Flex", "400 InvalidParameter: "+
			"podConfiguration.shape")
		refuse("negative size", "size", -1, "400 InvalidParameter: size")
		refuse("no placement", "placementConfigurations", []any{}, "400 InvalidParameter: placementConfigurations")
		refuse("no such fault domain", "placementConfigurations", []any{engine.Doc{
			"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": n.Workers, "faultDomain": []any{"FAULT-DOMAIN-9"},
		}}, "400 InvalidParameter: placementConfigurations[0].faultDomain")
		refuse("public subnet of Pods", "podConfiguration.subnetId", n.LBs, "400 InvalidParameter: private")
		refuse("effect of a taint", "taints", []any{engine.Doc{"key": "a", "effect": "Never"}},
			"400 InvalidParameter: taints[0]")
		refuse("no such cluster", "clusterId", "ocid1.cluster.oc1.iad.none", "400 RelatedResourceNotAuthorizedOrNotFound")
		refuse("cycling", "virtualNodePoolCyclingDetails", engine.Doc{"isVirtualNodeCyclingEnabled": true},
			"400 NotImplemented: virtualNodePoolCyclingDetails")

		basic := changed(ocitest.ClusterBody(n), "name", "basic")
		basic["clusterPodNetworkOptions"] = []any{engine.Doc{"cniType": "OCI_VCN_IP_NATIVE"}}
		refuse("basic cluster", "clusterId", c.Succeeded(c.Send("POST", clusters, basic, nil)),
			"400 InvalidParameter: need an enhanced cluster")
		overlay := changed(ocitest.ClusterBody(n), "name", "overlay")
		overlay["type"] = "ENHANCED_CLUSTER"
		refuse("overlay", "clusterId", c.Succeeded(c.Send("POST", clusters, overlay, nil)),
			"400 InvalidParameter: OCI_VCN_IP_NATIVE")
	})
}

// TestPodShapes lists what virtual nodes have for their Pods.
func TestPodShapes(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		for query, want := range map[string]int{"": 3, "&name=Pod.Standard.E4.Flex": 1, "&name=Pod.Standard.E9.Flex": 0} {
			got := c.GetList(ocitest.OKE + "/podShapes?compartmentId=" + oci.CompartmentID + query)
			if len(got) != want || len(got) == 1 && got[0]["name"] != "Pod.Standard.E4.Flex" {
				t.Errorf("%q: %v, want %d", query, got, want)
			}
		}
		c.Refused(400, "MissingParameter", "compartmentId", "GET", ocitest.OKE+"/podShapes", nil)
	})
}
