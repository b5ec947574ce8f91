package budget_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/budget"
	"oke-guestbook/internal/mocks"
)

func TestBudget(t *testing.T) {
	for home, provider := range map[string]bool{"": false, "us-ashburn-1": false, "ap-seoul-1": true} {
		r := mocks.New("project", "stack")
		err := r.Run(func(ctx *pulumi.Context) error {
			_, err := budget.New(ctx, "budget", &budget.Args{
				TenancyID: "ocid1.tenancy.oc1..a", CompartmentID: "ocid1.compartment.oc1..a", Monthly: 100,
				Emails: []string{"a@example.com", "b@example.com"}, Region: "us-ashburn-1", HomeRegion: home,
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		made, err := r.Find("oci:Budget/budget:Budget", "budget")
		if err != nil {
			t.Fatal(err)
		}
		targets := mocks.Items(made.Inputs["targets"])
		if mocks.Text(made.Inputs["compartmentId"]) != "ocid1.tenancy.oc1..a" ||
			len(targets) != 1 || mocks.Text(targets[0]) != "ocid1.compartment.oc1..a" {
			t.Errorf("budget %v", made.Inputs)
		}
		for _, name := range []string{"budget-spent", "budget-forecast"} {
			rule, err := r.Find("oci:Budget/rule:Rule", name)
			if err != nil {
				t.Fatal(err)
			}
			if mocks.Text(rule.Inputs["recipients"]) != "a@example.com,b@example.com" || rule.Parent != "budget" {
				t.Errorf("%s: parent %s, %v", name, rule.Parent, rule.Inputs)
			}
		}
		if _, err := r.Find("pulumi:providers:oci", "budget-home"); (err == nil) != provider {
			t.Errorf("home region %q: a provider of its own: %v", home, err)
		}
	}
}
