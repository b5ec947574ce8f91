package oci

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// finished waits for a work request of any service and returns the OCID that it was about.
func (c *testCloud) finished(base, model string, r reply) string {
	c.t.Helper()
	if r.status != http.StatusAccepted {
		c.t.Fatalf("%d %s", r.status, r.raw)
	}
	for range 100 {
		wr := c.want(200, "GET", base+"/workRequests/"+r.header.Get("opc-work-request-id"), nil).object()
		c.conforms(model, wr)
		if wr["timeFinished"] != nil {
			if wr["status"] != "SUCCEEDED" || num(wr, "percentComplete") != 100 {
				c.t.Fatalf("work request %v", wr)
			}
			return str(objects(wr, "resources")[0], "identifier")
		}
		time.Sleep(5 * time.Second)
	}
	c.t.Fatal("the work request does not end")
	return ""
}

func TestBastionLife(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		n := c.network()
		base := bastionBase + "/bastions"
		body := object{"compartmentId": CompartmentID, "name": "guestbook", "bastionType": "STANDARD", "targetSubnetId": n.workers, "clientCidrBlockAllowList": []any{"198.51.100.0/24"}}
		c.refused(400, "InvalidParameter", "does not match network IP", "POST", base, changed(body, []any{"198.51.100.1/24"}, "clientCidrBlockAllowList"))
		c.refused(400, "InvalidParameter", "1800", "POST", base, changed(body, 60, "maxSessionTtlInSeconds"))
		c.refused(400, "RelatedResourceNotAuthorizedOrNotFound", "targetSubnetId", "POST", base, changed(body, "ocid1.subnet.oc1.iad.none", "targetSubnetId"))
		id := c.finished(bastionBase, "bastion.WorkRequest", c.send("POST", base, body, nil))
		if doc := c.want(200, "GET", base+"/"+id, nil).object(); sub(doc, "systemTags") == nil {
			t.Errorf("no systemTags in %v: the official provider takes that for a change", doc)
		}
		got := c.want(200, "GET", base+"/"+id, nil).object()
		c.conforms("bastion.Bastion", got)
		if got["lifecycleState"] != "ACTIVE" || got["privateEndpointIpAddress"] != "10.0.16.2" || got["targetVcnId"] != n.vcn {
			t.Errorf("bastion %v", got)
		}
		for _, item := range c.want(200, "GET", base+"?compartmentId="+CompartmentID, nil).list() {
			c.conforms("bastion.BastionSummary", item)
		}
		r := c.send("PUT", base+"/"+id, object{"clientCidrBlockAllowList": []any{"203.0.113.0/24"}}, nil)
		c.refused(409, "Conflict", "work request in progress", "DELETE", base+"/"+id, nil)
		c.finished(bastionBase, "bastion.WorkRequest", r)
		c.refused(409, "Conflict", "references the VNIC", "DELETE", coreBase+"/subnets/"+n.workers, nil)
		c.finished(bastionBase, "bastion.WorkRequest", c.send("DELETE", base+"/"+id, nil, nil))
		if got := c.want(200, "GET", base+"/"+id, nil).object(); got["lifecycleState"] != "DELETED" {
			t.Errorf("bastion %v", got)
		}
		c.removeNetwork(n)
		if left := c.srv.Inventory(); len(left) != 0 {
			t.Errorf("left over: %v", left)
		}
	})
}

