package loadbalancer_test

import (
	"fmt"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestMeasuredHealth(t *testing.T) {
	for _, test := range []struct {
		results      []string // of the backends' last checks; empty: not measured
		set, lb      string
		critical     int
		unknown      int
		firstBackend string
	}{
		{[]string{"OK", "OK"}, "OK", "OK", 0, 0, "OK"},
		{[]string{"OK", "CONNECT_FAILED"}, "WARNING", "WARNING", 1, 0, "OK"},
		{[]string{"OK", ""}, "WARNING", "WARNING", 0, 1, "OK"},
		{[]string{"TIMED_OUT", "OK", "REGEX_MISMATCH"}, "CRITICAL", "CRITICAL", 2, 0, "CRITICAL"},
		{[]string{"INVALID_STATUS_CODE", ""}, "CRITICAL", "CRITICAL", 1, 1, "CRITICAL"},
		{[]string{"", "", "OK"}, "UNKNOWN", "UNKNOWN", 0, 2, "UNKNOWN"},
		{nil, "UNKNOWN", "UNKNOWN", 0, 0, ""},
	} {
		t.Run(fmt.Sprint(test.results), func(t *testing.T) {
			measured := map[string]cloud.BackendHealth{}
			config := oci.Config{BackendHealth: func(_, set string) map[string]cloud.BackendHealth {
				if set != "TCP-80" {
					t.Errorf("health of the backend set %q", set)
				}
				return measured
			}}
			ocitest.Run(t, config, func(c *ocitest.Cloud) {
				n := c.Network()
				body := lbBody(n)
				backends := []any{}
				for i, result := range test.results {
					backends = append(backends, engine.Doc{"ipAddress": fmt.Sprint("10.0.16.", i+2), "port": 30080})
					if result != "" {
						measured[fmt.Sprintf("10.0.16.%d:30080", i+2)] = cloud.BackendHealth{Result: result, At: time.Now()}
					}
				}
				body.Sub("backendSets", "TCP-80")["backends"] = backends
				id := finish(c, c.Send("POST", ocitest.LB+"/loadBalancers", body, nil)).Str("loadBalancerId")
				path := ocitest.LB + "/loadBalancers/" + id
				read := func(model, path string) engine.Doc {
					got := c.Get(path)
					c.Conforms(model, got)
					return got
				}
				if got := read("loadbalancer.LoadBalancerHealth", path+"/health"); got["status"] != test.lb {
					t.Errorf("load balancer %v, want %s", got, test.lb)
				}
				set := read("loadbalancer.BackendSetHealth", path+"/backendSets/TCP-80/health")
				if set["status"] != test.set || len(set.List("criticalStateBackendNames")) != test.critical ||
					len(set.List("unknownStateBackendNames")) != test.unknown {
					t.Errorf("backend set %v, want %+v", set, test)
				}
				if len(test.results) == 0 {
					return
				}
				backend := read("loadbalancer.BackendHealth", path+"/backendSets/TCP-80/backends/10.0.16.2:30080/health")
				if backend["status"] != test.firstBackend {
					t.Errorf("backend %v, want %s", backend, test.firstBackend)
				}
				for _, result := range backend.Objects("healthCheckResults") {
					if result["healthCheckStatus"] != test.results[0] || result["subnetId"] != n.LBs {
						t.Errorf("result %v, want %s", result, test.results[0])
					}
				}
			})
		})
	}
}

// Without a listener, nothing tells whether a backend set can serve.
func TestHealthOfSetWithoutListener(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		body := lbBody(c.Network())
		body.Sub("backendSets")["spare"] = body.Sub("backendSets", "TCP-80").Clone()
		id := finish(c, c.Send("POST", ocitest.LB+"/loadBalancers", body, nil)).Str("loadBalancerId")
		got := c.Get(ocitest.LB + "/loadBalancers/" + id + "/health")
		if got["status"] != "OK" || len(got.List("unknownStateBackendSetNames")) != 1 {
			t.Errorf("health %v, want OK with one unknown backend set", got)
		}
	})
}
