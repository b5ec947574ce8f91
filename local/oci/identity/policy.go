package identity

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/identity/statement"
)

const policyKind = "policy"

// UsualPolicyDelay is how long a new or changed policy usually takes to be in force (Oracle, terraform-provider-oci,
// "oci_identity_policy": "New policies take effect typically within 10 seconds"; read 2026-11-29).
const UsualPolicyDelay = 10 * time.Second

// policyState is what the service remembers of a policy.
type policyState struct {
	Changed time.Time // when it got its statements
	Before  []string  // the statements that are in force until it has had the present ones for a while
}

// policies decide about principals.
type policies struct{ delay time.Duration }

func (p policies) register(api engine.API) {
	api.Serve(&engine.Kind{
		Name: policyKind, Path: "/policies", Create: "identity.CreatePolicyDetails", Update: "identity.UpdatePolicyDetails",
		Model: "identity.Policy", NameKey: "name", Global: true, Private: engine.PrivateOf[policyState](),
		States: engine.ServiceStates, CreateTime: time.Second, DeleteTime: time.Second,
		OnCreate: func(c *engine.Call, doc engine.Doc) error { return checkUniqueName(c, policyKind, doc) },
		OnUpdate: p.update,
		Created: func(t *engine.Tx, r *engine.Resource) error {
			engine.Private[policyState](r).Changed = t.Now
			return nil
		},
		Check: checkStatements,
	})
	api.DecideBy(p.permits)
}

// update keeps the statements that are in force.
func (p policies) update(c *engine.Call, old, doc engine.Doc) error {
	if slices.Equal(old.Texts("statements"), doc.Texts("statements")) {
		return nil
	}
	state := engine.Private[policyState](c.Edit(doc.Str("id")))
	if c.Remaining(state.Changed, p.delay) == 0 {
		state.Before = old.Texts("statements")
	}
	state.Changed = c.Now
	return nil
}

// inForce returns the statements of a policy that are in force.
func (p policies) inForce(t *engine.Tx, policy *engine.Resource) []string {
	state := engine.Private[policyState](policy)
	switch {
	case policy.State() != engine.ServiceStates.Live:
		return nil
	case t.Remaining(state.Changed, p.delay) > 0:
		return state.Before
	}
	return policy.Doc.Texts("statements")
}

// checkStatements refuses statements that give nothing, and those that the local cloud cannot decide by: they would
// give nothing here, and something on Oracle Cloud.
func checkStatements(_ *engine.Tx, doc engine.Doc) error {
	if len(doc.List("statements")) == 0 {
		return engine.Invalid("statements: must hold at least one statement")
	}
	for i, text := range doc.Texts("statements") {
		begin, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(text)), " ")
		if slices.Contains([]string{"define", "endorse", "admit"}, begin) {
			continue // about another tenancy, and there is one
		}
		if !slices.Contains([]string{"allow", "deny"}, begin) {
			return engine.Invalid("statements[%d]: No permissions found: %q does not begin with "+
				"Allow, Define, Endorse or Admit", i, text)
		}
		_, err := statement.Parse(text)
		if none := statement.NoPermissions(""); errors.As(err, &none) {
			return engine.Invalid("statements[%d]: %v", i, err)
		}
		if err != nil {
			return engine.NotImplemented("statements[%d]: %v", i, err)
		}
	}
	return nil
}

// permits reports whether a statement that is in force gives a principal a permission.
func (p policies) permits(
	t *engine.Tx, who engine.Principal, permission, compartment string, target map[string]string,
) bool {
	asked := statement.Access{
		Subjects: subjects(t, who), Permission: permission, Compartment: []string{compartment},
		Variables: map[string]string{
			"request.principal.type": who.Type, "request.principal.id": who.ID, "request.permission": permission,
			"request.principal.cluster_id": who.ClusterID, "request.principal.namespace": who.Namespace,
			"request.principal.service_account": who.ServiceAccount,
		},
	}
	if compartment == engine.CompartmentID {
		asked.Compartment = append(asked.Compartment, CompartmentName)
	}
	if r := t.Find(who.ID); r != nil {
		asked.Variables["request.principal.compartment.id"] = r.Doc.Str("compartmentId")
	}
	maps.Copy(asked.Variables, target)
	for _, policy := range t.All(policyKind) {
		for _, text := range p.inForce(t, policy) {
			if s, err := statement.Parse(text); err == nil && s.Allows(asked) {
				return true
			}
		}
	}
	return false
}

// subjects are what statements call a principal.
func subjects(t *engine.Tx, who engine.Principal) []string {
	if who.Type == engine.ServicePrincipal {
		return []string{statement.Service(who.ID)}
	}
	return append(groupsOf(t, who), statement.AnyUser)
}
