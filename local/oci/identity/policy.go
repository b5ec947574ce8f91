package identity

import (
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
)

const policyKind = "policy"

func registerPolicies(api engine.API) {
	api.Serve(&engine.Kind{
		Name: policyKind, Path: "/policies", Create: "identity.CreatePolicyDetails", Update: "identity.UpdatePolicyDetails",
		Model: "identity.Policy", NameKey: "name", Global: true,
		States: engine.ServiceStates, CreateTime: time.Second, DeleteTime: time.Second,
		OnCreate: func(c *engine.Call, doc engine.Doc) error { return checkUniqueName(c, policyKind, doc) },
		Check:    checkStatements,
	})
}

// checkStatements checks how statements begin; the rest of them is not parsed.
func checkStatements(_ *engine.Tx, doc engine.Doc) error {
	if len(doc.List("statements")) == 0 {
		return engine.Invalid("statements: must hold at least one statement")
	}
	for i, text := range doc.Texts("statements") {
		verb, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(text)), " ")
		if !slices.Contains([]string{"allow", "define", "endorse", "admit", "deny"}, verb) {
			return engine.Invalid("statements[%d]: No permissions found: %q does not begin with "+
				"Allow, Define, Endorse or Admit", i, text)
		}
	}
	return nil
}
