package vcn_test

import (
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

// attach creates an attachment. Its body names no compartment: the attachment is in the VCN's.
func attach(c *ocitest.Cloud, body engine.Doc) engine.Doc {
	c.T.Helper()
	path := ocitest.Core + "/drgAttachments"
	made := c.Want(200, "POST", path, body).Object()
	c.Sleep(3 * time.Second)
	live := c.Get(path + "/" + made.Str("id"))
	c.Conforms("core.DrgAttachment", live)
	if live.Str("lifecycleState") != "ATTACHED" {
		c.T.Fatalf("attachment: %v", live)
	}
	return live
}

func TestDynamicRoutingGateway(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		drg := c.Create("drgs", engine.Doc{}).Str("id")
		route := engine.Doc{"vcnId": n.Vcn, "routeRules": []any{engine.Doc{
			"destination":     "172.16.0.0/12",
			"networkEntityId": drg,
		}}}
		c.Refused(400, "InvalidParameter", "is not attached to "+n.Vcn, "POST", ocitest.Core+"/routeTables",
			ocitest.Changed(route, "compartmentId", oci.CompartmentID))

		details := engine.Doc{"type": "VCN", "id": n.Vcn}
		attachment := attach(c, engine.Doc{"drgId": drg, "networkDetails": details})
		id := attachment.Str("id")
		if attachment.Str("vcnId") != n.Vcn || attachment.Str("compartmentId") != oci.CompartmentID {
			t.Errorf("attachment: %v", attachment)
		}
		tables := c.GetList(ocitest.Core + "/drgRouteTables?drgId=" + drg)
		if len(tables) != 2 || tables[0].Str("id") == tables[1].Str("id") {
			t.Errorf("route tables of the gateway: %v", tables)
		}
		c.Conforms("core.DrgRouteTable", tables[0])
		c.Refused(404, "NotAuthorizedOrNotFound", "", "GET", ocitest.Core+"/drgRouteTables?drgId="+n.Vcn, nil)
		c.Conforms("core.DrgRedundancyStatus", c.Get(ocitest.Core+"/drgs/"+drg+"/redundancyStatus"))
		removed := c.Want(200, "POST",
			ocitest.Core+"/drgAttachments/"+id+"/actions/removeExportDrgRouteDistribution", nil)
		c.Conforms("core.DrgAttachment", removed.Body)
		if removed.Object()["id"] != id || removed.Header.Get("etag") == "" {
			t.Errorf("without the export distribution: %v %s", removed.Header, removed.Raw)
		}
		list := ocitest.Core + "/drgAttachments?compartmentId=" + oci.CompartmentID + "&drgId=" + drg
		if got := c.GetList(list); len(got) != 1 {
			t.Errorf("attachments of the gateway: %v", got)
		}
		for query, want := range map[string]int{
			"&attachmentType=VCN": 1, "&attachmentType=ALL": 1, "&attachmentType=IPSEC_TUNNEL": 0,
			"&networkId=" + n.Vcn: 1, "&networkId=" + n.API: 0, "&drgRouteTableId=other": 0,
		} {
			if got := c.GetList(list + query); len(got) != want {
				t.Errorf("attachments with %s: %d, want %d", query, len(got), want)
			}
		}
		c.Refused(409, "Conflict", "is attached to "+drg, "POST", ocitest.Core+"/drgAttachments",
			engine.Doc{"drgId": drg, "networkDetails": details})
		c.Refused(409, "Conflict", "is attached to "+drg, "POST", ocitest.Core+"/drgAttachments",
			engine.Doc{"drgId": drg, "vcnId": n.Vcn})
		c.Refused(400, "InvalidParameter", "networkDetails.id", "POST", ocitest.Core+"/drgAttachments",
			engine.Doc{"drgId": drg, "networkDetails": ocitest.Changed(details, "id", n.API)})

		table := c.Create("routeTables", route).Str("id")
		c.Refused(409, "Conflict", table, "DELETE", ocitest.Core+"/drgAttachments/"+id, nil)
		c.Refused(409, "IncorrectState", id, "DELETE", ocitest.Core+"/drgs/"+drg, nil)
		c.Remove("routeTables", table)
		c.Remove("drgAttachments", id)
		c.Remove("drgs", drg)
		c.RemoveNetwork(n)
	})
}

func TestAttachedVcnStays(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		vcn := c.Create("vcns", engine.Doc{"cidrBlock": "10.0.0.0/16"}).Str("id")
		drg := c.Create("drgs", engine.Doc{"compartmentId": oci.TenancyID}).Str("id")
		id := attach(c, engine.Doc{"drgId": drg, "vcnId": vcn}).Str("id")
		// It is listed where the VCN is, wherever the gateway is.
		for compartment, want := range map[string]int{oci.CompartmentID: 1, oci.TenancyID: 0} {
			list := ocitest.Core + "/drgAttachments?compartmentId=" + compartment + "&vcnId=" + vcn
			if got := c.GetList(list); len(got) != want {
				t.Errorf("attachments in %s: %v", compartment, got)
			}
		}
		c.Refused(409, "IncorrectState", id, "DELETE", ocitest.Core+"/vcns/"+vcn, nil)
		c.Remove("drgAttachments", id)
		c.Remove("vcns", vcn)
	})
}