func TestFlowLogs(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		n := c.network()
		groups := loggingBase + "/logGroups"
		group := c.finished(loggingBase, "logging.WorkRequest", c.send("POST", groups, object{"compartmentId": CompartmentID, "displayName": "flows"}, nil))
		c.conforms("logging.LogGroup", c.want(200, "GET", groups+"/"+group, nil).body)
		c.refused(409, "Conflict", "has the name", "POST", groups, object{"compartmentId": CompartmentID, "displayName": "flows"})
		logs := groups + "/" + group + "/logs"
		body := object{"displayName": "workers", "logType": "SERVICE", "configuration": object{"source": object{
			"sourceType": "OCISERVICE", "service": "flowlogs", "category": "all", "resource": n.workers,
		}}}
		c.refused(400, "InvalidParameter", "retentionDuration", "POST", logs, changed(body, 31, "retentionDuration"))
		c.refused(400, "InvalidParameter", "no OCID of a subnet", "POST", logs, changed(body, n.vcn, "configuration", "source", "resource"))
		id := c.finished(loggingBase, "logging.WorkRequest", c.send("POST", logs, body, nil))
		c.refused(409, "Conflict", "has the flow log", "POST", logs, changed(body, "again", "displayName"))
		log := c.want(200, "GET", logs+"/"+id, nil).object()
		c.conforms("logging.Log", log)
		if log["lifecycleState"] != "ACTIVE" || log["isEnabled"] != true || num(log, "retentionDuration") != 30 {
			t.Errorf("log %v", log)
		}
		if got := c.want(200, "GET", logs, nil).list(); len(got) != 1 {
			t.Errorf("logs of the group: %v", got)
		}
		c.finished(loggingBase, "logging.WorkRequest", c.send("PUT", logs+"/"+id, object{"isEnabled": false}, nil))
		if log := c.want(200, "GET", logs+"/"+id, nil).object(); log["isEnabled"] != false || str(log, "configuration", "source", "resource") != n.workers {
			t.Errorf("log after its change: %v", log)
		}
		c.refused(409, "Conflict", "holds the log", "DELETE", groups+"/"+group, nil)
		c.finished(loggingBase, "logging.WorkRequest", c.send("DELETE", logs+"/"+id, nil, nil))
		c.refused(404, "NotAuthorizedOrNotFound", id, "GET", logs+"/"+id, nil)
		c.finished(loggingBase, "logging.WorkRequest", c.send("DELETE", groups+"/"+group, nil, nil))
		c.removeNetwork(n)
		if left := c.srv.Inventory(); len(left) != 0 {
			t.Errorf("left over: %v", left)
		}
	})
}

func TestBucketsAndObjects(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		if got := c.want(200, "GET", "/n", nil).body; got != Namespace {
			t.Errorf("namespace %v", got)
		}
		base := "/n/" + Namespace + "/b"
		body := object{"compartmentId": CompartmentID, "name": "backups"}
		c.conforms("objectstorage.Bucket", c.want(200, "POST", base, body).body)
		c.refused(409, "BucketAlreadyExists", "backups", "POST", base, body)
		c.refused(400, "InvalidBucketName", "name", "POST", base, changed(body, "a b", "name"))
		c.refused(404, "BucketNotFound", "other", "GET", base+"/other", nil)
		c.refused(404, "NamespaceNotFound", "elsewhere", "GET", "/n/elsewhere/b/backups", nil)
		updated := c.want(200, "POST", base+"/backups", object{"freeformTags": object{"a": "b"}, "versioning": "Enabled"}).object()
		c.conforms("objectstorage.Bucket", updated)
		if str(updated, "freeformTags", "a") != "b" {
			t.Errorf("bucket %v", updated)
		}
		if got := c.want(200, "GET", base+"/backups/retentionRules", nil).object(); len(got) != 1 {
			t.Errorf("retention rules %v", got)
		}
		if got := c.want(200, "GET", base+"?compartmentId="+CompartmentID, nil).list(); len(got) != 1 {
			t.Errorf("buckets %v", got)
		}

		put := func(name, content, md5 string) int {
			r := httptest.NewRequest("PUT", base+"/backups/o/"+name, strings.NewReader(content))
			r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
			r.Header.Set("Content-Type", "text/plain")
			if md5 != "" {
				r.Header.Set("Content-MD5", md5)
			}
			if err := c.signer.Sign(r); err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			c.srv.ServeHTTP(w, r)
			return w.Code
		}
		for i := range 3 {
			if got := put(fmt.Sprintf("daily/%d.gz", i), strings.Repeat("x", i), ""); got != 200 {
				t.Fatalf("put %d: %d", i, got)
			}
		}
		if got := put("bad", "x", "AAAA"); got != 400 {
			t.Errorf("content with another MD5: %d", got)
		}
		if got := c.want(200, "GET", base+"/backups/o/daily/2.gz", nil); string(got.raw) != "xx" || got.header.Get("content-type") != "text/plain" {
			t.Errorf("object %q %v", got.raw, got.header)
		}
		listed := c.want(200, "GET", base+"/backups/o?prefix=daily/&limit=2", nil).object()
		c.conforms("objectstorage.ListObjects", listed)
		if len(list(listed, "objects")) != 2 || listed["nextStartWith"] != "daily/2.gz" {
			t.Errorf("list %v", listed)
		}
		if got := c.want(200, "GET", base+"/backups/o?delimiter=/", nil).object(); fmt.Sprint(got["prefixes"]) != "[daily/]" || len(list(got, "objects")) != 0 {
			t.Errorf("list by delimiter %v", got)
		}
		c.refused(409, "BucketNotEmpty", "backups", "DELETE", base+"/backups", nil)
		for i := range 3 {
			c.want(204, "DELETE", base+fmt.Sprintf("/backups/o/daily/%d.gz", i), nil)
		}
		c.refused(404, "ObjectNotFound", "daily/0.gz", "GET", base+"/backups/o/daily/0.gz", nil)
		c.want(204, "DELETE", base+"/backups", nil)
		c.refused(404, "BucketNotFound", "backups", "GET", base+"/backups", nil)
		if left := c.srv.Inventory(); len(left) != 0 {
			t.Errorf("left over: %v", left)
		}
	})
}

