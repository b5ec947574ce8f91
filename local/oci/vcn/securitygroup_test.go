package vcn_test

import (
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestSecurityGroupRules(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		a := c.Create("networkSecurityGroups", engine.Doc{"vcnId": n.Vcn}).Str("id")
		b := c.Create("networkSecurityGroups", engine.Doc{"vcnId": n.Vcn}).Str("id")
		path := ocitest.Core + "/networkSecurityGroups/" + a
		added := c.Want(200, "POST", path+"/actions/addSecurityRules", engine.Doc{"securityRules": []any{
			engine.Doc{"direction": "INGRESS", "protocol": "6", "source": b, "sourceType": "NETWORK_SECURITY_GROUP",
				"tcpOptions": engine.Doc{"destinationPortRange": engine.Doc{"min": 6443, "max": 6443}}},
			engine.Doc{"direction": "EGRESS", "protocol": "all", "destination": "0.0.0.0/0"},
		}}).Object()
		rules := added.Objects("securityRules")
		if len(rules) != 2 || rules[1]["destinationType"] != "CIDR_BLOCK" {
			t.Fatalf("added %v", added)
		}
		for _, rule := range c.GetList(path + "/securityRules") {
			c.Conforms("core.SecurityRule", rule)
		}
		c.Refused(409, "Conflict", "referenced by a rule", "DELETE", ocitest.Core+"/networkSecurityGroups/"+b, nil)
		c.Refused(400, "MissingParameter", "source", "POST", path+"/actions/addSecurityRules",
			engine.Doc{"securityRules": []any{engine.Doc{"direction": "INGRESS", "protocol": "6"}}})
		c.Want(204, "POST", path+"/actions/removeSecurityRules", engine.Doc{"securityRuleIds": []any{rules[0]["id"]}})
		c.Remove("networkSecurityGroups", b)
		if got := c.GetList(path + "/securityRules"); len(got) != 1 {
			t.Errorf("rules left: %v", got)
		}
	})
}
