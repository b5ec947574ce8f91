package containerengine_test

import (
	"strings"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestWorkRequestFaults(t *testing.T) {
	ocitest.Run(t, oci.Config{ControlPlane: ocitest.NewControlPlane()}, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		c.Admin("POST", "/admin/faults",
			`{"workRequest":"LAUNCH_INSTANCE","code":"InternalError","message":"Out of host capacity.","count":1}`)
		wr := c.WorkRequest(c.Send("POST", ocitest.OKE+"/nodePools", ocitest.PoolBody(n, cluster, 3), nil))
		errs := c.GetList(ocitest.OKE + "/workRequests/" + wr.Str("id") + "/errors")
		if wr["status"] != "FAILED" || len(errs) != 1 || errs[0].Str("message") != "Out of host capacity." {
			t.Fatalf("work request %v, errors %v", wr, errs)
		}
		c.Conforms("containerengine.WorkRequestError", errs[0])
		pool := wr.Objects("resources")[0].Str("identifier")
		if got := c.Get(ocitest.OKE + "/nodePools/" + pool).Str("lifecycleState"); got != "NEEDS_ATTENTION" {
			t.Errorf("pool is %s", got)
		}
		// The next update launches the missing nodes.
		c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+pool, engine.Doc{"freeformTags": engine.Doc{}}, nil))
		if got := len(c.Get(ocitest.OKE + "/nodePools/" + pool).List("nodes")); got != 3 {
			t.Errorf("%d nodes, want 3", got)
		}
		c.Admin("POST", "/admin/faults", `{"workRequest":"CLUSTER_DELETE","message":"try later","count":1}`)
		if wr := c.WorkRequest(c.Send("DELETE", ocitest.OKE+"/clusters/"+cluster, nil, nil)); wr["status"] != "FAILED" {
			t.Errorf("work request %v", wr)
		}
		c.Succeeded(c.Send("DELETE", ocitest.OKE+"/clusters/"+cluster, nil, nil))
	})
}

// A node beyond the limits of its availability domain is not launched, and leaves nothing behind.
func TestNodesBeyondTheLimitOnCores(t *testing.T) {
	config := oci.Config{ControlPlane: ocitest.NewControlPlane(), Limits: map[string]int{"standard-a1-core-count": 1}}
	ocitest.Run(t, config, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		vnics := len(c.Server.Inventory())
		wr := c.WorkRequest(c.Send("POST", ocitest.OKE+"/nodePools", ocitest.PoolBody(n, cluster, 1), nil))
		errs := c.GetList(ocitest.OKE + "/workRequests/" + wr.Str("id") + "/errors")
		if wr["status"] != "FAILED" || len(errs) != 1 || !strings.Contains(errs[0].Str("message"), "standard-a1-core-count") {
			t.Fatalf("work request %v, errors %v", wr, errs)
		}
		if got := len(c.Server.Inventory()); got != vnics+1 { // the pool
			t.Errorf("%v", c.Server.Inventory())
		}
	})
}
