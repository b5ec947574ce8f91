package loadbalancer

import (
	"slices"

	"oke-guestbook/local/oci/engine"
)

// Limits of rule sets (Oracle documentation, "Rule Sets for Load Balancers", 2025-01-15).
const (
	maxRules    = 20 // of a rule set
	maxAllRules = 50 // of a load balancer
)

// redirectCodes are the status codes of redirect rules (API reference, RedirectRule).
var redirectCodes = []float64{301, 302, 303, 307, 308}

// completeRuleSet checks a rule set. Other rules than redirects are kept, and have no effect.
func completeRuleSet(doc engine.Doc) error {
	items := doc.Objects("items")
	if len(items) > maxRules {
		return engine.Invalid("items: a rule set has 1 to %d rules, not %d", maxRules, len(items))
	}
	for i, item := range items {
		if item.Str("action") != "REDIRECT" {
			continue
		}
		conditions := item.Objects("conditions")
		if len(conditions) != 1 || conditions[0].Str("attributeName") != "PATH" {
			return engine.Invalid("items[%d].conditions: a redirect rule has one condition, of type PATH", i)
		}
		item.Default(engine.Doc{"responseCode": 302.0})
		if code := item.Num("responseCode"); !slices.Contains(redirectCodes, code) {
			return engine.Invalid("items[%d].responseCode: %v must be 301, 302, 303, 307 or 308", i, code)
		}
	}
	return nil
}

// checkRuleSets checks the number of a load balancer's rules, and the rule sets of a listener.
func checkRuleSets(lb engine.Doc, name string, listener engine.Doc) error {
	rules := 0
	for set := range lb.Sub("ruleSets") {
		rules += len(lb.Objects("ruleSets", set, "items"))
	}
	if rules > maxAllRules {
		return engine.Invalid("ruleSets: a load balancer has at most %d rules, not %d", maxAllRules, rules)
	}
	for _, set := range listener.Texts("ruleSetNames") {
		switch {
		case lb.Sub("ruleSets", set) == nil:
			return engine.Invalid("the listener %s has the rule set %q, which the load balancer lacks", name, set)
		case listener.Str("protocol") == "TCP":
			return engine.Invalid("the listener %s has the rule set %q, and rule sets are for HTTP", name, set)
		}
	}
	return nil
}
