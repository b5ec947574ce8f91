package oci

import (
	"fmt"
	"net/http"
	"slices"
)

// maxNSGs of a VNIC (Oracle: "Network Security Groups", limits).
const maxNSGs = 5

// maxRulesPerRequest that add or change a group's rules (API reference, AddNetworkSecurityGroupSecurityRules).
const maxRulesPerRequest = 25

// checkNSGs checks the groups that a VNIC, cluster, node pool or load balancer is to be in.
func (t *tx) checkNSGs(field string, ids []string, vcnID string) error {
	if len(ids) > maxNSGs {
		return limitExceeded("%s: at most %d network security groups", field, maxNSGs)
	}
	for i, id := range ids {
		r, err := t.live("networksecuritygroup", fmt.Sprintf("%s[%d]", field, i), id)
		if err != nil {
			return err
		}
		if str(r.Doc, "vcnId") != vcnID {
			return invalid("%s[%d]: %s belongs to another VCN", field, i, id)
		}
	}
	return nil
}

func deleteNSG(t *tx, r *resource) error {
	for _, vnic := range t.all("vnic") {
		if slices.Contains(texts(vnic.Doc, "nsgIds"), r.ID) {
			return conflict("The Network Security Group %s references the VNIC %s. You must remove the reference to proceed with this operation.", r.ID, vnic.ID)
		}
	}
	for _, other := range t.inVcn("networksecuritygroup", str(r.Doc, "vcnId")) {
		for _, rule := range list(other.Hidden, "rules") {
			if rule := rule.(object); other.ID != r.ID && (rule["source"] == r.ID || rule["destination"] == r.ID) {
				return conflict("The Network Security Group %s is referenced by a rule of %s. You must remove the reference to proceed with this operation.", r.ID, other.ID)
			}
		}
	}
	return nil
}

func (s *Server) nsgRoutes() {
	path := coreBase + "/networkSecurityGroups/{id}"
	k := s.kinds["networksecuritygroup"]
	s.route("GET "+path+"/securityRules", "", func(c *call) (*answer, error) {
		r, err := c.named(k.name, c.id())
		if err != nil {
			return nil, err
		}
		var rules []any
		for _, rule := range list(r.Hidden, "rules") {
			if d := c.query.Get("direction"); d == "" || rule.(object)["direction"] == d {
				rules = append(rules, rule)
			}
		}
		return c.page(rules)
	})
	s.route("GET "+path+"/vnics", "", func(c *call) (*answer, error) {
		var out []any
		for _, vnic := range c.all("vnic") {
			if slices.Contains(texts(vnic.Doc, "nsgIds"), c.id()) {
				out = append(out, object{"vnicId": vnic.ID, "resourceId": vnic.Hidden["owner"], "timeAssociated": vnic.Doc["timeCreated"]})
			}
		}
		return c.page(out)
	})
	change := func(change func(*call, *resource) (any, error)) handler {
		return func(c *call) (*answer, error) {
			r, err := c.changeable(k)
			if err != nil {
				return nil, err
			}
			if n := len(list(c.body, "securityRules")) + len(list(c.body, "securityRuleIds")); n > maxRulesPerRequest {
				return nil, invalid("securityRules: at most %d rules in one request", maxRulesPerRequest)
			}
			body, err := change(c, c.edit(r.ID))
			if body == nil {
				return &answer{Status: http.StatusNoContent}, err
			}
			return &answer{Body: body}, err
		}
	}
	s.route("POST "+path+"/actions/addSecurityRules", "core.AddNetworkSecurityGroupSecurityRulesDetails", change(addNSGRules))
	s.route("POST "+path+"/actions/updateSecurityRules", "core.UpdateNetworkSecurityGroupSecurityRulesDetails", change(updateNSGRules))
	s.route("POST "+path+"/actions/removeSecurityRules", "core.RemoveNetworkSecurityGroupSecurityRulesDetails", change(removeNSGRules))
}

func (c *call) checkNSGRule(i int, rule object) error {
	path := fmt.Sprintf("securityRules[%d]", i)
	end, other := "source", "destination"
	if str(rule, "direction") == "EGRESS" {
		end, other = other, end
	}
	if str(rule, end) == "" {
		return missingParameter(path + "." + end)
	}
	if str(rule, other) != "" {
		return invalid("%s: a rule of direction %s has no %s", path, rule["direction"], other)
	}
	delete(rule, other+"Type")
	return c.checkSecurityRule(path, end, rule)
}

func addNSGRules(c *call, r *resource) (any, error) {
	rules := list(r.Hidden, "rules")
	var added []any
	for i, rule := range objects(c.body, "securityRules") {
		if err := c.checkNSGRule(i, rule); err != nil {
			return nil, err
		}
		rule["id"], rule["isValid"], rule["timeCreated"] = newRequestID()[:6], true, stamp(c.now)
		added = append(added, rule)
	}
	// Oracle: "Network Security Groups", limits.
	if n := 120; len(rules)+len(added) > n {
		return nil, limitExceeded("a network security group has at most %d rules", n)
	}
	r.hide("rules", append(rules, added...))
	return object{"securityRules": added}, nil
}

func (c *call) ruleAt(r *resource, id string) (int, error) {
	i := slices.IndexFunc(list(r.Hidden, "rules"), func(v any) bool { return v.(object)["id"] == id })
	if i < 0 {
		return 0, noSuchRelated("securityRuleIds", id)
	}
	return i, nil
}

func updateNSGRules(c *call, r *resource) (any, error) {
	var out []any
	for n, rule := range objects(c.body, "securityRules") {
		i, err := c.ruleAt(r, str(rule, "id"))
		if err != nil {
			return nil, err
		}
		if err := c.checkNSGRule(n, rule); err != nil {
			return nil, err
		}
		old := list(r.Hidden, "rules")[i].(object)
		rule["isValid"], rule["timeCreated"] = true, old["timeCreated"]
		list(r.Hidden, "rules")[i] = rule
		out = append(out, rule)
	}
	return object{"securityRules": out}, nil
}

func removeNSGRules(c *call, r *resource) (any, error) {
	for _, id := range texts(c.body, "securityRuleIds") {
		i, err := c.ruleAt(r, id)
		if err != nil {
			return nil, err
		}
		r.hide("rules", slices.Delete(list(r.Hidden, "rules"), i, i+1))
	}
	return nil, nil
}
