package networkloadbalancer_test

import (
	"net/http"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

const all = ocitest.NLB + "/networkLoadBalancers"

// nlbBody is the body of a network load balancer as OKE's cloud controller sends it.
func nlbBody(n ocitest.Network) engine.Doc {
	return engine.Doc{
		"compartmentId": oci.CompartmentID, "displayName": "guestbook", "subnetId": n.LBs, "isPrivate": false,
		"backendSets": engine.Doc{"TCP-80": engine.Doc{
			"policy": "FIVE_TUPLE", "isPreserveSource": false,
			"healthChecker": engine.Doc{"protocol": "HTTP", "port": 31000, "urlPath": "/healthz", "returnCode": 200},
			"backends": []any{engine.Doc{
				"ipAddress": "10.0.16.2", "targetId": "ocid1.instance.oc1.iad.a", "port": 30080, "weight": 1,
			}},
		}},
		"listeners": engine.Doc{"TCP-80": engine.Doc{
			"name": "TCP-80", "defaultBackendSetName": "TCP-80", "port": 80, "protocol": "TCP", "isPpv2Enabled": true,
		}},
	}
}

func create(c *ocitest.Cloud, body engine.Doc) string {
	c.T.Helper()
	return finish(c, c.Send("POST", all, body, nil))
}

func finish(c *ocitest.Cloud, r ocitest.Reply) string {
	c.T.Helper()
	return c.Finished(ocitest.NLB, "networkloadbalancer.WorkRequest", r)
}

func TestLife(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		id := create(c, nlbBody(n))
		get := func() engine.Doc { return c.Get(all + "/" + id) }
		nlb := get()
		c.Conforms("networkloadbalancer.NetworkLoadBalancer", nlb)
		addresses := nlb.Objects("ipAddresses")
		if len(addresses) != 2 || addresses[0].Flag("isPublic") || !addresses[1].Flag("isPublic") {
			t.Errorf("addresses %v, want the private and the public one", addresses)
		}
		listed := c.Get(all + "?compartmentId=" + oci.CompartmentID + "&displayName=guestbook")
		c.Conforms("networkloadbalancer.NetworkLoadBalancerCollection", listed)
		if items := listed.Objects("items"); len(items) != 1 || items[0].Str("id") != id {
			t.Errorf("list %v", listed)
		}
		checkDescribed(t, c.Server.LoadBalancers())
		changeParts(c, id)
		nsg := c.Create("networkSecurityGroups", engine.Doc{"vcnId": n.Vcn}).Str("id")
		finish(c, c.Send("PUT", all+"/"+id+"/networkSecurityGroups", engine.Doc{"networkSecurityGroupIds": []any{nsg}}, nil))
		finish(c, c.Send("PUT", all+"/"+id, engine.Doc{"freeformTags": engine.Doc{"a": "b"}}, nil))
		if nlb := get(); nlb.Texts("networkSecurityGroupIds")[0] != nsg || nlb.Str("freeformTags", "a") != "b" {
			t.Errorf("after the changes: %v", nlb)
		}
		c.Refused(409, "Conflict", "references the VNIC", "DELETE", ocitest.Core+"/subnets/"+n.LBs, nil)
		finish(c, c.Send("DELETE", all+"/"+id, nil, nil))
		if got := get()["lifecycleState"]; got != "DELETED" {
			t.Errorf("network load balancer is %v", got)
		}
		c.Remove("networkSecurityGroups", nsg)
		c.RemoveNetwork(n)
		c.NothingLeft()
	})
}

