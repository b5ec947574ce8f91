package ociplugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"oke-guestbook/catalog"
	"oke-guestbook/local/ociclient"
)

// updateCIDRs adds and removes a VCN's CIDR blocks, which its PUT does not take.
func updateCIDRs(ctx context.Context, r *step) error {
	if _, ok := r.changed["cidrBlocks"]; ok {
		delete(r.changed, "cidrBlocks")
		have, _ := r.old["cidrBlocks"].([]any)
		want, _ := r.inputs["cidrBlocks"].([]any)
		for _, cidr := range want {
			if !slices.Contains(have, cidr) {
				if err := r.act(ctx, "addCidr", map[string]any{"cidrBlock": cidr}); err != nil {
					return err
				}
			}
		}
		for _, cidr := range have {
			if !slices.Contains(want, cidr) {
				if err := r.act(ctx, "removeCidr", map[string]any{"cidrBlock": cidr}); err != nil {
					return err
				}
			}
		}
	}
	return r.updateGeneric(ctx)
}

// updateWhole sends every input, as the official plugin does for a kind whose change has required fields.
func updateWhole(ctx context.Context, r *step) error {
	for name, v := range r.inputs {
		if name != "compartmentId" {
			r.changed[name] = v
		}
	}
	return r.updateGeneric(ctx)
}

// updateEndpointConfig changes a cluster's API endpoint, which its PUT does not take.
func updateEndpointConfig(ctx context.Context, r *step) error {
	if _, ok := r.changed["endpointConfig"]; ok {
		delete(r.changed, "endpointConfig")
		inputs := map[string]any{"endpointConfig": r.inputs["endpointConfig"]}
		config, _ := r.body(inputs, false)["endpointConfig"].(map[string]any)
		body := map[string]any{"nsgIds": []any{}}
		maps.Copy(body, config)
		delete(body, "subnetId")
		if err := r.act(ctx, "updateEndpointConfig", body); err != nil {
			return err
		}
	}
	return r.updateGeneric(ctx)
}

// createAddon disables an add-on that could not be installed. As with the official plugin, the error is then the state
// in which it is, and not why.
func createAddon(ctx context.Context, r *step) error {
	var failed *failure
	err := r.createGeneric(ctx)
	if !errors.As(err, &failed) {
		return err
	}
	query := r.query(func(f field) string { return f.deleteQuery })
	if _, err := r.call(ctx, http.MethodDelete, r.itemPath(), query, nil, nil); err != nil {
		return err
	}
	if err := r.readOne(ctx); err != nil {
		return err
	}
	r.first = r.doc
	return &failure{fmt.Sprintf("creation of %s: unexpected state: %v", r.id, r.doc["lifecycleState"])}
}

// updateNodePool sends the placement only if it changes, as the official plugin does: OKE takes none while nodes cycle.
func updateNodePool(ctx context.Context, r *step) error {
	details, _ := r.inputs["nodeConfigDetails"].(map[string]any)
	moves := slices.ContainsFunc(r.diff(r.inputs, r.old), func(c change) bool {
		return strings.HasPrefix(c.path, "nodeConfigDetails.placementConfigs")
	})
	if details != nil && !moves {
		all := r.inputs
		defer func() { r.inputs = all }()
		details = maps.Clone(details)
		delete(details, "placementConfigs")
		r.inputs = maps.Clone(all)
		r.inputs["nodeConfigDetails"] = details
	}
	return r.updateGeneric(ctx)
}

// createRecordSet puts the records in place of those that the set may have.
func createRecordSet(ctx context.Context, r *step) error {
	_, err := r.call(ctx, http.MethodPut, r.itemPath(), nil, r.body(r.inputs, true), nil)
	if err == nil {
		r.id = r.ID.Expand(r.vars())
	}
	return err
}

// ruleAction adds, updates or removes rules of a network security group, by an action of the group.
func (r *step) ruleAction(ctx context.Context, action string, body map[string]any, out any) error {
	group := catalog.Template("/20160918/networkSecurityGroups/{networkSecurityGroupId}/actions/").Expand(r.vars())
	_, err := r.call(ctx, http.MethodPost, group+action, nil, body, out)
	return err
}

func createSecurityRule(ctx context.Context, r *step) error {
	var added struct{ SecurityRules []map[string]any }
	body := map[string]any{"securityRules": []any{r.body(r.inputs, false)}}
	if err := r.ruleAction(ctx, "addSecurityRules", body, &added); err != nil {
		return err
	}
	if len(added.SecurityRules) != 1 {
		return fmt.Errorf("addSecurityRules answered with %d rules", len(added.SecurityRules))
	}
	r.doc = added.SecurityRules[0]
	r.ocid, _ = r.doc["id"].(string)
	r.id = r.ocid
	return nil
}

func readSecurityRule(ctx context.Context, r *step) error {
	rules, err := r.list(ctx, r.Collection.Expand(r.vars()), nil)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rules, func(rule map[string]any) bool { return rule["id"] == r.ocid })
	if i < 0 {
		return &ociclient.Error{
			Status: http.StatusNotFound, Code: "NotAuthorizedOrNotFound", Message: "the group has no rule " + r.ocid,
		}
	}
	r.doc = rules[i]
	return nil
}

func updateSecurityRule(ctx context.Context, r *step) error {
	rule := r.body(r.inputs, true)
	rule["id"] = r.ocid
	if err := r.ruleAction(ctx, "updateSecurityRules", map[string]any{"securityRules": []any{rule}}, nil); err != nil {
		return err
	}
	return readSecurityRule(ctx, r)
}

func removeSecurityRule(ctx context.Context, r *step) error {
	err := r.ruleAction(ctx, "removeSecurityRules", map[string]any{"securityRuleIds": []any{r.ocid}}, nil)
	if err != nil && ociclient.IsNotFound(readSecurityRule(ctx, r)) {
		return nil
	}
	return err
}
