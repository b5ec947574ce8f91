package oci

import (
	"testing"
	"time"
)

// attach makes an attachment, whose body names no compartment: it is the VCN's.
func (c *testCloud) attach(body object) object {
	c.t.Helper()
	path := coreBase + "/drgAttachments"
	made := c.want(200, "POST", path, body).object()
	c.sleep(3 * time.Second)
	live := c.want(200, "GET", path+"/"+str(made, "id"), nil).object()
	c.conforms("core.DrgAttachment", live)
	if str(live, "lifecycleState") != "ATTACHED" {
		c.t.Fatalf("attachment: %v", live)
	}
	return live
}

func TestDynamicRoutingGateway(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		n := c.network()
		drg := str(c.create("drgs", object{}), "id")
		route := object{"vcnId": n.vcn, "routeRules": []any{object{"destination": "172.16.0.0/12", "networkEntityId": drg}}}
		c.refused(400, "InvalidParameter", "is not attached to "+n.vcn, "POST", coreBase+"/routeTables", changed(route, CompartmentID, "compartmentId"))

		details := object{"type": "VCN", "id": n.vcn}
		attachment := c.attach(object{"drgId": drg, "networkDetails": details})
		id := str(attachment, "id")
		if str(attachment, "vcnId") != n.vcn || str(attachment, "compartmentId") != CompartmentID {
			t.Errorf("attachment: %v", attachment)
		}
		if got := c.want(200, "GET", coreBase+"/drgAttachments?compartmentId="+CompartmentID+"&drgId="+drg, nil).list(); len(got) != 1 {
			t.Errorf("attachments of the gateway: %v", got)
		}
		c.refused(409, "Conflict", "is attached to "+drg, "POST", coreBase+"/drgAttachments", object{"drgId": drg, "networkDetails": details})
		c.refused(409, "Conflict", "is attached to "+drg, "POST", coreBase+"/drgAttachments", object{"drgId": drg, "vcnId": n.vcn})
		c.refused(400, "InvalidParameter", "networkDetails.id", "POST", coreBase+"/drgAttachments", object{"drgId": drg, "networkDetails": changed(details, n.api, "id")})

		table := str(c.create("routeTables", route), "id")
		c.refused(409, "Conflict", table, "DELETE", coreBase+"/drgAttachments/"+id, nil)
		c.refused(409, "IncorrectState", id, "DELETE", coreBase+"/drgs/"+drg, nil)
		c.remove("routeTables", table)
		c.remove("drgAttachments", id)
		c.remove("drgs", drg)
		c.removeNetwork(n)
	})
}

func TestAttachedVcnStays(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		vcn := str(c.create("vcns", object{"cidrBlock": "10.0.0.0/16"}), "id")
		drg := str(c.create("drgs", object{"compartmentId": TenancyID}), "id")
		id := str(c.attach(object{"drgId": drg, "vcnId": vcn}), "id")
		// It is listed where the VCN is, wherever the gateway is.
		for compartment, want := range map[string]int{CompartmentID: 1, TenancyID: 0} {
			if got := c.want(200, "GET", coreBase+"/drgAttachments?compartmentId="+compartment+"&vcnId="+vcn, nil).list(); len(got) != want {
				t.Errorf("attachments in %s: %v", compartment, got)
			}
		}
		c.refused(409, "IncorrectState", id, "DELETE", coreBase+"/vcns/"+vcn, nil)
		c.remove("drgAttachments", id)
		c.remove("vcns", vcn)
	})
}
