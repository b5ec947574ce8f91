package containerengine_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestNodeCyclingAndUpgrade(t *testing.T) {
	plane := ocitest.NewControlPlane()
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		n := c.Network()
		body := ocitest.Changed(ocitest.ClusterBody(n), "kubernetesVersion", "v1.35.2")
		body["type"] = "ENHANCED_CLUSTER"
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", body, nil))
		pool := ocitest.PoolBody(n, cluster, 3)
		pool["kubernetesVersion"] = "v1.35.2"
		pool.Sub("nodeSourceDetails")["imageId"] = ocitest.ImageFor("v1.35.2", true)
		id := c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools", pool, nil))
		nodes := func() []engine.Doc {
			return c.Get(ocitest.OKE + "/nodePools/" + id).Objects("nodes")
		}
		first := nodes()

		upgrade := c.Send("PUT", ocitest.OKE+"/clusters/"+cluster, engine.Doc{"kubernetesVersion": "v1.36.4"}, nil)
		c.Refused(409, "Conflict", "work request in progress", "PUT", ocitest.OKE+"/clusters/"+cluster,
			engine.Doc{"name": "x"})
		c.Refused(409, "Conflict", "is UPDATING", "PUT", ocitest.OKE+"/nodePools/"+id, engine.Doc{"name": "x"})
		c.Succeeded(upgrade)
		if plane.Versions[cluster] != "v1.36.4" {
			t.Errorf("control plane %v", plane.Versions)
		}

		// Without cycling, only new nodes get a new version.
		to := engine.Doc{
			"kubernetesVersion": "v1.36.4",
			"nodeSourceDetails": engine.Doc{"sourceType": "IMAGE", "imageId": ocitest.ImageFor("v1.36.4", true)},
		}
		c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+id, to, nil))
		if got := nodes(); fmt.Sprint(got) != fmt.Sprint(first) {
			t.Errorf("nodes changed without cycling: %v", got)
		}
		c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+id, engine.Doc{"nodeConfigDetails": engine.Doc{"size": 4}}, nil))
		if got := nodes(); got[0]["kubernetesVersion"] != "v1.35.2" || got[3]["kubernetesVersion"] != "v1.36.4" {
			t.Errorf("nodes after one was added: %v", got)
		}

		plane.Syncs = nil
		c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+id,
			engine.Doc{"nodePoolCyclingDetails": engine.Doc{
				"isNodeCyclingEnabled": true, "maximumSurge": "1",
				"maximumUnavailable": "0",
			}}, nil))
		for _, node := range nodes() {
			if node["kubernetesVersion"] != "v1.36.4" {
				t.Errorf("node %v", node)
			}
		}
		// Three times one node more and one fewer: at least four nodes, at most five.
		if got := fmt.Sprint(plane.Syncs); got != "[5 4 5 4 5 4]" {
			t.Errorf("nodes in the cluster over the cycling: %s", got)
		}
		c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+id, engine.Doc{
			"kubernetesVersion": "v1.35.2", "nodeSourceDetails": engine.Doc{
				"sourceType": "IMAGE", "imageId": ocitest.ImageFor("v1.35.2", true),
			},
		}, nil))
		for _, node := range nodes() {
			if node["kubernetesVersion"] != "v1.35.2" {
				t.Errorf("node after the pool went back: %v", node)
			}
		}
		// While nodes cycle, an update names no placement, not even the present one. Other details of the nodes may change.
		for _, placements := range [][]any{
			{engine.Doc{"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": n.Workers}},
			pool.Sub("nodeConfigDetails").List("placementConfigs"),
		} {
			c.Refused(409, "Conflict",
				"Cannot perform nodepool cycling and nodepool Placement Configuration change simultaneously.",
				"PUT", ocitest.OKE+"/nodePools/"+id,
				engine.Doc{"nodeConfigDetails": engine.Doc{"placementConfigs": placements, "size": 3}})
		}
		c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+id, engine.Doc{"nodeConfigDetails": engine.Doc{
			"size": 5, "freeformTags": engine.Doc{"team": "web"},
		}}, nil))
		c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+id, engine.Doc{"nodeConfigDetails": engine.Doc{"size": 4}}, nil))

		gone := nodes()[0].Str("id")
		c.Succeeded(c.Send("DELETE", ocitest.OKE+"/nodePools/"+id+"/node/"+gone, nil, nil))
		if got := nodes(); len(got) != 3 || got[0].Str("id") == gone {
			t.Errorf("nodes after one was deleted: %v", got)
		}
	})
}