// changeParts changes the listeners and backend sets of a network load balancer.
func changeParts(c *ocitest.Cloud, id string) {
	t, path := c.T, all+"/"+id
	// An update keeps what it does not name.
	finish(c, c.Send("PUT", path+"/backendSets/TCP-80", engine.Doc{"policy": "TWO_TUPLE"}, nil))
	if set := c.Get(path + "/backendSets/TCP-80"); set["policy"] != "TWO_TUPLE" || set.Flag("isPreserveSource") ||
		len(set.List("backends")) != 1 {
		t.Errorf("backend set %v", set)
	}
	r := c.Send("PUT", path+"/listeners/TCP-80", engine.Doc{"isPpv2Enabled": false}, nil)
	if got := c.Get(path)["lifecycleState"]; got != "UPDATING" {
		t.Errorf("while a listener changes, the network load balancer is %v", got)
	}
	c.Refused(409, "Conflict", "work request in progress", "DELETE", path+"/listeners/TCP-80", nil)
	finish(c, r)
	if l := c.Get(path + "/listeners/TCP-80"); l.Flag("isPpv2Enabled") || l.Num("port") != 80 {
		t.Errorf("listener %v", l)
	}
	backend := engine.Doc{"ipAddress": "10.0.16.3", "port": 30080}
	finish(c, c.Send("POST", path+"/backendSets/TCP-80/backends", backend, nil))
	backends := c.Get(path + "/backendSets/TCP-80/backends")
	c.Conforms("networkloadbalancer.BackendCollection", backends)
	if len(backends.List("items")) != 2 {
		t.Errorf("backends %v", backends)
	}
	finish(c, c.Send("DELETE", path+"/backendSets/TCP-80/backends/10.0.16.3:30080", nil, nil))
	finish(c, c.Send("PUT", path+"/backendSets/TCP-80/healthChecker", engine.Doc{"protocol": "TCP", "port": 30080}, nil))
	if checker := c.Get(path + "/backendSets/TCP-80/healthChecker"); checker["protocol"] != "TCP" {
		t.Errorf("health checker %v", checker)
	}
	c.Refused(400, "InvalidParameter", "which the load balancer lacks", "DELETE", path+"/backendSets/TCP-80", nil)
	for model, path := range map[string]string{
		"BackendSetCollection": path + "/backendSets", "ListenerCollection": path + "/listeners",
		"NetworkLoadBalancerHealth": path + "/health", "BackendSetHealth": path + "/backendSets/TCP-80/health",
		"NetworkLoadBalancerHealthCollection": all + "/health?compartmentId=" + oci.CompartmentID,
		"WorkRequestCollection":               ocitest.NLB + "/workRequests?compartmentId=" + oci.CompartmentID,
	} {
		c.Conforms("networkloadbalancer."+model, c.Get(path))
	}
}

func checkDescribed(t *testing.T, described []cloud.LoadBalancer) {
	t.Helper()
	if len(described) != 1 {
		t.Fatalf("described are %+v", described)
	}
	lb := described[0]
	set := lb.BackendSets["TCP-80"]
	if !lb.Network || !lb.PublicIP.IsValid() || lb.Listeners[0].ProxyProtocol != 2 || set.PreserveSource ||
		set.Policy != "FIVE_TUPLE" || set.Health.Port != 31000 || set.Backends[0].Name != "10.0.16.2:30080" {
		t.Errorf("described is %+v", lb)
	}
}

func TestRefused(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n, group := c.Network(), "ocid1.networksecuritygroup.oc1.iad.a"
		for name, test := range map[string]struct {
			path  string
			value any
			want  string
		}{
			"policy of a load balancer": {"backendSets.TCP-80.policy", "ROUND_ROBIN", "400 InvalidParameter: policy"},
			"listener without a set":    {"listeners.TCP-80.defaultBackendSetName", "other", "400 InvalidParameter: lacks"},
			"port":                      {"listeners.TCP-80.port", 70000, "400 InvalidParameter: port"},
			"UDP":                       {"listeners.TCP-80.protocol", "UDP", "400 NotImplemented: TCP listeners only"},
			"public in private subnet":  {"subnetId", n.Workers, "400 InvalidParameter: cannot hold a public"},
			"unknown group": {
				"networkSecurityGroupIds", []any{group}, "400 RelatedResourceNotAuthorizedOrNotFound: network",
			},
			"public and transparent": {"isPreserveSourceDestination", true, "400 InvalidParameter: only a private"},
			"IPv6":                   {"nlbIpVersion", "IPV4_AND_IPV6", "400 NotImplemented: IPv6"},
		} {
			c.Refuses(name, "POST "+all, ocitest.Changed(nlbBody(n), test.path, test.value), test.want)
		}
	})
}

