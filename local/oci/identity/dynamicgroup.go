package identity

import (
	"time"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/identity/statement"
)

// DynamicGroupKind is the kind of dynamic groups; agent configurations name them.
const DynamicGroupKind = "dynamicgroup"

func registerDynamicGroups(api engine.API) {
	api.Serve(&engine.Kind{
		Name: DynamicGroupKind, Path: "/dynamicGroups", Create: "identity.CreateDynamicGroupDetails",
		Update: "identity.UpdateDynamicGroupDetails", Model: "identity.DynamicGroup", NameKey: "name", Global: true,
		States: engine.ServiceStates, CreateTime: time.Second, DeleteTime: time.Second, OnCreate: createDynamicGroup,
		Check: checkRule,
	})
}

func createDynamicGroup(c *engine.Call, doc engine.Doc) error {
	if doc.Str("compartmentId") != engine.TenancyID {
		return engine.Invalid("compartmentId: a dynamic group belongs to the tenancy")
	}
	return checkUniqueName(c, DynamicGroupKind, doc)
}

func checkRule(_ *engine.Tx, doc engine.Doc) error {
	if _, err := statement.ParseRule(doc.Str("matchingRule")); err != nil {
		return engine.Invalid("Unable to parse matching rule: %v", err)
	}
	return nil
}

// groupsOf returns what statements call the dynamic groups that a principal is a member of. Members are instances and
// other resources; rules cannot ask for tags here.
func groupsOf(t *engine.Tx, who engine.Principal) (subjects []string) {
	r := t.Find(who.ID)
	if r == nil {
		return nil
	}
	compartment := r.Doc.Str("compartmentId")
	described := map[string]string{
		"resource.type": who.Type, "resource.id": who.ID, "resource.compartment.id": compartment,
	}
	if who.Type == engine.InstancePrincipal {
		described = map[string]string{"instance.id": who.ID, "instance.compartment.id": compartment}
	}
	for _, group := range t.All(DynamicGroupKind, engine.With("lifecycleState", engine.ServiceStates.Live)) {
		if rule, err := statement.ParseRule(group.Doc.Str("matchingRule")); err == nil && rule.Matches(described) {
			subjects = append(subjects, statement.Group(group.ID, group.Doc.Str("name"))...)
		}
	}
	return subjects
}