// An instance that is terminated by the Compute service is no node any more, and its pool launches another.
func TestTerminatedInstanceIsReplaced(t *testing.T) {
	plane := ocitest.NewControlPlane()
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		id := c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools", ocitest.PoolBody(n, cluster, 2), nil))
		pool := func() engine.Doc { return c.Get(ocitest.OKE + "/nodePools/" + id) }
		first := pool().Objects("nodes")
		gone := first[0].Str("id")
		c.Remove("instances", gone)
		for range 1000 {
			if pool().Str("lifecycleState") == "ACTIVE" && pool().Objects("nodes")[0].Str("id") != gone {
				break
			}
			c.Sleep(time.Second)
		}
		now := pool().Objects("nodes")
		if len(now) != 2 || now[0].Str("id") != first[1].Str("id") || now[1].Str("id") == gone {
			t.Errorf("the nodes were %v and are %v", first, now)
		}
		if joined := plane.Count(cluster); joined != 2 || !slices.Equal(plane.Terminated, []string{gone}) {
			t.Errorf("%d nodes in the cluster; the control plane was told of the end of %v", joined, plane.Terminated)
		}
		work := c.GetList(ocitest.OKE + "/workRequests?compartmentId=" + oci.CompartmentID + "&resourceId=" + id)
		if !slices.ContainsFunc(work, func(w engine.Doc) bool { return w["operationType"] == "NODEPOOL_RECONCILE" }) {
			t.Errorf("work requests %v", work)
		}
		c.Refused(404, "NotAuthorizedOrNotFound", "", "DELETE", ocitest.Core+"/instances/"+gone, nil)

		// A pool that is busy goes on with one node fewer.
		grown := c.Send("PUT", ocitest.OKE+"/nodePools/"+id, engine.Doc{"nodeConfigDetails": engine.Doc{"size": 3}}, nil)
		c.Remove("instances", now[0].Str("id"))
		c.Succeeded(grown)
		if after := pool().Objects("nodes"); len(after) != 3 || after[0].Str("id") != now[1].Str("id") {
			t.Errorf("the nodes were %v and are %v", now, after)
		}
		c.Succeeded(c.Want(202, "DELETE", ocitest.OKE+"/nodePools/"+id, nil))
	})
}

// A volume can only be attached in its availability domain, so each domain must have a node when cycling has ended.
func TestNodeCyclingKeepsNodesInAllDomains(t *testing.T) {
	for name, cycling := range map[string]engine.Doc{
		"one more":  {"isNodeCyclingEnabled": true, "maximumSurge": "1", "maximumUnavailable": "0"},
		"one fewer": {"isNodeCyclingEnabled": true, "maximumSurge": "0", "maximumUnavailable": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			ocitest.Run(t, oci.Config{ControlPlane: ocitest.NewControlPlane()}, func(c *ocitest.Cloud) {
				n := c.Network()
				body := ocitest.ClusterBody(n)
				body["type"] = "ENHANCED_CLUSTER"
				cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", body, nil))
				id := c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools", ocitest.PoolBody(n, cluster, 2), nil))
				nodes := func() []engine.Doc {
					return c.Get(ocitest.OKE + "/nodePools/" + id).Objects("nodes")
				}
				first := nodes()
				// The third node has the new labels already, so cycling replaces the other two.
				c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+id,
					engine.Doc{"initialNodeLabels": []any{}, "nodeConfigDetails": engine.Doc{"size": 3}}, nil))
				c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+id, engine.Doc{"nodePoolCyclingDetails": cycling}, nil))
				used := map[string]int{}
				for _, node := range nodes() {
					used[node.Str("availabilityDomain")]++
					if node["id"] == first[0]["id"] || node["id"] == first[1]["id"] {
						t.Errorf("the node %v was not replaced", node)
					}
				}
				if len(used) != 3 {
					t.Errorf("nodes by availability domain after the cycling: %v", used)
				}
			})
		})
	}
}

