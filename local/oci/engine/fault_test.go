package engine_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestFaults(t *testing.T) {
	ocitest.Run(t, oci.Config{ControlPlane: ocitest.NewControlPlane()}, func(c *ocitest.Cloud) {
		admin := func(method, path string, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.RemoteAddr = "127.0.0.1:1000"
			w := httptest.NewRecorder()
			c.Server.ServeHTTP(w, r)
			return w
		}
		if w := admin("POST", "/admin/faults",
			`{"method":"POST","path":"/20160918/vcns","status":500,"code":"InternalError","message":"Out of host capacity.",
			"count":2}`); w.Code != 204 {
			t.Fatal(w.Body)
		}
		for i, want := range []int{500, 500, 200} {
			if got := c.Send("POST", ocitest.Core+"/vcns", vcnBody, nil).Status; got != want {
				t.Errorf("request %d: %d, want %d", i, got, want)
			}
		}
		for _, bad := range []string{`{"status":200}`, `{"stat":1}`, `{"path":"["}`, `{"probability":2}`} {
			if w := admin("POST", "/admin/faults", bad); w.Code != 400 {
				t.Errorf("%s: %d, want 400", bad, w.Code)
			}
		}
		admin("POST", "/admin/faults", `{"path":"/20160918/*","latencyMs":1500}`)
		began := time.Now()
		c.Want(200, "GET", ocitest.Core+"/vcns?compartmentId="+oci.CompartmentID, nil)
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("latency %s", took)
		}
		admin("DELETE", "/admin/faults", "")
		r := httptest.NewRequest("GET", "/admin/inventory", nil)
		r.RemoteAddr = "10.1.2.3:1000"
		w := httptest.NewRecorder()
		if c.Server.ServeHTTP(w, r); w.Code != 403 {
			t.Errorf("admin path from elsewhere: %d", w.Code)
		}

		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		admin("POST", "/admin/faults",
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
		// The next update makes up for what is missing.
		c.Succeeded(c.Send("PUT", ocitest.OKE+"/nodePools/"+pool, engine.Doc{"freeformTags": engine.Doc{}}, nil))
		if got := len(c.Get(ocitest.OKE + "/nodePools/" + pool).List("nodes")); got != 3 {
			t.Errorf("%d nodes, want 3", got)
		}
		admin("POST", "/admin/faults", `{"workRequest":"CLUSTER_DELETE","message":"try later","count":1}`)
		if wr := c.WorkRequest(c.Send("DELETE", ocitest.OKE+"/clusters/"+cluster, nil, nil)); wr["status"] != "FAILED" {
			t.Errorf("work request %v", wr)
		}
		c.Succeeded(c.Send("DELETE", ocitest.OKE+"/clusters/"+cluster, nil, nil))
	})
}