// A network load balancer whose change failed is FAILED, and can be changed again.
func TestFailedChange(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		id := create(c, nlbBody(c.Network()))
		if err := c.Server.Inject(oci.Fault{WorkRequest: "UPDATE_BACKENDSET", Message: "it failed", Count: 1}); err != nil {
			t.Fatal(err)
		}
		change := func() ocitest.Reply {
			return c.Send("PUT", all+"/"+id+"/backendSets/TCP-80", engine.Doc{"policy": "TWO_TUPLE"}, nil)
		}
		r := change()
		c.Sleep(time.Minute)
		work := c.Get(ocitest.NLB + "/workRequests/" + r.Work())
		if nlb := c.Get(all + "/" + id); nlb["lifecycleState"] != "FAILED" || work["status"] != "FAILED" {
			t.Errorf("network load balancer %v, work request %v", nlb["lifecycleState"], work)
		}
		finish(c, change())
		if nlb := c.Get(all + "/" + id); nlb["lifecycleState"] != "ACTIVE" {
			t.Errorf("network load balancer %v", nlb["lifecycleState"])
		}
	})
}

// A network load balancer whose creation failed has no address, and gets none by a change.
func TestFailedCreation(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		fault := oci.Fault{WorkRequest: "CREATE_NETWORK_LOAD_BALANCER", Message: "it failed", Count: 1}
		if err := c.Server.Inject(fault); err != nil {
			t.Fatal(err)
		}
		n := c.Network()
		c.Send("POST", all, nlbBody(n), nil)
		c.Sleep(time.Minute)
		failed := func() string {
			t.Helper()
			nlb := c.Get(all + "?compartmentId=" + oci.CompartmentID).Objects("items")[0]
			if nlb["lifecycleState"] != "FAILED" || len(nlb.Objects("ipAddresses")) > 0 {
				t.Errorf("network load balancer %v, addresses %v", nlb["lifecycleState"], nlb["ipAddresses"])
			}
			return nlb.Str("id")
		}
		id := failed()
		finish(c, c.Send("PUT", all+"/"+id+"/backendSets/TCP-80", engine.Doc{"policy": "TWO_TUPLE"}, nil))
		failed()
		finish(c, c.Send("DELETE", all+"/"+id, nil, nil))
		c.RemoveNetwork(n)
		c.NothingLeft()
	})
}

func TestReservedAddressAndMeasuredHealth(t *testing.T) {
	measured := map[string]cloud.BackendHealth{"10.0.16.2:30080": {Result: "REGEX_MISMATCH", At: time.Now()}}
	config := oci.Config{BackendHealth: func(_, _ string) map[string]cloud.BackendHealth { return measured }}
	ocitest.Run(t, config, func(c *ocitest.Cloud) {
		ip := c.Create("publicIps", engine.Doc{"lifetime": "RESERVED"})
		body := nlbBody(c.Network())
		body["reservedIps"] = []any{engine.Doc{"id": ip["id"]}}
		id := create(c, body)
		if got := c.Get(all + "/" + id).Objects("ipAddresses")[1]; got["ipAddress"] != ip["ipAddress"] ||
			got.Str("reservedIp", "id") != ip["id"] {
			t.Errorf("address %v, want %v", got, ip)
		}
		health := c.Want(http.StatusOK, "GET", all+"/"+id+"/backendSets/TCP-80/backends/10.0.16.2:30080/health", nil).Object()
		c.Conforms("networkloadbalancer.BackendHealth", health)
		if got := health.Objects("healthCheckResults")[0]; got["healthCheckStatus"] != "HEALTH_PAYLOAD_MISMATCH" {
			t.Errorf("health %v", health)
		}
		finish(c, c.Send("DELETE", all+"/"+id, nil, nil))
		if got := c.Get(ocitest.Core + "/publicIps/" + ip.Str("id")); got["lifecycleState"] != "AVAILABLE" {
			t.Errorf("address is %v", got)
		}
	})
}
