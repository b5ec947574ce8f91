// Package budget makes a component of a monthly budget for a stack's compartment, and of its alerts.
package budget

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-oci/sdk/v3/go/oci/budget"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/home"
)

// Args are the arguments of New. All but HomeRegion and Tags are required.
type Args struct {
	TenancyID     string // OCID of the root compartment, which has all budgets
	CompartmentID string // OCID of the compartment whose costs are watched, with those below it
	Monthly       int    // amount of a month, in the currency of the account
	Emails        []string
	Region        string
	HomeRegion    string // default Region
	Tags          map[string]string
}

// Budget is the component.
type Budget struct {
	pulumi.ResourceState
}

// alerts are the rules of a budget. A forecast needs three days of a month (Oracle documentation, "Creating a Budget
// Alert Rule", November 2026, read only).
var alerts = []struct {
	name, kind string
	percent    float64
}{
	{"spent", "ACTUAL", 80},
	{"forecast", "FORECAST", 100},
}

// New makes the budget of a stack. It fails in the cloud if the compartment has a budget already: one is the limit
// ("Creating a Budget", November 2026, read only).
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Budget, error) {
	b := &Budget{}
	if err := ctx.RegisterComponentResource("oke-guestbook:budget:Budget", name, b, opts...); err != nil {
		return nil, err
	}
	options, err := home.Options(ctx, name, args.Region, args.HomeRegion, b)
	if err != nil {
		return nil, err
	}
	tags := pulumi.ToStringMap(args.Tags)
	made, err := budget.NewBudget(ctx, name, &budget.BudgetArgs{
		CompartmentId: pulumi.String(args.TenancyID),
		TargetType:    pulumi.String("COMPARTMENT"),
		Targets:       pulumi.ToStringArray([]string{args.CompartmentID}),
		Amount:        pulumi.Int(args.Monthly),
		ResetPeriod:   pulumi.String("MONTHLY"),
		DisplayName:   pulumi.String(name),
		Description:   pulumi.Sprintf("Costs of stack %s of %s", ctx.Stack(), ctx.Project()),
		FreeformTags:  tags,
	}, options...)
	if err != nil {
		return nil, fmt.Errorf("budget: %w", err)
	}
	for _, alert := range alerts {
		_, err := budget.NewRule(ctx, name+"-"+alert.name, &budget.RuleArgs{
			BudgetId:      made.ID(),
			DisplayName:   pulumi.String(alert.name),
			Type:          pulumi.String(alert.kind),
			Threshold:     pulumi.Float64(alert.percent),
			ThresholdType: pulumi.String("PERCENTAGE"),
			Recipients:    pulumi.String(strings.Join(args.Emails, ",")),
			FreeformTags:  tags,
		}, append(options, pulumi.Parent(made))...)
		if err != nil {
			return nil, fmt.Errorf("alert %s: %w", alert.name, err)
		}
	}
	return b, ctx.RegisterResourceOutputs(b, pulumi.Map{})
}
