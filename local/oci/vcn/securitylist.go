package vcn

import (
	"fmt"
	"slices"
	"time"

	"oke-guestbook/local/oci/engine"
)

const securityRuleLimit = "security-rules-per-list-and-direction"

func registerSecurityLists(api engine.API) {
	api.AddLimit(securityRuleLimit, 200)
	api.Serve(&engine.Kind{
		Name: securityListKind, Path: "/securityLists", Create: "core.CreateSecurityListDetails",
		Update: "core.UpdateSecurityListDetails", Model: "core.SecurityList", Filters: []string{"vcnId"}, Limit: 300,
		Private: engine.PrivateOf[partState](), States: engine.CoreStates, CreateTime: time.Second, DeleteTime: time.Second,
		OnCreate: checkVcn, Check: checkSecurityList, OnDelete: checkSecurityListUnused,
	})
}

// defaultSecurityRules are those of a VCN's default security list (Oracle: "Security Lists", default security list).
func defaultSecurityRules(vcnCIDR string) engine.Doc {
	rule := func(direction, cidr, protocol string) engine.Doc {
		return engine.Doc{direction: cidr, direction + "Type": "CIDR_BLOCK", "protocol": protocol, "isStateless": false}
	}
	ssh := rule("source", "0.0.0.0/0", "6")
	ssh["tcpOptions"] = engine.Doc{"destinationPortRange": engine.Doc{"min": 22.0, "max": 22.0}}
	fragmentation := rule("source", "0.0.0.0/0", "1")
	fragmentation["icmpOptions"] = engine.Doc{"type": 3.0, "code": 4.0}
	unreachable := rule("source", vcnCIDR, "1")
	unreachable["icmpOptions"] = engine.Doc{"type": 3.0}
	return engine.Doc{
		"ingressSecurityRules": []any{ssh, fragmentation, unreachable},
		"egressSecurityRules":  []any{rule("destination", "0.0.0.0/0", "all")},
	}
}

func checkSecurityList(t *engine.Tx, doc engine.Doc) error {
	for _, d := range []struct{ rules, end string }{
		{"ingressSecurityRules", "source"}, {"egressSecurityRules", "destination"},
	} {
		rules := doc.Objects(d.rules)
		if n := t.Limit(securityRuleLimit); len(rules) > n {
			return engine.LimitExceeded("%s: a security list has at most %d rules a direction", d.rules, n)
		}
		for i, rule := range rules {
			if err := checkSecurityRule(t, fmt.Sprintf("%s[%d]", d.rules, i), d.end, rule); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkSecurityListUnused(t *engine.Tx, r *engine.Resource) error {
	if isDefault(r) {
		return engine.Conflict("%s is the default of its VCN and is deleted with it", r.ID)
	}
	for _, subnet := range inVcn(t, SubnetKind, r.Doc.Str("vcnId")) {
		if slices.Contains(subnet.Doc.Texts("securityListIds"), r.ID) {
			return engine.IncorrectState("%s is associated with subnet %s that is in use", r.ID, subnet.ID)
		}
	}
	return nil
}
