// Package keymanagement emulates the Vault service as far as other services name its keys: vaults and the states and
// shapes of master encryption keys. Nothing is encrypted or signed, and nothing is ever deleted for good.
package keymanagement

import (
	"slices"

	"oke-guestbook/local/oci/engine"
)

const (
	base      = "/20180608"
	vaultKind = "vault"
	keyKind   = "key"
)

// Register adds the service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	api.ServeReads(&engine.Kind{
		Name: vaultKind, Title: "vault", Path: "/vaults", Model: "keymanagement.Vault",
		Summary: "keymanagement.VaultSummary", States: engine.ServiceStates, OnCreate: completeVault,
		Defaults: engine.Doc{"isPrimary": true},
	})
	api.ServeReads(&engine.Kind{
		Name: keyKind, Title: "key", Path: "/keys", Model: "keymanagement.Key", Summary: "keymanagement.KeySummary",
		States:   engine.States{Creating: "CREATING", Live: "ENABLED", Deleting: "DELETING", Deleted: "DELETED"},
		OnCreate: completeKey, Defaults: engine.Doc{"protectionMode": "HSM", "isPrimary": true},
	})
	create(api, "/vaults", "keymanagement.CreateVaultDetails", vaultKind)
	create(api, "/keys", "keymanagement.CreateKeyDetails", keyKind)
	api.Handle("POST /vaults/{id}/actions/scheduleDeletion", "keymanagement.ScheduleVaultDeletionDetails",
		to("PENDING_DELETION", vaultKind, "ACTIVE"))
	api.Handle("POST /keys/{id}/actions/scheduleDeletion", "keymanagement.ScheduleKeyDeletionDetails",
		to("PENDING_DELETION", keyKind, "ENABLED", "DISABLED"))
	api.Handle("POST /keys/{id}/actions/disable", "", to("DISABLED", keyKind, "ENABLED"))
	api.Handle("POST /keys/{id}/actions/enable", "", to("ENABLED", keyKind, "DISABLED"))
}

func create(api engine.API, path, model, kind string) {
	api.Handle("POST "+path, model, func(c *engine.Call) (*engine.Answer, error) {
		r, err := c.Create(kind)
		if err != nil {
			return nil, err
		}
		return r.Answer(), nil
	})
}

// to makes a handler that brings a resource into a state from one of others.
func to(state, kind string, from ...string) engine.Handler {
	return engine.OnChangeable(kind, func(_ *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		r.SetState(state)
		return r.Answer(), nil
	}, from...)
}

// completeVault gives a vault its endpoints, which are those of the whole local cloud.
func completeVault(c *engine.Call, doc engine.Doc) error {
	endpoint := "http://" + c.Request.Host
	doc["managementEndpoint"], doc["cryptoEndpoint"] = endpoint, endpoint
	doc["wrappingkeyId"] = engine.NewOCID(keyKind)
	return nil
}

// lengths are the lengths of keys in bytes by algorithm (API reference, KeyShape, read in SDK 65.129).
var lengths = map[string][]float64{"AES": {16, 24, 32}, "RSA": {256, 384, 512}, "ECDSA": {32, 48, 66}}

// completeKey puts a key into a vault. A request names the vault by its endpoint only, which all vaults of the local
// cloud share: the newest active one gets the key.
func completeKey(c *engine.Call, doc engine.Doc) error {
	algorithm, length := doc.Str("keyShape", "algorithm"), doc.Num("keyShape", "length")
	if !slices.Contains(lengths[algorithm], length) {
		return engine.Invalid("keyShape.length: %v is no length in bytes of an %s key", length, algorithm)
	}
	vaults := c.All(vaultKind, engine.With("lifecycleState", "ACTIVE"))
	if len(vaults) == 0 {
		return engine.NotFound("vault")
	}
	doc["vaultId"] = vaults[len(vaults)-1].ID
	doc["currentKeyVersion"] = engine.NewOCID("keyversion")
	return nil
}

// CheckKey refuses the OCID in a field unless it is of a key that can be used, of one of the algorithms if there are
// any.
func CheckKey(t *engine.Tx, field, id string, algorithms ...string) error {
	key, err := t.Live(keyKind, field, id)
	if err != nil {
		return err
	}
	if state := key.State(); state != "ENABLED" {
		return engine.Invalid("%s: the key %s is %s", field, id, state)
	}
	if is := key.Doc.Str("keyShape", "algorithm"); len(algorithms) > 0 && !slices.Contains(algorithms, is) {
		return engine.Invalid("%s: the key %s is an %s key", field, id, is)
	}
	return nil
}
