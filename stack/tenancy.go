package stack

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/oke"
	"oke-guestbook/plan/limit"
	"oke-guestbook/plan/problem"
)

// These are called by their tokens: pulumi-oci's packages identity and limits, which have typed functions for them,
// would have to be compiled.
const (
	getCompartment         = "oci:Identity/getCompartment:getCompartment"
	getRegionSubscriptions = "oci:Identity/getRegionSubscriptions:getRegionSubscriptions"
	getLimitValues         = "oci:Limits/getLimitValues:getLimitValues"
)

// lookAtTenancy checks that the tenancy's home region is the one that the settings name, if the stack has something
// there, and that no limit which a new stack needs is 0. What the user may not see is not checked: the statements for
// the compartment do not include it (docs/doctor.md names them).
func (c *composition) lookAtTenancy(ctx *pulumi.Context, offer *oke.Offer) error {
	home := c.settings.InHomeRegion(ctx.Project(), ctx.Stack())
	if !home && !offer.New() {
		return nil
	}
	tenancy := c.tenancy(ctx)
	if tenancy == "" {
		return nil
	}
	if home {
		if err := c.checkHomeRegion(ctx, tenancy); err != nil {
			return err
		}
	}
	if offer.New() {
		return c.checkLimits(ctx, tenancy, offer.AllDomains)
	}
	return nil
}

// ask asks for what a check needs, and reports whether there was an answer.
func ask(ctx *pulumi.Context, function string, args map[string]any, result any) bool {
	if err := ctx.Invoke(function, args, result); err != nil {
		_ = ctx.Log.Debug(fmt.Sprintf("%s: %v", function, err), nil)
		return false
	}
	return true
}

// depth is how many compartments can be above the stack's (Oracle documentation, "Managing Compartments": six levels).
const depth = 6

// tenancy returns the OCID of the tenancy, which the settings need not have; empty if it cannot be found.
func (c *composition) tenancy(ctx *pulumi.Context) string {
	id := cmp.Or(c.settings.TenancyID, c.settings.Login.Keys.Tenancy, c.settings.CompartmentID)
	for range depth {
		if strings.HasPrefix(id, "ocid1.tenancy.") {
			return id
		}
		var found struct {
			Parent string `pulumi:"compartmentId"`
		}
		if !ask(ctx, getCompartment, map[string]any{"id": id}, &found) || found.Parent == "" {
			return ""
		}
		id = found.Parent
	}
	return ""
}

// checkHomeRegion returns an error if policies would be made in a region that refuses them.
func (c *composition) checkHomeRegion(ctx *pulumi.Context, tenancy string) error {
	var found struct {
		Subscriptions []struct {
			Name   string `pulumi:"regionName"`
			IsHome bool   `pulumi:"isHomeRegion"`
		} `pulumi:"regionSubscriptions"`
	}
	ask(ctx, getRegionSubscriptions, map[string]any{"tenancyId": tenancy}, &found)
	named := cmp.Or(c.settings.HomeRegion, c.settings.Region)
	var list problem.List
	for _, s := range found.Subscriptions {
		if s.IsHome && named != "" && named != s.Name {
			list.Add("homeRegion", "the tenancy's home region is %s, and not %s: it alone takes the stack's policies, dynamic "+
				"group or budget: pulumi config set homeRegion %s", s.Name, named, s.Name)
		}
	}
	return list.Err()
}

// checkLimits returns an error if a limit that a new stack needs is 0. What is left of the others is not asked for:
// make doctor does, with a request for each of some twenty.
func (c *composition) checkLimits(ctx *pulumi.Context, tenancy string, domains []string) error {
	needs := limit.Stack{
		Network: c.settings.Network, Plan: c.plan, Cluster: c.settings.Cluster, Guestbooks: c.settings.Guestbooks,
		Domains: domains,
	}.Needs()
	known := map[string][]limit.Value{}
	for _, n := range needs {
		known[n.Service] = nil
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for service := range known {
		wait.Go(func() {
			values := limitsOf(ctx, tenancy, service)
			mu.Lock()
			defer mu.Unlock()
			known[service] = values
		})
	}
	wait.Wait()
	zero := limit.Zero(needs, known)
	if len(zero) == 0 {
		return nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d service limits are 0 that the settings need more of:\n", len(zero))
	for _, n := range zero {
		fmt.Fprintf(&text, "  - %s\n", n)
	}
	return fmt.Errorf("%smake doctor STACK=%s says where to ask for more. A free account whose trial has ended has 0 of "+
		"some: upgrade it to Pay As You Go first", text.String(), ctx.Stack())
}

// limitsOf returns the limits of a service; none if the user may not see them.
func limitsOf(ctx *pulumi.Context, tenancy, service string) (values []limit.Value) {
	var found struct {
		Values []struct {
			Name   string `pulumi:"name"`
			Scope  string `pulumi:"scopeType"`
			Domain string `pulumi:"availabilityDomain"`
			Value  string `pulumi:"value"`
		} `pulumi:"limitValues"`
	}
	ask(ctx, getLimitValues, map[string]any{"compartmentId": tenancy, "serviceName": service}, &found)
	for _, v := range found.Values {
		if n, err := strconv.ParseFloat(v.Value, 64); err == nil {
			values = append(values, limit.Value{Name: v.Name, Scope: v.Scope, AvailabilityDomain: v.Domain, Value: n})
		}
	}
	return values
}
