package loadbalancer_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func lbBody(n ocitest.Network) engine.Doc {
	return engine.Doc{
		"compartmentId": oci.CompartmentID, "displayName": "guestbook", "shapeName": "flexible", "subnetIds": []any{n.LBs},
		"shapeDetails": engine.Doc{"minimumBandwidthInMbps": 10, "maximumBandwidthInMbps": 10},
		"backendSets": engine.Doc{"TCP-80": engine.Doc{
			"policy": "ROUND_ROBIN", "healthChecker": engine.Doc{"protocol": "HTTP", "port": 10256, "urlPath": "/healthz"},
			"backends": []any{engine.Doc{"ipAddress": "10.0.16.2", "port": 30080}},
		}},
		"listeners": engine.Doc{"TCP-80": engine.Doc{"defaultBackendSetName": "TCP-80", "port": 80, "protocol": "TCP"}},
	}
}

// finish waits for a load balancer's work request to succeed, and returns it.
func finish(c *ocitest.Cloud, r ocitest.Reply) engine.Doc {
	c.T.Helper()
	if r.Status != http.StatusNoContent {
		c.T.Fatalf("%d %s", r.Status, r.Raw)
	}
	for range 300 {
		wr := c.Get(ocitest.LB + "/loadBalancerWorkRequests/" + r.Header.Get("opc-work-request-id"))
		c.Conforms("loadbalancer.WorkRequest", wr)
		if state := wr["lifecycleState"]; state == "SUCCEEDED" || state == "FAILED" {
			return wr
		}
		time.Sleep(time.Second)
	}
	c.T.Fatal("the work request does not end")
	return nil
}

func TestLoadBalancerLife(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		base := ocitest.LB + "/loadBalancers"
		id := finish(c, c.Send("POST", base, lbBody(n), nil)).Str("loadBalancerId")
		get := func() engine.Doc {
			lb := c.Get(base + "/" + id)
			c.Conforms("loadbalancer.LoadBalancer", lb)
			return lb
		}
		lb := get()
		if lb["lifecycleState"] != "ACTIVE" || !lb.Objects("ipAddresses")[0].Flag("isPublic") {
			t.Errorf("load balancer %v", lb)
		}
		c.Refused(409, "Conflict", "references the VNIC", "DELETE", ocitest.Core+"/subnets/"+n.LBs, nil)

		r := c.Send("PUT", base+"/"+id+"/backendSets/TCP-80", engine.Doc{
			"policy": "ROUND_ROBIN", "healthChecker": engine.Doc{"protocol": "TCP"}, "backends": []any{
				engine.Doc{"ipAddress": "10.0.16.2", "port": 30080}, engine.Doc{"ipAddress": "10.0.16.3", "port": 30080},
			},
		}, nil)
		c.Refused(409, "Conflict", "work request in progress", "DELETE", base+"/"+id, nil)
		finish(c, r)
		if got := get().Objects("backendSets", "TCP-80", "backends"); len(got) != 2 || got[1]["name"] != "10.0.16.3:30080" {
			t.Errorf("backends %v", got)
		}
		tooMany := make([]any, 513)
		for i := range tooMany {
			tooMany[i] = engine.Doc{"ipAddress": "10.0.16.2", "port": 30080 + i}
		}
		c.Refused(400, "InvalidParameter", "513 are more than the 512", "PUT", base+"/"+id+"/backendSets/TCP-80",
			engine.Doc{"policy": "ROUND_ROBIN", "healthChecker": engine.Doc{"protocol": "TCP"}, "backends": tooMany})
		finish(c, c.Send("DELETE", base+"/"+id+"/backendSets/TCP-80/backends/10.0.16.2:30080", nil, nil))
		c.Refused(400, "InvalidParameter", "default backend set", "DELETE", base+"/"+id+"/backendSets/TCP-80", nil)
		finish(c, c.Send("POST", base+"/"+id+"/listeners",
			engine.Doc{"name": "TCP-443", "defaultBackendSetName": "TCP-80", "port": 443, "protocol": "TCP"}, nil))
		c.Refused(400, "InvalidParameter", "same port", "POST", base+"/"+id+"/listeners",
			engine.Doc{"name": "x", "defaultBackendSetName": "TCP-80", "port": 443, "protocol": "HTTP"})
		finish(c, c.Send("PUT", base+"/"+id+"/updateShape",
			engine.Doc{"shapeName": "flexible", "shapeDetails": engine.Doc{
				"minimumBandwidthInMbps": 10,
				"maximumBandwidthInMbps": 100,
			}}, nil))
		finish(c, c.Send("PUT", base+"/"+id, engine.Doc{"freeformTags": engine.Doc{"a": "b"}}, nil))
		if got := get()["requestIdHeader"]; got != "X-Request-Id" {
			t.Errorf("default header of request ids: %v", got)
		}
		finish(c, c.Send("PUT", base+"/"+id, engine.Doc{"isRequestIdEnabled": true, "requestIdHeader": "X-My-Id"}, nil))
		if got := get()["requestIdHeader"]; got != "X-My-Id" {
			t.Errorf("header of request ids: %v", got)
		}
		c.Refused(400, "InvalidParameter", "X-", "PUT", base+"/"+id, engine.Doc{"requestIdHeader": "My-Id"})
		finish(c, c.Send("PUT", base+"/"+id, engine.Doc{"requestIdHeader": ""}, nil))
		if got := get()["requestIdHeader"]; got != "X-Request-Id" {
			t.Errorf("header of request ids after it was set to empty: %v", got)
		}
		finish(c, c.Send("POST", base+"/"+id+"/certificates", engine.Doc{
			"certificateName": "page", "publicCertificate": "PEM", "caCertificate": "CA", "privateKey": "secret",
		}, nil))
		for _, got := range []engine.Doc{get().Sub("certificates", "page"), c.GetList(base + "/" + id + "/certificates")[0]} {
			c.Conforms("loadbalancer.Certificate", got)
			if got["publicCertificate"] != "PEM" || got["caCertificate"] != "CA" {
				t.Errorf("certificate %v", got)
			}
		}
		finish(c, c.Send("POST", base+"/"+id+"/listeners", engine.Doc{
			"name": "secure", "port": 8443, "protocol": "HTTP", "defaultBackendSetName": "TCP-80",
			"sslConfiguration": engine.Doc{"certificateName": "page"},
		}, nil))
		checkDescribed(t, c.Server.LoadBalancers())
		finish(c, c.Send("DELETE", base+"/"+id+"/listeners/secure", nil, nil))
		nsg := c.Create("networkSecurityGroups", engine.Doc{"vcnId": n.Vcn}).Str("id")
		finish(c, c.Send("PUT", base+"/"+id+"/networkSecurityGroups", engine.Doc{"networkSecurityGroupIds": []any{nsg}}, nil))
		lb = get()
		if lb.Num("shapeDetails", "maximumBandwidthInMbps") != 100 || lb.Str("freeformTags",
			"a") != "b" || len(lb.Sub("listeners")) != 2 || lb.Texts("networkSecurityGroupIds")[0] != nsg {
			t.Errorf("after the changes: %v", lb)
		}
		c.Refused(409, "Conflict", "references the VNIC", "DELETE", ocitest.Core+"/networkSecurityGroups/"+nsg, nil)
		c.Conforms("loadbalancer.LoadBalancerHealth", c.Want(http.StatusOK, "GET", base+"/"+id+"/health", nil).Body)

		finish(c, c.Send("DELETE", base+"/"+id, nil, nil))
		if got := get()["lifecycleState"]; got != "DELETED" {
			t.Errorf("load balancer is %v", got)
		}
		c.Remove("networkSecurityGroups", nsg)
		c.RemoveNetwork(n)
		c.NothingLeft()
	})
}

