package budget_test

import (
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestBudget(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		const budgets = ocitest.Budget + "/budgets"
		body := engine.Doc{
			"compartmentId": oci.TenancyID, "targetType": "COMPARTMENT", "targets": []any{oci.CompartmentID},
			"amount": 100.0, "resetPeriod": "MONTHLY", "displayName": "guestbook",
		}
		c.Refused(400, "InvalidParameter", "root compartment", "POST", budgets,
			ocitest.Changed(body, "compartmentId", oci.CompartmentID))
		c.Refused(400, "InvalidParameter", "exactly one", "POST", budgets, ocitest.Changed(body, "targets", []any{}))
		c.Refused(400, "InvalidParameter", "amount", "POST", budgets, ocitest.Changed(body, "amount", 0.5))
		c.Refused(400, "InvalidParameter", "displayName", "POST", budgets, ocitest.Changed(body, "displayName", "1 budget"))
		c.Want(200, "POST", budgets, body)
		id := c.GetList(budgets + "?compartmentId=" + oci.TenancyID)[0].Str("id")
		c.Refused(409, "Conflict", "has the budget", "POST", budgets, ocitest.Changed(body, "displayName", "again"))

		rules := budgets + "/" + id + "/alertRules"
		rule := engine.Doc{
			"type": "FORECAST", "threshold": 100.0, "thresholdType": "PERCENTAGE", "recipients": "a@example.com, b@example.com",
		}
		c.Refused(400, "InvalidParameter", "threshold", "POST", rules, ocitest.Changed(rule, "threshold", 10001.0))
		c.Refused(400, "InvalidParameter", "no email address", "POST", rules, ocitest.Changed(rule, "recipients", "me"))
		c.Want(200, "POST", rules, rule)
		if got := c.Get(budgets + "/" + id); got.Num("alertRuleCount") != 1 {
			t.Errorf("budget with a rule: %v", got)
		}
		made := rules + "/" + c.GetList(rules)[0].Str("id")
		c.Want(200, "PUT", made, engine.Doc{"threshold": 90.0})
		if got := c.Get(made); got.Num("threshold") != 90 || got.Num("version") != 2 {
			t.Errorf("rule after its change: %v", got)
		}
		c.Want(204, "DELETE", budgets+"/"+id, nil)
		c.Refused(404, "NotAuthorizedOrNotFound", id, "GET", budgets+"/"+id, nil)
		c.NothingLeft()
	})
}
