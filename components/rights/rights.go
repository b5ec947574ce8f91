// Package rights makes a component of the IAM policy by which a cluster and its node pools use what is not theirs:
// keys, capacity reservations, a network in another compartment.
package rights

import (
	"context"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/home"
	"oke-guestbook/components/lookup"
	"oke-guestbook/plan/iam"
)

// Args are the arguments of New.
type Args struct {
	Policy     *iam.Policy   // nil: there is none to make
	Wait       time.Duration // from its creation until it is in force
	Region     string
	HomeRegion string // default Region
	Tags       map[string]string
}

// Rights is the component.
type Rights struct {
	pulumi.ResourceState

	// InForce resolves to the policy, once it has had time to take effect; nil if there is none.
	InForce pulumi.ResourceArrayInput
}

// New makes the policy, if there is one to make. Its name ends with a hash of its statements, so that a change of them
// replaces it: the new policy is made and waited for before the old one is deleted.
//
// What uses it has to wait: a cluster that may not use its key is FAILED after minutes, and no provider tries that
// again, while it does so by itself with requests that are refused at once, for minutes after a change of IAM
// (oci-go-sdk v65.129.0, common/eventual_consistency.go).
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Rights, error) {
	r := &Rights{}
	if args.Policy == nil {
		return r, nil
	}
	if err := ctx.RegisterComponentResource("oke-guestbook:rights:Rights", name, r, opts...); err != nil {
		return nil, err
	}
	options, err := home.Options(ctx, name, args.Region, args.HomeRegion, r)
	if err != nil {
		return nil, err
	}
	made, err := home.Policy{
		Name: args.Policy.Name, CompartmentID: args.Policy.CompartmentID,
		Description: "What the cluster of stack " + ctx.Stack() + " of " + ctx.Project() + " and its node pools use",
		Statements:  pulumi.ToStringArray(args.Policy.Statements), Tags: args.Tags,
	}.Create(ctx, name, options...)
	if err != nil {
		return nil, err
	}
	r.InForce = made.TimeCreated.ApplyTWithContext(ctx.Context(),
		func(ctx context.Context, created *string) ([]pulumi.Resource, error) {
			left := time.Duration(0)
			if created != nil {
				left = iam.WaitLeft(lookup.Time(*created), time.Now(), args.Wait)
			}
			return []pulumi.Resource{made}, wait(ctx, left)
		}).(pulumi.ResourceArrayOutput)
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{})
}

// wait passes the time, unless the context ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
