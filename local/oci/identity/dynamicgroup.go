package identity

import (
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
)

// DynamicGroupKind is the kind of dynamic groups; agent configurations name them.
const DynamicGroupKind = "dynamicgroup"

func registerDynamicGroups(api engine.API) {
	api.Serve(&engine.Kind{
		Name: DynamicGroupKind, Path: "/dynamicGroups", Create: "identity.CreateDynamicGroupDetails",
		Update: "identity.UpdateDynamicGroupDetails", Model: "identity.DynamicGroup", NameKey: "name", Global: true,
		States: engine.ServiceStates, CreateTime: time.Second, DeleteTime: time.Second, OnCreate: createDynamicGroup,
	})
}

func createDynamicGroup(c *engine.Call, doc engine.Doc) error {
	if doc.Str("compartmentId") != engine.TenancyID {
		return engine.Invalid("compartmentId: a dynamic group belongs to the tenancy")
	}
	if rule := doc.Str("matchingRule"); !strings.ContainsAny(rule, "{=") {
		return engine.Invalid("Unable to parse matching rule: %q", rule)
	}
	return checkUniqueName(c, DynamicGroupKind, doc)
}
