// Package budget emulates the Budgets service. Spending is not: no alert is ever sent.
package budget

import (
	"net/mail"
	"regexp"
	"strings"

	"oke-guestbook/local/oci/engine"
)

const (
	base       = "/20190111"
	budgetKind = "budget"
	ruleKind   = "alertrule"
)

// states of budgets and rules, which begin and end at once: the service has none for deleted ones.
var states = engine.States{Creating: "INACTIVE", Live: "ACTIVE", Deleting: "INACTIVE"}

// Register adds the service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	api.Serve(&engine.Kind{
		Name: budgetKind, Path: "/budgets", Create: "budget.CreateBudgetDetails", Update: "budget.UpdateBudgetDetails",
		Model: "budget.Budget", Summary: "budget.BudgetSummary", Global: true, States: states,
		Defaults: engine.Doc{
			"alertRuleCount": 0.0, "processingPeriodType": "MONTH", "budgetProcessingPeriodStartOffset": 1.0,
			"actualSpend": 0.0, "forecastedSpend": 0.0, "version": 1.0,
		},
		OnCreate: createBudget, OnUpdate: raiseVersion, Check: checkBudget, OnDelete: removeRules,
	})
	api.Serve(&engine.Kind{
		Name: ruleKind, Path: "/budgets/{budgetId}/alertRules", Parent: "budgetId",
		Create: "budget.CreateAlertRuleDetails", Update: "budget.UpdateAlertRuleDetails", Model: "budget.AlertRule",
		Summary: "budget.AlertRuleSummary", Global: true, States: states,
		Defaults: engine.Doc{"recipients": "", "version": 1.0}, OnCreate: createRule, OnUpdate: raiseVersion,
		Check: checkRule, Created: countRules, Removed: countRules,
	})
}

// createBudget checks where the budget is, and completes its target (Oracle documentation, "Creating a Budget",
// November 2026: it is in the root compartment, and a compartment has one budget).
func createBudget(c *engine.Call, doc engine.Doc) error {
	if doc.Str("compartmentId") != engine.TenancyID {
		return engine.Invalid("compartmentId: a budget belongs to the root compartment")
	}
	old, targets := doc.Str("targetCompartmentId"), doc.Texts("targets")
	switch {
	case old != "" && len(targets) > 0:
		return engine.Invalid("targetCompartmentId and targets cannot be used together")
	case old != "":
		targets = []string{old}
	case len(targets) != 1:
		return engine.Invalid("targets: there must be exactly one")
	}
	doc.Default(engine.Doc{"targetType": "COMPARTMENT"})
	doc["targets"] = engine.List(targets)
	if doc.Str("targetType") != "COMPARTMENT" {
		return engine.NotImplemented("targetType: the local cloud has COMPARTMENT only")
	}
	if targets[0] != engine.TenancyID && targets[0] != engine.CompartmentID {
		return engine.RelatedNotFound("targets", targets[0])
	}
	doc["targetCompartmentId"], doc["timeUpdated"] = targets[0], engine.Timestamp(c.Now)
	for _, other := range c.All(budgetKind) {
		if other.Doc.Str("targetCompartmentId") == targets[0] {
			return engine.Conflict("the compartment %s has the budget %s", targets[0], other.ID)
		}
	}
	return nil
}

var budgetName = regexp.MustCompile(`^[A-Za-z_-][A-Za-z0-9_-]*$`)

func checkBudget(_ *engine.Tx, doc engine.Doc) error {
	if amount := doc.Num("amount"); amount < 1 || amount != float64(int(amount)) {
		return engine.Invalid("amount: %v must be a whole number of at least 1", amount)
	}
	if name := doc.Str("displayName"); !budgetName.MatchString(name) {
		return engine.Invalid("displayName: %q may have letters, digits, dashes and underscores, and must not begin "+
			"with a digit", name)
	}
	return nil
}

func createRule(c *engine.Call, doc engine.Doc) error {
	budget, err := c.Named(budgetKind, c.Path("budgetId"))
	if err != nil {
		return err
	}
	doc["budgetId"], doc["timeUpdated"] = budget.ID, engine.Timestamp(c.Now)
	return nil
}

// checkRule checks threshold and recipients ("Creating a Budget Alert Rule", November 2026: addresses are separated by
// a comma, a semicolon or white space, a percentage is at most 10000, and the message has at most 1000 characters).
func checkRule(_ *engine.Tx, doc engine.Doc) error {
	threshold := doc.Num("threshold")
	if threshold <= 0 || doc.Str("thresholdType") == "PERCENTAGE" && threshold > 10000 {
		return engine.Invalid("threshold: %v must be greater than 0, and at most 10000 percent", threshold)
	}
	separates := func(r rune) bool { return strings.ContainsRune(",; \t\n", r) }
	recipients := strings.FieldsFunc(doc.Str("recipients"), separates)
	for _, address := range recipients {
		if _, err := mail.ParseAddress(address); err != nil {
			return engine.Invalid("recipients: %q is no email address", address)
		}
	}
	if len(doc.Str("message")) > 1000 {
		return engine.Invalid("message: it has more than 1000 characters")
	}
	return nil
}

func raiseVersion(c *engine.Call, old, doc engine.Doc) error {
	doc["version"], doc["timeUpdated"] = old.Num("version")+1, engine.Timestamp(c.Now)
	return nil
}

// countRules keeps the number of a budget's rules in the budget.
func countRules(t *engine.Tx, rule *engine.Resource) error {
	id := rule.Doc.Str("budgetId")
	if budget := t.Edit(id); budget != nil {
		budget.Doc["alertRuleCount"] = float64(len(t.All(ruleKind, engine.With("budgetId", id))))
	}
	return nil
}

// removeRules removes a budget's rules with it.
func removeRules(t *engine.Tx, budget *engine.Resource) error {
	return t.RemoveAll(t.All(ruleKind, engine.With("budgetId", budget.ID)))
}
