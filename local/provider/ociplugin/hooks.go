package ociplugin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"oke-guestbook/local/ociclient"
)

// decodeItems reads a list, which some services wrap as {"items": [...]}.
func decodeItems(raw []byte, into any) error {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		var wrapped struct{ Items json.RawMessage }
		if err := json.Unmarshal(raw, &wrapped); err != nil {
			return err
		}
		raw = wrapped.Items
	}
	return json.Unmarshal(raw, into)
}

// updateCIDRs adds and removes a VCN's CIDR blocks, which its PUT does not take.
func updateCIDRs(ctx context.Context, r *step) error {
	if _, ok := r.changed["cidrBlocks"]; ok {
		delete(r.changed, "cidrBlocks")
		have, want := texts(r.old["cidrBlocks"]), texts(r.inputs["cidrBlocks"])
		for cidr := range want {
			if !have[cidr] {
				if err := r.act(ctx, "addCidr", map[string]any{"cidrBlock": cidr}); err != nil {
					return err
				}
			}
		}
		for cidr := range have {
			if !want[cidr] {
				if err := r.act(ctx, "removeCidr", map[string]any{"cidrBlock": cidr}); err != nil {
					return err
				}
			}
		}
	}
	return r.updateGeneric(ctx)
}

func texts(v any) map[string]bool {
	out := map[string]bool{}
	list, _ := v.([]any)
	for _, e := range list {
		out[fmt.Sprint(e)] = true
	}
	return out
}

// act posts one of the resource's actions and waits for its end.
func (r *step) act(ctx context.Context, action string, body map[string]any) error {
	header, err := r.call(ctx, http.MethodPost, r.itemPath()+"/actions/"+action, nil, body, nil)
	if err != nil {
		return err
	}
	return r.waitFor(ctx, header.Get("opc-work-request-id"))
}

// updateEndpointConfig changes a cluster's API endpoint, which has an action of its own.
func updateEndpointConfig(ctx context.Context, r *step) error {
	if _, ok := r.changed["endpointConfig"]; ok {
		delete(r.changed, "endpointConfig")
		config, _ := r.toREST("endpointConfig", r.inputs["endpointConfig"], true).(map[string]any)
		body := map[string]any{"nsgIds": []any{}}
		for name, v := range config {
			if name != "subnetId" {
				body[name] = v
			}
		}
		if err := r.act(ctx, "updateEndpointConfig", body); err != nil {
			return err
		}
	}
	return r.updateGeneric(ctx)
}

// The rules of a network security group are added, updated and removed by actions of the group.
func (r *step) ruleAction(ctx context.Context, action string, body map[string]any, out any, headers ...ociclient.Header) error {
	path := expand("/20160918/networkSecurityGroups/{networkSecurityGroupId}/actions/", r.vars()) + action
	_, err := r.call(ctx, http.MethodPost, path, nil, body, out, headers...)
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
	path := expand(r.path, r.vars())
	query := url.Values{}
	for {
		var raw []byte
		header, err := r.call(ctx, http.MethodGet, path, query, nil, &raw)
		if err != nil {
			return err
		}
		var rules []map[string]any
		if err := decodeItems(raw, &rules); err != nil {
			return err
		}
		for _, rule := range rules {
			if rule["id"] == r.ocid {
				r.doc = rule
				return nil
			}
		}
		next := header.Get("opc-next-page")
		if next == "" {
			return &ociclient.Error{Status: http.StatusNotFound, Code: "NotAuthorizedOrNotFound", Message: "the group has no rule " + r.ocid}
		}
		query.Set("page", next)
	}
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