// TestUserData expects nodes with the image's root file system and no taints unless their user_data says otherwise.
func TestUserData(t *testing.T) {
	plane := ocitest.NewControlPlane()
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		pool := ocitest.PoolBody(n, cluster, 1)
		id := c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools", pool, nil))
		grow := base64.StdEncoding.EncodeToString([]byte("#!/bin/bash\nbash /usr/libexec/oci-growfs -y\n" +
			`bash /var/run/oke-init.sh --kubelet-extra-args "--register-with-taints=a=b:NoSchedule,c:NoExecute"`))
		c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+id, engine.Doc{
			"nodeMetadata": engine.Doc{"user_data": grow}, "nodeConfigDetails": engine.Doc{"size": 2},
		}, nil))
		if nodes := plane.Nodes[cluster]; len(nodes) != 2 || nodes[0].RootGrown || !nodes[1].RootGrown ||
			fmt.Sprint(nodes[0].Taints, nodes[1].Taints) != "[] [a=b:NoSchedule c:NoExecute]" {
			t.Errorf("nodes before and after the change: %+v", nodes)
		}
		placement := engine.Clone(pool.Objects("nodeConfigDetails", "placementConfigs")[0]).(engine.Doc)
		placement["preemptibleNodeConfig"] = engine.Doc{"preemptionAction": engine.Doc{"type": "TERMINATE"}}
		c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools", ocitest.Changed(ocitest.Changed(pool, "name", "spot"),
			"nodeConfigDetails.placementConfigs", []any{placement}), nil))
		const key = "oci.oraclecloud.com/oke-is-preemptible"
		if nodes := plane.Nodes[cluster]; len(nodes) != 3 || len(nodes[0].Taints) != 0 || nodes[0].Labels[key] != "" ||
			fmt.Sprint(nodes[2].Taints) != "["+key+"=present:NoSchedule]" || nodes[2].Labels[key] != "true" {
			t.Errorf("ordinary nodes and a preemptible one: %+v", nodes)
		}
	})
}

// TestInstancesHaveTheSettingsOfTheirPool expects what only instances show: the SSH key, the reservation, which counts
// them, and that they are preemptible.
func TestInstancesHaveTheSettingsOfTheirPool(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		reservation := c.Reservation(oci.AvailabilityDomains[0])
		c.Create("policies", engine.Doc{"name": "reservation", "description": "d", "statements": []any{
			"Allow any-user to use compute-capacity-reservations in tenancy where request.principal.type = 'nodepool'",
		}})
		c.Sleep(time.Minute)
		cluster := c.Succeeded(c.Send("POST", clusters, ocitest.ClusterBody(n), nil))
		instanceOf := func(key, value any) (pool string, made engine.Doc) {
			placement := engine.Doc{"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": n.Workers, key.(string): value}
			body := changed(ocitest.PoolBody(n, cluster, 1), "nodeConfigDetails.placementConfigs", []any{placement})
			body["sshPublicKey"], body["nodeMetadata"] = "ssh-ed25519 AAAA", engine.Doc{"user_data": "IyE="}
			pool = c.Succeeded(c.Send("POST", pools, body, nil))
			made = c.Get(ocitest.Core + "/instances/" + c.Get(pools + "/" + pool).Objects("nodes")[0].Str("id"))
			c.Conforms("core.Instance", made)
			return pool, made
		}
		used := func() string {
			r := c.Get(ocitest.Core + "/computeCapacityReservations/" + reservation)
			return fmt.Sprint(r["usedInstanceCount"], r.Objects("instanceReservationConfigs")[0]["usedCount"])
		}
		pool, made := instanceOf("capacityReservationId", reservation)
		if made["capacityReservationId"] != reservation || used() != "1 1" || fmt.Sprint(made["metadata"]) !=
			"map[ssh_authorized_keys:ssh-ed25519 AAAA user_data:IyE=]" {
			t.Errorf("instance %v; the reservation counts %s", made, used())
		}
		c.Succeeded(c.Send("DELETE", pools+"/"+pool, nil, nil))
		if used() != "0 0" {
			t.Errorf("the reservation counts %s without instances", used())
		}
		_, made = instanceOf("preemptibleNodeConfig", engine.Doc{"preemptionAction": engine.Doc{
			"type": "TERMINATE", "isPreserveBootVolume": true,
		}})
		action := made.Sub("preemptibleInstanceConfig", "preemptionAction")
		if action.Str("type") != "TERMINATE" || !action.Flag("preserveBootVolume") {
			t.Errorf("preemptible instance %v", made)
		}
	})
}

// TestPlacementChangeReplacesNodes expects nodes outside a changed placement to be terminated, and no others.
func TestPlacementChangeReplacesNodes(t *testing.T) {
	plane := ocitest.NewControlPlane()
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		id := c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools", ocitest.PoolBody(n, cluster, 3), nil))
		nodes := func() []engine.Doc { return c.Get(ocitest.OKE + "/nodePools/" + id).Objects("nodes") }
		first := nodes()
		place := func(faultDomains ...any) {
			c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+id, engine.Doc{"nodeConfigDetails": engine.Doc{
				"placementConfigs": []any{engine.Doc{
					"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": n.Workers, "faultDomains": faultDomains,
				}},
			}}, nil))
		}
		plane.Syncs = nil
		place()
		for _, node := range nodes() {
			if node["availabilityDomain"] != oci.AvailabilityDomains[0] {
				t.Errorf("node outside the placement: %v", node)
			}
		}
		// Two leave, then two join.
		if got := fmt.Sprint(plane.Syncs); nodes()[0]["id"] != first[0]["id"] || got != "[1 3]" {
			t.Errorf("nodes %v; nodes in the cluster: %s", nodes(), got)
		}
		place("FAULT-DOMAIN-2")
		for _, node := range nodes() {
			if node["faultDomain"] != "FAULT-DOMAIN-2" {
				t.Errorf("node outside the fault domain: %v", node)
			}
		}
	})
}

