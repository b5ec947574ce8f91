package vcn_test

import (
	"net/http"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

// TestAddressesChange expects a subnet to keep its network address and the addresses in use, and a VCN its subnets.
func TestAddressesChange(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		bastion := func(name string) string { // each has an address in the workers' subnet
			return c.Finished(ocitest.Bastion, "bastion.WorkRequest", c.Send("POST", ocitest.Bastion+"/bastions", engine.Doc{
				"compartmentId": oci.CompartmentID, "name": name, "bastionType": "STANDARD", "targetSubnetId": n.Workers,
			}, nil))
		}
		remove := func(id string) {
			c.Finished(ocitest.Bastion, "bastion.WorkRequest", c.Send("DELETE", ocitest.Bastion+"/bastions/"+id, nil, nil))
		}
		first, second := bastion("first"), bastion("second") // 10.0.16.2 and 10.0.16.3

		subnet := "PUT /subnets/" + n.Workers
		c.Refuses("subnet moved", subnet, engine.Doc{"cidrBlock": "10.0.64.0/20"}, "400 InvalidParameter: network address")
		c.Refuses("subnet begins before", subnet, engine.Doc{"cidrBlock": "10.0.0.0/19"},
			"400 InvalidParameter: network address")
		c.Refuses("subnet over another", "PUT /subnets/"+n.API, engine.Doc{"cidrBlock": "10.0.0.0/19"},
			"400 InvalidParameter: overlaps")
		c.Refuses("last address in use", subnet, engine.Doc{"cidrBlock": "10.0.16.0/30"}, "409 Conflict: references the VNIC")
		remove(second)
		for _, cidr := range []string{"10.0.16.0/30", "10.0.16.0/21", "10.0.16.0/20"} {
			r := c.Want(http.StatusOK, "PUT", ocitest.Core+"/subnets/"+n.Workers, engine.Doc{"cidrBlock": cidr})
			if got := r.Object().Str("cidrBlock"); got != cidr {
				t.Errorf("the subnet has %s, want %s", got, cidr)
			}
		}

		vcn := "/vcns/" + n.Vcn + "/actions/"
		modify := func(to string) engine.Doc { return engine.Doc{"originalCidrBlock": "10.0.0.0/16", "newCidrBlock": to} }
		c.Refuses("VCN moved", "POST "+vcn+"modifyCidr", modify("10.1.0.0/16"), "409 Conflict: uses the CIDR block")
		c.Refuses("VCN without a subnet", "POST "+vcn+"modifyCidr", modify("10.0.0.0/19"),
			"409 Conflict: uses the CIDR block")
		c.Want(http.StatusOK, "POST", ocitest.Core+vcn+"modifyCidr", modify("10.0.0.0/18"))
		c.Want(http.StatusOK, "POST", ocitest.Core+vcn+"modifyCidr",
			engine.Doc{"originalCidrBlock": "10.0.0.0/18", "newCidrBlock": "10.0.0.0/17"})
		remove(first)
		c.RemoveNetwork(n)
	})
}
