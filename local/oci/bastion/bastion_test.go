package bastion_test

import (
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestBastionLife(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		base := ocitest.Bastion + "/bastions"
		body := engine.Doc{
			"compartmentId": oci.CompartmentID, "name": "guestbook", "bastionType": "STANDARD",
			"targetSubnetId": n.Workers, "clientCidrBlockAllowList": []any{"198.51.100.0/24"},
		}
		c.Refused(400, "InvalidParameter", "does not match network IP", "POST", base,
			ocitest.Changed(body, "clientCidrBlockAllowList", []any{"198.51.100.1/24"}))
		c.Refused(400, "InvalidParameter", "1800", "POST", base, ocitest.Changed(body, "maxSessionTtlInSeconds", 60))
		c.Refused(400, "RelatedResourceNotAuthorizedOrNotFound", "targetSubnetId", "POST", base,
			ocitest.Changed(body, "targetSubnetId", "ocid1.subnet.oc1.iad.none"))
		id := c.Finished(ocitest.Bastion, "bastion.WorkRequest", c.Send("POST", base, body, nil))
		if doc := c.Get(base + "/" + id); doc.Sub("systemTags") == nil {
			t.Errorf("no systemTags in %v: the official provider takes that for a change", doc)
		}
		got := c.Get(base + "/" + id)
		c.Conforms("bastion.Bastion", got)
		if got["lifecycleState"] != "ACTIVE" || got["privateEndpointIpAddress"] != "10.0.16.2" ||
			got["targetVcnId"] != n.Vcn {
			t.Errorf("bastion %v", got)
		}
		for _, item := range c.GetList(base + "?compartmentId=" + oci.CompartmentID) {
			c.Conforms("bastion.BastionSummary", item)
		}
		for query, want := range map[string]int{
			"bastionLifecycleState=ACTIVE": 1, "bastionLifecycleState=DELETED": 0, "bastionId=" + id: 1, "bastionId=other": 0,
		} {
			if got := c.GetList(base + "?compartmentId=" + oci.CompartmentID + "&" + query); len(got) != want {
				t.Errorf("bastions with %s: %d, want %d", query, len(got), want)
			}
		}
		addresses := c.GetList(ocitest.Core + "/privateIps?ipState=ASSIGNED&lifetime=EPHEMERAL&subnetId=" + n.Workers)
		if len(addresses) != 1 || addresses[0]["ipAddress"] != got["privateEndpointIpAddress"] {
			t.Errorf("private IPs %v", addresses)
		}
		r := c.Send("PUT", base+"/"+id, engine.Doc{"clientCidrBlockAllowList": []any{"203.0.113.0/24"}}, nil)
		c.Refused(409, "Conflict", "work request in progress", "DELETE", base+"/"+id, nil)
		c.Finished(ocitest.Bastion, "bastion.WorkRequest", r)
		c.Refused(409, "Conflict", "references the VNIC", "DELETE", ocitest.Core+"/subnets/"+n.Workers, nil)
		c.Finished(ocitest.Bastion, "bastion.WorkRequest", c.Send("DELETE", base+"/"+id, nil, nil))
		if got := c.Get(base + "/" + id); got["lifecycleState"] != "DELETED" {
			t.Errorf("bastion %v", got)
		}
		c.RemoveNetwork(n)
		c.NothingLeft()
	})
}

func TestBastionThatFails(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		if err := c.Server.Inject(oci.Fault{WorkRequest: "CREATE_BASTION", Message: "no room", Count: 1}); err != nil {
			t.Fatal(err)
		}
		base := ocitest.Bastion + "/bastions"
		r := c.Send("POST", base, engine.Doc{
			"compartmentId": oci.CompartmentID, "name": "guestbook", "bastionType": "STANDARD", "targetSubnetId": n.Workers,
		}, nil)
		c.Sleep(2 * time.Minute)
		if got := c.Get(base + "/" + r.Object().Str("id")); got["lifecycleState"] != "FAILED" {
			t.Errorf("bastion %v, want FAILED", got)
		}
		work := ocitest.Bastion + "/workRequests/" + r.Work()
		if got := c.Get(work); got["status"] != "FAILED" {
			t.Errorf("work request %v, want FAILED", got)
		}
		if errs := c.GetList(work + "/errors"); len(errs) != 1 || errs[0]["message"] != "no room" {
			t.Errorf("errors %v", errs)
		}
	})
}
