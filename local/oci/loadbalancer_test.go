package oci

import (
	"net/http"
	"testing"
	"time"
)

func lbBody(n network) object {
	return object{
		"compartmentId": CompartmentID, "displayName": "guestbook", "shapeName": "flexible", "subnetIds": []any{n.lbs},
		"shapeDetails": object{"minimumBandwidthInMbps": 10, "maximumBandwidthInMbps": 10},
		"backendSets": object{"TCP-80": object{
			"policy": "ROUND_ROBIN", "healthChecker": object{"protocol": "HTTP", "port": 10256, "urlPath": "/healthz"},
			"backends": []any{object{"ipAddress": "10.0.16.2", "port": 30080}},
		}},
		"listeners": object{"TCP-80": object{"defaultBackendSetName": "TCP-80", "port": 80, "protocol": "TCP"}},
	}
}

// lbWork waits for a load balancer's work request to succeed, and returns it.
func (c *testCloud) lbWork(r reply) object {
	c.t.Helper()
	if r.status != http.StatusNoContent {
		c.t.Fatalf("%d %s", r.status, r.raw)
	}
	for range 300 {
		wr := c.want(http.StatusOK, "GET", lbBase+"/loadBalancerWorkRequests/"+r.header.Get("opc-work-request-id"), nil).object()
		c.conforms("loadbalancer.WorkRequest", wr)
		if state := wr["lifecycleState"]; state == "SUCCEEDED" || state == "FAILED" {
			return wr
		}
		time.Sleep(time.Second)
	}
	c.t.Fatal("the work request does not end")
	return nil
}

func TestLoadBalancerLife(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		n := c.network()
		base := lbBase + "/loadBalancers"
		id := str(c.lbWork(c.send("POST", base, lbBody(n), nil)), "loadBalancerId")
		get := func() object {
			lb := c.want(http.StatusOK, "GET", base+"/"+id, nil).object()
			c.conforms("loadbalancer.LoadBalancer", lb)
			return lb
		}
		lb := get()
		if lb["lifecycleState"] != "ACTIVE" || !flag(objects(lb, "ipAddresses")[0], "isPublic") {
			t.Errorf("load balancer %v", lb)
		}
		c.refused(409, "Conflict", "references the VNIC", "DELETE", coreBase+"/subnets/"+n.lbs, nil)

		r := c.send("PUT", base+"/"+id+"/backendSets/TCP-80", object{
			"policy": "ROUND_ROBIN", "healthChecker": object{"protocol": "TCP"}, "backends": []any{
				object{"ipAddress": "10.0.16.2", "port": 30080}, object{"ipAddress": "10.0.16.3", "port": 30080},
			},
		}, nil)
		c.refused(409, "Conflict", "work request in progress", "DELETE", base+"/"+id, nil)
		c.lbWork(r)
		if got := objects(get(), "backendSets", "TCP-80", "backends"); len(got) != 2 || got[1]["name"] != "10.0.16.3:30080" {
			t.Errorf("backends %v", got)
		}
		c.lbWork(c.send("DELETE", base+"/"+id+"/backendSets/TCP-80/backends/10.0.16.2:30080", nil, nil))
		c.refused(400, "InvalidParameter", "default backend set", "DELETE", base+"/"+id+"/backendSets/TCP-80", nil)
		c.lbWork(c.send("POST", base+"/"+id+"/listeners", object{"name": "TCP-443", "defaultBackendSetName": "TCP-80", "port": 443, "protocol": "TCP"}, nil))
		c.refused(400, "InvalidParameter", "same port", "POST", base+"/"+id+"/listeners", object{"name": "x", "defaultBackendSetName": "TCP-80", "port": 443, "protocol": "HTTP"})
		c.lbWork(c.send("PUT", base+"/"+id+"/updateShape", object{"shapeName": "flexible", "shapeDetails": object{"minimumBandwidthInMbps": 10, "maximumBandwidthInMbps": 100}}, nil))
		c.lbWork(c.send("PUT", base+"/"+id, object{"freeformTags": object{"a": "b"}}, nil))
		nsg := str(c.create("networkSecurityGroups", object{"vcnId": n.vcn}), "id")
		c.lbWork(c.send("PUT", base+"/"+id+"/networkSecurityGroups", object{"networkSecurityGroupIds": []any{nsg}}, nil))
		lb = get()
		if num(lb, "shapeDetails", "maximumBandwidthInMbps") != 100 || str(lb, "freeformTags", "a") != "b" || len(sub(lb, "listeners")) != 2 || texts(lb, "networkSecurityGroupIds")[0] != nsg {
			t.Errorf("after the changes: %v", lb)
		}
		c.refused(409, "Conflict", "references the VNIC", "DELETE", coreBase+"/networkSecurityGroups/"+nsg, nil)
		c.conforms("loadbalancer.LoadBalancerHealth", c.want(http.StatusOK, "GET", base+"/"+id+"/health", nil).body)

		c.lbWork(c.send("DELETE", base+"/"+id, nil, nil))
		if got := get()["lifecycleState"]; got != "DELETED" {
			t.Errorf("load balancer is %v", got)
		}
		c.remove("networkSecurityGroups", nsg)
		c.removeNetwork(n)
		if left := c.srv.Inventory(); len(left) != 0 {
			t.Errorf("left over: %v", left)
		}
	})
}

