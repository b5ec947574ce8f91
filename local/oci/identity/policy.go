package identity

import (
	"maps"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/identity/statement"
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

// permits reports whether a statement of a policy gives a workload a permission. Statements that package statement does
// not know are for others.
func permits(t *engine.Tx, who engine.Principal, permission, compartment string, target map[string]string) bool {
	asked := statement.Access{Permission: permission, Compartment: compartment, Variables: map[string]string{
		"request.principal.type": who.Type, "request.principal.id": who.ID, "request.permission": permission,
		"request.principal.cluster_id": who.ClusterID, "request.principal.namespace": who.Namespace,
		"request.principal.service_account": who.ServiceAccount,
	}}
	maps.Copy(asked.Variables, target)
	for _, policy := range t.All(policyKind) {
		if policy.State() != engine.ServiceStates.Live {
			continue
		}
		for _, text := range policy.Doc.Texts("statements") {
			if s, err := statement.Parse(text); err == nil && s.Allows(asked) {
				return true
			}
		}
	}
	return false
}