func TestIdentity(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		for path, model := range map[string]string{
			"/availabilityDomains?compartmentId=" + TenancyID:                                                      "identity.AvailabilityDomain",
			"/faultDomains?compartmentId=" + CompartmentID + "&availabilityDomain=" + AvailabilityDomains[2]:       "identity.FaultDomain",
			"/compartments?compartmentId=" + TenancyID + "&compartmentIdInSubtree=true&name=" + CompartmentName:    "identity.Compartment",
			"/tenancies/" + TenancyID + "/regionSubscriptions":                                                     "identity.RegionSubscription",
			"/images?compartmentId=" + CompartmentID + "&operatingSystem=Oracle%20Linux&shape=VM.Standard.A1.Flex": "core.Image",
			"/shapes?compartmentId=" + CompartmentID:                                                               "core.Shape",
			"/services":                                                                                            "core.Service",
		} {
			items := c.want(200, "GET", coreBase+path, nil).list()
			if len(items) == 0 {
				t.Errorf("%s: empty", path)
			}
			for _, item := range items {
				c.conforms(model, item)
			}
		}
		c.conforms("identity.Tenancy", c.want(200, "GET", coreBase+"/tenancies/"+TenancyID, nil).body)
		c.conforms("containerengine.NodePoolOptions", c.want(200, "GET", okeBase+"/nodePoolOptions/all", nil).body)
		few := c.want(200, "GET", okeBase+"/nodePoolOptions/all?nodePoolOsArch=AARCH64&nodePoolK8sVersion=v1.35.4", nil).object()
		if sources := objects(few, "sources"); len(sources) != 1 || sources[0]["imageId"] != imageFor("v1.35.4", true) || len(list(few, "shapes")) != 2 {
			t.Errorf("options for one version and architecture: %v", few)
		}
		c.conforms("containerengine.ClusterOptions", c.want(200, "GET", okeBase+"/clusterOptions/all", nil).body)
		c.refused(400, "InvalidParameter", "availabilityDomain", "GET", coreBase+"/faultDomains?compartmentId="+TenancyID+"&availabilityDomain=AD-1", nil)

		policy := object{"name": "backup", "description": "d", "statements": []any{"Allow dynamic-group backup to manage objects in compartment x"}}
		id := str(c.create("policies", clone(policy).(object)), "id")
		policy["compartmentId"] = CompartmentID
		c.refused(409, "NotAuthorizedOrResourceAlreadyExists", "backup", "POST", coreBase+"/policies", policy)
		c.refused(400, "InvalidParameter", "No permissions found", "POST", coreBase+"/policies", changed(changed(policy, "other", "name"), []any{"Let me in"}, "statements"))
		first := c.want(200, "GET", coreBase+"/policies/"+id, nil).header.Get("etag")
		if again := c.want(200, "GET", coreBase+"/policies/"+id, nil).header.Get("etag"); again != first {
			t.Errorf("the etag changed from %s to %s", first, again)
		}
		c.remove("policies", id)
		group := c.create("dynamicGroups", object{"compartmentId": TenancyID, "name": "nodes", "description": "d", "matchingRule": "ALL {instance.compartment.id = 'x'}"})
		c.remove("dynamicGroups", str(group, "id"))
	})
}

