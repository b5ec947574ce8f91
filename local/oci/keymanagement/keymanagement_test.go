package keymanagement_test

import (
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestKeys(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		const vaults, keys = ocitest.Vault + "/vaults", ocitest.Vault + "/keys"
		key := engine.Doc{
			"compartmentId": oci.CompartmentID, "displayName": "k", "keyShape": engine.Doc{"algorithm": "AES", "length": 32},
		}
		c.Refused(404, "NotAuthorizedOrNotFound", "vault", "POST", keys, key)
		vault := c.Want(200, "POST", vaults, engine.Doc{
			"compartmentId": oci.CompartmentID, "displayName": "v", "vaultType": "DEFAULT",
		}).Object()
		if vault["lifecycleState"] != "ACTIVE" || vault.Str("managementEndpoint") == "" {
			t.Errorf("vault %v", vault)
		}
		c.Conforms("keymanagement.Vault", vault)
		c.Refused(400, "InvalidParameter", "keyShape.length", "POST", keys,
			ocitest.Changed(key, "keyShape", engine.Doc{"algorithm": "RSA", "length": 32}))
		made := c.Want(200, "POST", keys, key).Object()
		c.Conforms("keymanagement.Key", made)
		if made["lifecycleState"] != "ENABLED" || made["vaultId"] != vault["id"] {
			t.Errorf("key %v", made)
		}
		path := keys + "/" + made.Str("id")
		for _, step := range []struct{ action, state string }{
			{"disable", "DISABLED"}, {"enable", "ENABLED"}, {"scheduleDeletion", "PENDING_DELETION"},
		} {
			var body any
			if step.action == "scheduleDeletion" {
				body = engine.Doc{}
			}
			c.Want(200, "POST", path+"/actions/"+step.action, body)
			if got := c.Get(path); got["lifecycleState"] != step.state {
				t.Errorf("after %s: %v", step.action, got)
			}
		}
		if listed := c.GetList(keys + "?compartmentId=" + oci.CompartmentID); len(listed) != 1 {
			t.Errorf("keys %v", listed)
		}
		c.Refused(409, "IncorrectState", "PENDING_DELETION", "POST", path+"/actions/enable", nil)
	})
}
