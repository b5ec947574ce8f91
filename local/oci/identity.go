package oci

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Identity shares its version with the core services.
func (s *Server) identityRoutes() {
	identityStates := states{"CREATING", "ACTIVE", "DELETING", "DELETED"}
	s.serveKind(&kind{
		name: "policy", path: coreBase + "/policies", create: "identity.CreatePolicyDetails", update: "identity.UpdatePolicyDetails", model: "identity.Policy",
		states: identityStates, made: time.Second, deleted: time.Second, nameKey: "name", onCreate: createPolicy, onUpdate: func(c *call, _, doc object) error { return checkStatements(doc) },
	})
	s.serveKind(&kind{
		name: "dynamicgroup", path: coreBase + "/dynamicGroups", create: "identity.CreateDynamicGroupDetails", update: "identity.UpdateDynamicGroupDetails",
		model: "identity.DynamicGroup", states: identityStates, made: time.Second, deleted: time.Second, nameKey: "name", onCreate: createDynamicGroup,
	})
	lists := map[string]func(*call) ([]any, error){
		"availabilityDomains": func(*call) ([]any, error) {
			var out []any
			for i, name := range AvailabilityDomains {
				out = append(out, object{"name": name, "id": fmt.Sprintf("ocid1.availabilitydomain.oc1..aaaaaaaalocalcloudad%d", i+1), "compartmentId": TenancyID})
			}
			return out, nil
		},
		"faultDomains": func(c *call) ([]any, error) {
			ad := c.query.Get("availabilityDomain")
			at := slices.Index(AvailabilityDomains, ad)
			if at < 0 {
				return nil, invalid("availabilityDomain: %q must be one of %s", ad, strings.Join(AvailabilityDomains, ", "))
			}
			var out []any
			for i, name := range FaultDomains {
				out = append(out, object{
					"name": name, "availabilityDomain": ad, "compartmentId": TenancyID,
					"id": fmt.Sprintf("ocid1.faultdomain.oc1..aaaaaaaalocalcloudad%dfd%d", at+1, i+1),
				})
			}
			return out, nil
		},
		"compartments": func(c *call) ([]any, error) {
			if doc := compartmentDoc(CompartmentID); c.query.Get("compartmentId") == TenancyID && c.matches(doc, "name", "lifecycleState") {
				return []any{doc}, nil
			}
			return nil, nil
		},
	}
	for name, items := range lists {
		s.route("GET "+coreBase+"/"+name, "", func(c *call) (*answer, error) {
			if c.query.Get("compartmentId") == "" {
				return nil, missingParameter("compartmentId")
			}
			out, err := items(c)
			if err != nil {
				return nil, err
			}
			return c.page(out)
		})
	}
	s.route("GET "+coreBase+"/compartments/{id}", "", func(c *call) (*answer, error) {
		if !isCompartment(c.id()) {
			return nil, noSuch(c.id())
		}
		return &answer{Body: compartmentDoc(c.id())}, nil
	})
	s.route("GET "+coreBase+"/tenancies/{id}", "", func(c *call) (*answer, error) {
		if c.id() != TenancyID {
			return nil, noSuch(c.id())
		}
		return &answer{Body: object{
			"id": TenancyID, "name": TenancyName, "description": "The local cloud", "homeRegionKey": "IAD", "freeformTags": object{}, "definedTags": object{},
		}}, nil
	})
	s.route("GET "+coreBase+"/tenancies/{id}/regionSubscriptions", "", func(c *call) (*answer, error) {
		return &answer{Body: []any{object{"regionKey": "IAD", "regionName": Region, "status": "READY", "isHomeRegion": true}}}, nil
	})
	s.route("GET "+coreBase+"/regions", "", func(c *call) (*answer, error) {
		return &answer{Body: []any{object{"key": "IAD", "name": Region}}}, nil
	})
}

func compartmentDoc(id string) object {
	name := TenancyName
	if id == CompartmentID {
		name = CompartmentName
	}
	return object{
		"id": id, "compartmentId": TenancyID, "name": name, "description": "Of the local cloud", "lifecycleState": "ACTIVE",
		"timeCreated": "2026-01-01T00:00:00.000Z", "isAccessible": true, "freeformTags": object{}, "definedTags": object{},
	}
}

// uniqueName refuses a second policy or group of a name in a compartment.
func (c *call) uniqueName(kind string, doc object) error {
	if others := c.all(kind, with("name", str(doc, "name")), with("compartmentId", str(doc, "compartmentId"))); len(others) > 0 {
		return fail(409, "NotAuthorizedOrResourceAlreadyExists", "a %s named %q exists: %s", kind, str(doc, "name"), others[0].ID)
	}
	return nil
}

func createPolicy(c *call, doc object) error {
	if err := checkStatements(doc); err != nil {
		return err
	}
	return c.uniqueName("policy", doc)
}

// checkStatements knows only how a statement begins; whom it allows what is not the local cloud's matter.
func checkStatements(doc object) error {
	if len(list(doc, "statements")) == 0 {
		return invalid("statements: must hold at least one statement")
	}
	for i, text := range texts(doc, "statements") {
		verb, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(text)), " ")
		if !slices.Contains([]string{"allow", "define", "endorse", "admit", "deny"}, verb) {
			return invalid("statements[%d]: No permissions found: %q does not begin with Allow, Define, Endorse or Admit", i, text)
		}
	}
	return nil
}

func createDynamicGroup(c *call, doc object) error {
	if str(doc, "compartmentId") != TenancyID {
		return invalid("compartmentId: a dynamic group belongs to the tenancy")
	}
	if !strings.ContainsAny(str(doc, "matchingRule"), "{=") {
		return invalid("matchingRule: %q is no rule", str(doc, "matchingRule"))
	}
	return c.uniqueName("dynamicgroup", doc)
}