func TestPrivateLoadBalancerHasSubnetAddress(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		n := c.network()
		body := lbBody(n)
		body["subnetIds"] = []any{n.workers}
		c.refused(400, "InvalidParameter", "cannot hold a public load balancer", "POST", lbBase+"/loadBalancers", body)
		body["isPrivate"] = true
		id := str(c.lbWork(c.send("POST", lbBase+"/loadBalancers", body, nil)), "loadBalancerId")
		if got := objects(c.want(http.StatusOK, "GET", lbBase+"/loadBalancers/"+id, nil).object(), "ipAddresses")[0]; got["ipAddress"] != "10.0.16.2" || flag(got, "isPublic") {
			t.Errorf("address %v", got)
		}
	})
}

func TestReservedAddressOutlivesItsLoadBalancer(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		n := c.network()
		ip := c.create("publicIps", object{"lifetime": "RESERVED"})
		body := lbBody(n)
		body["reservedIps"] = []any{object{"id": ip["id"]}}
		id := str(c.lbWork(c.send("POST", lbBase+"/loadBalancers", body, nil)), "loadBalancerId")
		if got := objects(c.want(http.StatusOK, "GET", lbBase+"/loadBalancers/"+id, nil).object(), "ipAddresses")[0]; got["ipAddress"] != ip["ipAddress"] {
			t.Errorf("address %v, want %v", got, ip["ipAddress"])
		}
		c.refused(409, "Conflict", "is assigned to", "POST", lbBase+"/loadBalancers", body)
		c.lbWork(c.send("DELETE", lbBase+"/loadBalancers/"+id, nil, nil))
		if got := c.want(http.StatusOK, "GET", coreBase+"/publicIps/"+str(ip, "id"), nil).object(); got["lifecycleState"] != "AVAILABLE" {
			t.Errorf("address is %v", got)
		}
	})
}

func TestVolumeLife(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		body := func(size int) object {
			return object{"compartmentId": CompartmentID, "availabilityDomain": AvailabilityDomains[0], "sizeInGBs": size}
		}
		c.refused(400, "InvalidParameter", "sizeInGBs", "POST", coreBase+"/volumes", body(49))
		n := c.network()
		cluster := c.succeeded(c.send("POST", okeBase+"/clusters", clusterBody(n), nil))
		pool := c.succeeded(c.send("POST", okeBase+"/nodePools", poolBody(n, cluster, 1), nil))
		node := str(objects(c.want(http.StatusOK, "GET", okeBase+"/nodePools/"+pool, nil).object(), "nodes")[0], "id")
		volume := str(c.create("volumes", body(50)), "id")
		if got := c.want(200, "GET", coreBase+"/volumeBackupPolicyAssignments?assetId="+volume, nil).list(); len(got) != 0 {
			t.Errorf("backup policies %v of a new volume", got)
		}
		attach := object{"type": "paravirtualized", "instanceId": node, "volumeId": volume}
		attachment := str(c.want(http.StatusOK, "POST", coreBase+"/volumeAttachments", attach).object(), "id")
		time.Sleep(time.Minute)
		got := c.want(http.StatusOK, "GET", coreBase+"/volumeAttachments/"+attachment, nil).object()
		c.conforms("core.VolumeAttachment", got)
		if got["lifecycleState"] != "ATTACHED" {
			t.Errorf("attachment %v", got)
		}
		c.refused(409, "Conflict", "is attached to", "DELETE", coreBase+"/volumes/"+volume, nil)
		c.refused(409, "Conflict", "is attached to", "POST", coreBase+"/volumeAttachments", attach)
		c.succeeded(c.send("DELETE", okeBase+"/clusters/"+cluster, nil, nil))
		// The volume of a claim outlives the cluster.
		c.remove("volumes", volume)
		c.removeNetwork(n)
		if left := c.srv.Inventory(); len(left) != 0 {
			t.Errorf("left over: %v", left)
		}
	})
}
