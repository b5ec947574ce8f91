package vcn_test

import (
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

// TestRouteRuleByCIDRBlock uses the older name of a rule's destination.
func TestRouteRuleByCIDRBlock(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		older := engine.Doc{"cidrBlock": "0.0.0.0/0", "networkEntityId": n.InternetGateway}
		table := c.Create("routeTables", engine.Doc{"vcnId": n.Vcn, "routeRules": []any{older.Clone()}}).Str("id")
		path := ocitest.Core + "/routeTables/" + table
		check := func(when string) {
			t.Helper()
			rule := c.Get(path).Objects("routeRules")[0]
			if rule["cidrBlock"] != "0.0.0.0/0" || rule["destination"] != "0.0.0.0/0" {
				t.Errorf("rule %s: %v", when, rule)
			}
		}
		check("of the new table")
		c.Want(200, "PUT", path, engine.Doc{"displayName": "public"})
		check("after a change of the name")
		both := ocitest.Changed(older, "destination", "0.0.0.0/0")
		c.Refused(400, "InvalidParameter", "together", "PUT", path, engine.Doc{"routeRules": []any{both}})
		newer := engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": n.InternetGateway}
		c.Want(200, "PUT", path, engine.Doc{"routeRules": []any{newer}})
		if rule := c.Get(path).Objects("routeRules")[0]; rule["cidrBlock"] != nil {
			t.Errorf("rule by its destination: %v", rule)
		}
		c.Remove("routeTables", table)
		c.RemoveNetwork(n)
	})
}
