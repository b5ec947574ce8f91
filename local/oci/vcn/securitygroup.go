package vcn

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"oke-guestbook/local/oci/engine"
)

// Limits of network security groups (Oracle: "Network Security Groups", limits; API reference,
// AddNetworkSecurityGroupSecurityRules).
const (
	maxGroupsPerVnic   = 5
	maxRulesPerGroup   = 120
	maxRulesPerRequest = 25
)

// securityGroupState is what the service remembers of a network security group: its rules have routes of their own.
type securityGroupState struct{ Rules []engine.Doc }

func groupRules(r *engine.Resource) []engine.Doc { return engine.Private[securityGroupState](r).Rules }

func registerSecurityGroups(api engine.API) {
	api.Serve(&engine.Kind{
		Name: securityGroupKind, Path: "/networkSecurityGroups", Create: "core.CreateNetworkSecurityGroupDetails",
		Update: "core.UpdateNetworkSecurityGroupDetails", Model: "core.NetworkSecurityGroup",
		Filters: []string{"vcnId", "vlanId"},
		Limit:   120, Private: engine.PrivateOf[securityGroupState](),
		States: engine.CoreStates, CreateTime: time.Second, DeleteTime: time.Second,
		OnCreate: checkVcn, OnDelete: checkSecurityGroupUnused,
	})
	const path = "/networkSecurityGroups/{id}"
	api.Handle("GET "+path+"/securityRules", "", listGroupRules)
	api.Handle("GET "+path+"/vnics", "", listGroupVnics)
	for action, h := range map[string]struct {
		model  string
		change func(*engine.Call, *securityGroupState) (engine.Doc, error)
	}{
		"addSecurityRules":    {"AddNetworkSecurityGroupSecurityRulesDetails", addGroupRules},
		"updateSecurityRules": {"UpdateNetworkSecurityGroupSecurityRulesDetails", updateGroupRules},
		"removeSecurityRules": {"RemoveNetworkSecurityGroupSecurityRulesDetails", removeGroupRules},
	} {
		api.Handle("POST "+path+"/actions/"+action, "core."+h.model, func(c *engine.Call) (*engine.Answer, error) {
			return changeGroupRules(c, h.change)
		})
	}
}

// CheckSecurityGroups checks the groups that a VNIC, cluster, node pool or load balancer is to be in.
func CheckSecurityGroups(t *engine.Tx, field string, ids []string, vcnID string) error {
	if len(ids) > maxGroupsPerVnic {
		return engine.LimitExceeded("%s: at most %d network security groups", field, maxGroupsPerVnic)
	}
	for i, id := range ids {
		r, err := t.Live(securityGroupKind, fmt.Sprintf("%s[%d]", field, i), id)
		if err != nil {
			return err
		}
		if r.Doc.Str("vcnId") != vcnID {
			return engine.Invalid("%s[%d]: %s belongs to another VCN", field, i, id)
		}
	}
	return nil
}

func checkSecurityGroupUnused(t *engine.Tx, r *engine.Resource) error {
	for _, vnic := range vnicsInGroup(t, r.ID) {
		return engine.Conflict("The Network Security Group %s references the VNIC %s. "+
			"You must remove the reference to proceed with this operation.", r.ID, vnic.ID)
	}
	for _, other := range inVcn(t, securityGroupKind, r.Doc.Str("vcnId")) {
		for _, rule := range groupRules(other) {
			if other.ID != r.ID && (rule["source"] == r.ID || rule["destination"] == r.ID) {
				return engine.Conflict("The Network Security Group %s is referenced by a rule of %s. "+
					"You must remove the reference to proceed with this operation.", r.ID, other.ID)
			}
		}
	}
	return nil
}

func listGroupRules(c *engine.Call) (*engine.Answer, error) {
	r, err := c.Named(securityGroupKind, c.ID())
	if err != nil {
		return nil, err
	}
	var rules []any
	for _, rule := range groupRules(r) {
		if c.Matches(rule, "direction") {
			rules = append(rules, rule)
		}
	}
	return c.Page(rules)
}