func TestPrivateLoadBalancerHasSubnetAddress(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		body := lbBody(n)
		body["subnetIds"] = []any{n.Workers}
		c.Refused(400, "InvalidParameter", "cannot hold a public load balancer", "POST", ocitest.LB+"/loadBalancers", body)
		body["isPrivate"] = true
		id := finish(c, c.Send("POST", ocitest.LB+"/loadBalancers", body, nil)).Str("loadBalancerId")
		got := c.Get(ocitest.LB + "/loadBalancers/" + id).Objects("ipAddresses")[0]
		if got["ipAddress"] != "10.0.16.2" || got.Flag("isPublic") {
			t.Errorf("address %v", got)
		}
	})
}

func TestReservedAddressOutlivesItsLoadBalancer(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		ip := c.Create("publicIps", engine.Doc{"lifetime": "RESERVED"})
		body := lbBody(n)
		body["reservedIps"] = []any{engine.Doc{"id": ip["id"]}}
		id := finish(c, c.Send("POST", ocitest.LB+"/loadBalancers", body, nil)).Str("loadBalancerId")
		if got := c.Get(ocitest.LB + "/loadBalancers/" + id).Objects("ipAddresses")[0]; got["ipAddress"] != ip["ipAddress"] {
			t.Errorf("address %v, want %v", got, ip["ipAddress"])
		}
		c.Refused(409, "Conflict", "is assigned to", "POST", ocitest.LB+"/loadBalancers", body)
		finish(c, c.Send("DELETE", ocitest.LB+"/loadBalancers/"+id, nil, nil))
		if got := c.Get(ocitest.Core + "/publicIps/" + ip.Str("id")); got["lifecycleState"] != "AVAILABLE" {
			t.Errorf("address is %v", got)
		}
	})
}

// checkDescribed checks what carries a load balancer's traffic, the certificate's private key included.
func checkDescribed(t *testing.T, all []cloud.LoadBalancer) {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("%d load balancers are described", len(all))
	}
	lb := all[0]
	if len(lb.Addresses) == 0 || !lb.PublicIP.IsValid() || lb.Private {
		t.Errorf("addresses %v, public %v", lb.Addresses, lb.PublicIP)
	}
	i := slices.IndexFunc(lb.Listeners, func(l cloud.Listener) bool { return l.Name == "secure" })
	if i < 0 {
		t.Fatalf("listeners %+v", lb.Listeners)
	}
	l := lb.Listeners[i]
	if l.Port != 8443 || l.IdleSeconds != 60 || l.TLS == nil ||
		l.TLS.PrivateKeyPEM != "secret" || l.TLS.CertificatePEM != "PEM" {
		t.Errorf("listener %+v with TLS %+v", l, l.TLS)
	}
	if set, ok := lb.BackendSets[l.BackendSet]; !ok || set.Health.Retries == 0 || set.Policy == "" {
		t.Errorf("backend set %+v", set)
	}
}