func TestAddressesRunOut(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		small := c.Create("subnets", engine.Doc{
			"vcnId": n.Vcn, "cidrBlock": "10.0.200.0/29",
			"prohibitPublicIpOnVnic": true,
		}).Str("id")
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		body := ocitest.Changed(ocitest.PoolBody(n, cluster, 6), "nodeConfigDetails.placementConfigs",
			[]any{engine.Doc{"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": small}})
		wr := c.WorkRequest(c.Send("POST", ocitest.OKE+"/nodePools", body, nil))
		if wr["status"] != "FAILED" {
			t.Fatalf("work request %v", wr)
		}
		pool := wr.Objects("resources")[0].Str("identifier")
		// Of the eight addresses three are reserved.
		if got := len(c.Get(ocitest.OKE + "/nodePools/" + pool).List("nodes")); got != 5 {
			t.Errorf("%d nodes fit, want 5", got)
		}
	})
}

func TestVCNNativePods(t *testing.T) {
	plane := ocitest.NewControlPlane()
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		n := c.Network()
		pods := c.Create("subnets", engine.Doc{
			"vcnId": n.Vcn, "cidrBlock": "10.0.64.0/19",
			"prohibitPublicIpOnVnic": true,
		}).Str("id")
		body := ocitest.Changed(ocitest.ClusterBody(n), "clusterPodNetworkOptions",
			[]any{engine.Doc{"cniType": "OCI_VCN_IP_NATIVE"}})
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", body, nil))
		if got := plane.Clusters[cluster]; got.PodsCIDR != "" || got.PrivateEndpoint != "10.0.0.2:6443" {
			t.Errorf("the control plane gets the cluster %+v, want no range of Pods, and the endpoint in the VCN", got)
		}
		pool := ocitest.PoolBody(n, cluster, 2)
		native := engine.Doc{"cniType": "OCI_VCN_IP_NATIVE", "podSubnetIds": []any{pods}}
		for ocpus, most := range map[int]int{1: 31, 2: 31, 4: 93, 80: 110} {
			sized := ocitest.Changed(pool, "nodeShapeConfig", engine.Doc{"ocpus": ocpus, "memoryInGBs": 6 * ocpus})
			c.Refused(400, "InvalidParameter", fmt.Sprint("from 1 to ", most), "POST", ocitest.OKE+"/nodePools",
				ocitest.Changed(sized, "nodeConfigDetails.nodePoolPodNetworkOptionDetails",
					ocitest.Changed(native, "maxPodsPerNode", most+1)))
		}
		c.Refused(400, "MissingParameter", "podSubnetIds", "POST", ocitest.OKE+"/nodePools",
			ocitest.Changed(pool, "nodeConfigDetails.nodePoolPodNetworkOptionDetails",
				engine.Doc{"cniType": "OCI_VCN_IP_NATIVE"}))
		id := c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools",
			ocitest.Changed(pool, "nodeConfigDetails.nodePoolPodNetworkOptionDetails", native), nil))
		got := c.Get(ocitest.OKE + "/nodePools/" + id)
		c.Conforms("containerengine.NodePool", got)
		node := got.Objects("nodes")[0].Str("id")
		vnics := c.GetList(ocitest.Core + "/vnicAttachments?compartmentId=" + oci.CompartmentID + "&instanceId=" + node)
		if len(vnics) != 2 {
			t.Fatalf("VNICs of a node: %v", vnics)
		}
		if most := plane.Nodes[cluster][0].MaxPods; most != 31 {
			t.Errorf("the node is told to take %d Pods, want those that have addresses", most)
		}
		ips := c.GetList(ocitest.Core + "/privateIps?vnicId=" + vnics[1].Str("vnicId"))
		if len(ips) != 32 {
			t.Errorf("the VNIC for Pods has %d addresses, want its own and 31 for Pods", len(ips))
		}
		c.Refused(409, "Conflict", "references the VNIC", "DELETE", ocitest.Core+"/subnets/"+pods, nil)
		c.Refused(409, "Conflict", "outside the new CIDR block", "PUT", ocitest.Core+"/subnets/"+pods,
			engine.Doc{"cidrBlock": "10.0.64.0/26"}) // both VNICs are in it, but not the last addresses for Pods
	})
}