func listGroupVnics(c *engine.Call) (*engine.Answer, error) {
	var out []any
	for _, vnic := range vnicsInGroup(c.Tx, c.ID()) {
		out = append(out, engine.Doc{
			"vnicId": vnic.ID, "resourceId": Owner(vnic), "timeAssociated": vnic.Doc["timeCreated"],
		})
	}
	return c.Page(out)
}

func vnicsInGroup(t *engine.Tx, groupID string) []*engine.Resource {
	return t.All(vnicKind, func(vnic *engine.Resource) bool {
		return slices.Contains(vnic.Doc.Texts("nsgIds"), groupID)
	})
}

func changeGroupRules(
	c *engine.Call, change func(*engine.Call, *securityGroupState) (engine.Doc, error),
) (*engine.Answer, error) {
	r, err := c.Changeable(securityGroupKind)
	if err != nil {
		return nil, err
	}
	if n := len(c.Body.List("securityRules")) + len(c.Body.List("securityRuleIds")); n > maxRulesPerRequest {
		return nil, engine.Invalid("securityRules: at most %d rules in one request", maxRulesPerRequest)
	}
	body, err := change(c, engine.Private[securityGroupState](r))
	if body == nil {
		return &engine.Answer{Status: http.StatusNoContent}, err
	}
	return &engine.Answer{Body: body}, err
}

func checkGroupRule(c *engine.Call, i int, rule engine.Doc) error {
	path := fmt.Sprintf("securityRules[%d]", i)
	end, other := "source", "destination"
	if rule.Str("direction") == "EGRESS" {
		end, other = other, end
	}
	if rule.Str(end) == "" {
		return engine.MissingParameter(path + "." + end)
	}
	if rule.Str(other) != "" {
		return engine.Invalid("%s: a rule of direction %s has no %s", path, rule["direction"], other)
	}
	delete(rule, other+"Type")
	return checkSecurityRule(c.Tx, path, end, rule)
}

func addGroupRules(c *engine.Call, group *securityGroupState) (engine.Doc, error) {
	added := c.Body.Objects("securityRules")
	for i, rule := range added {
		if err := checkGroupRule(c, i, rule); err != nil {
			return nil, err
		}
		rule["id"], rule["isValid"], rule["timeCreated"] = engine.NewRequestID()[:6], true, engine.Timestamp(c.Now)
	}
	if len(group.Rules)+len(added) > maxRulesPerGroup {
		return nil, engine.LimitExceeded("a network security group has at most %d rules", maxRulesPerGroup)
	}
	group.Rules = append(group.Rules, added...)
	return engine.Doc{"securityRules": engine.List(added)}, nil
}

// index returns the position of the rule with that id.
func (g *securityGroupState) index(id string) (int, error) {
	i := slices.IndexFunc(g.Rules, func(rule engine.Doc) bool { return rule["id"] == id })
	if i < 0 {
		return 0, engine.RelatedNotFound("securityRuleIds", id)
	}
	return i, nil
}

func updateGroupRules(c *engine.Call, group *securityGroupState) (engine.Doc, error) {
	updated := c.Body.Objects("securityRules")
	for n, rule := range updated {
		i, err := group.index(rule.Str("id"))
		if err != nil {
			return nil, err
		}
		if err := checkGroupRule(c, n, rule); err != nil {
			return nil, err
		}
		rule["isValid"], rule["timeCreated"] = true, group.Rules[i]["timeCreated"]
		group.Rules[i] = rule
	}
	return engine.Doc{"securityRules": engine.List(updated)}, nil
}

func removeGroupRules(c *engine.Call, group *securityGroupState) (engine.Doc, error) {
	for _, id := range c.Body.Texts("securityRuleIds") {
		i, err := group.index(id)
		if err != nil {
			return nil, err
		}
		group.Rules = slices.Delete(group.Rules, i, i+1)
	}
	return nil, nil
}