func TestAddons(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		n := c.network()
		body := clusterBody(n)
		basic := c.succeeded(c.send("POST", okeBase+"/clusters", body, nil))
		c.refused(400, "InvalidParameter", "enhanced", "POST", okeBase+"/clusters/"+basic+"/addons", object{"addonName": "CertManager"})
		c.succeeded(c.send("PUT", okeBase+"/clusters/"+basic, object{"type": "ENHANCED_CLUSTER"}, nil))
		c.refused(400, "InvalidParameter", "cannot become a basic one", "PUT", okeBase+"/clusters/"+basic, object{"type": "BASIC_CLUSTER"})
		path := okeBase + "/clusters/" + basic + "/addons"
		c.refused(400, "InvalidParameter", "must be one of", "POST", path, object{"addonName": "Nothing"})
		c.succeeded(c.send("POST", path, object{"addonName": "CertManager", "configurations": []any{object{"key": "numOfReplicas", "value": "1"}}}, nil))
		addon := c.want(200, "GET", path+"/CertManager", nil).object()
		c.conforms("containerengine.Addon", addon)
		if addon["lifecycleState"] != "ACTIVE" {
			t.Errorf("add-on %v", addon)
		}
		c.refused(409, "Conflict", "is installed", "POST", path, object{"addonName": "CertManager"})
		c.succeeded(c.send("PUT", path+"/CertManager", object{"configurations": []any{}}, nil))
		c.succeeded(c.send("DELETE", path+"/CertManager?isRemoveExistingAddOn=true", nil, nil))
		c.refused(404, "NotAuthorizedOrNotFound", "CertManager", "GET", path+"/CertManager", nil)
	})
}

func TestVCNNativePods(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		n := c.network()
		pods := str(c.create("subnets", object{"vcnId": n.vcn, "cidrBlock": "10.0.64.0/19", "prohibitPublicIpOnVnic": true}), "id")
		body := changed(clusterBody(n), []any{object{"cniType": "OCI_VCN_IP_NATIVE"}}, "clusterPodNetworkOptions")
		cluster := c.succeeded(c.send("POST", okeBase+"/clusters", body, nil))
		pool := poolBody(n, cluster, 2)
		native := object{"cniType": "OCI_VCN_IP_NATIVE", "podSubnetIds": []any{pods}}
		c.refused(400, "InvalidParameter", "from 1 to 110", "POST", okeBase+"/nodePools",
			changed(pool, changed(native, 111, "maxPodsPerNode"), "nodeConfigDetails", "nodePoolPodNetworkOptionDetails"))
		c.refused(400, "MissingParameter", "podSubnetIds", "POST", okeBase+"/nodePools",
			changed(pool, object{"cniType": "OCI_VCN_IP_NATIVE"}, "nodeConfigDetails", "nodePoolPodNetworkOptionDetails"))
		id := c.succeeded(c.send("POST", okeBase+"/nodePools", changed(pool, native, "nodeConfigDetails", "nodePoolPodNetworkOptionDetails"), nil))
		got := c.want(200, "GET", okeBase+"/nodePools/"+id, nil).object()
		c.conforms("containerengine.NodePool", got)
		node := str(objects(got, "nodes")[0], "id")
		vnics := c.want(200, "GET", coreBase+"/vnicAttachments?compartmentId="+CompartmentID+"&instanceId="+node, nil).list()
		if len(vnics) != 2 {
			t.Errorf("VNICs of a node: %v", vnics)
		}
		c.refused(409, "Conflict", "references the VNIC", "DELETE", coreBase+"/subnets/"+pods, nil)
	})
}
