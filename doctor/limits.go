package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/internal/ocirest"
	"oke-guestbook/plan/limit"
	"oke-guestbook/recovery/failure"
)

// limits compares the service limits, and what is left of them, with what the settings ask for.
func (v *visit) limits(ctx context.Context) []Result {
	running, err := v.running(ctx)
	if err == nil && running.ControlPlane != "" {
		return []Result{skipped("the stack exists: what it has is part of what is used")}
	}
	needs := limit.Stack{
		Network: v.settings.Network, Plan: v.plan, Cluster: v.settings.Cluster, Guestbooks: v.settings.Guestbooks,
		Domains: v.domains, Sizes: v.sizes(ctx),
	}.Needs()
	known := map[string][]limit.Value{}
	for _, n := range needs {
		if _, asked := known[n.Service]; asked {
			continue
		}
		values, err := list[limit.Value](ctx, v.cloud, limits, "/limitValues",
			ocirest.In(v.login.Tenancy, "serviceName", n.Service))
		switch {
		case ocirest.IsNotFound(err):
			return []Result{skipped("this user may not read the limits (read resource-availability in tenancy)")}
		case err != nil:
			return []Result{unavailable("limits of "+n.Service, err)}
		}
		known[n.Service] = values
	}
	var checks []check
	for _, n := range needs {
		checks = append(checks, check{"", func(ctx context.Context) []Result {
			return v.compare(ctx, n, known[n.Service])
		}})
	}
	return append(condense(all(ctx, checks...)), v.virtual()...)
}

// virtual reports what virtual nodes ask.
func (v *visit) virtual() []Result {
	nodes := 0
	for _, p := range v.settings.Cluster.VirtualNodePools {
		nodes += p.Size
	}
	if nodes == 0 {
		return nil
	}
	return []Result{skipped("virtualNodePools: %d virtual nodes; which limits count them and their Pods is not known",
		nodes)}
}

// condense replaces the needs that are met by one line.
func condense(results []Result) []Result {
	rest := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Status == OK })
	if len(rest) == 0 {
		return []Result{ok("%d service limits have room for what the settings ask", len(results))}
	}
	if met := len(results) - len(rest); met > 0 {
		rest = append(rest, ok("%d others have room", met))
	}
	return rest
}

// sizes returns those of shapes. An error leaves them out: fixed shapes' cores are then not compared.
func (v *visit) sizes(ctx context.Context) map[string]limit.Size {
	type shape struct {
		Shape string `json:"shape"`
		limit.Size
	}
	shapes, _ := list[shape](ctx, v.cloud, compute, "/shapes", ocirest.In(v.compartmentID))
	sizes := map[string]limit.Size{}
	for _, s := range shapes {
		sizes[s.Shape] = s.Size
	}
	return sizes
}

// compare compares one need with the limits that count for it.
func (v *visit) compare(ctx context.Context, n limit.Need, known []limit.Value) (results []Result) {
	for _, l := range n.Of(known) {
		results = append(results, v.left(ctx, n, l))
	}
	if len(results) == 0 && !n.Rare {
		return []Result{skipped("%s%s: the Limits service has no limit of %s", title(n), at(n.Domain),
			strings.Join(n.Names, " or "))}
	}
	return results
}

func title(n limit.Need) string {
	if len(n.Names) == 0 {
		return n.Service
	}
	return n.Service + " " + n.Names[0]
}

// left compares a need with what is left of a limit.
func (v *visit) left(ctx context.Context, n limit.Need, l limit.Value) Result {
	domain := ""
	if l.Scope == "AD" {
		domain = n.Domain
	}
	name, free, used := n.Service+" "+l.Name+at(domain), l.Value, 0.0
	if !n.Per && l.Value > 0 {
		is, wrong := v.available(ctx, name, n.Service, l, domain)
		if wrong != nil {
			return *wrong
		}
		free, used = *is.Available, is.Used
	}
	help := v.more(n.Service, l.Value, used)
	if domain != "" {
		help += "\nor set availabilityDomains to others"
	}
	switch {
	case free < n.Amount:
		return failed("%s: %s needs %s %s, and %s of %s are left", name, n.What, number(n.Amount), n.Unit, number(free),
			number(l.Value)).do("%s", help)
	case free < n.Most:
		return skipped("%s: %s needs %s %s, and with what maxSize and maxSurge add %s, but %s of %s are left", name, n.What,
			number(n.Amount), n.Unit, number(n.Most), number(free), number(l.Value)).do("%s", help)
	}
	return ok("%s", name)
}

// availability is what is left of a limit.
type availability struct {
	Used      float64
	Available *float64
}

// available asks what is left of a limit. wrong says why nobody knows.
func (v *visit) available(
	ctx context.Context, name, service string, l limit.Value, domain string,
) (is availability, wrong *Result) {
	query := ocirest.In(v.login.Tenancy)
	if domain != "" {
		query.Set("availabilityDomain", domain)
	}
	path := fmt.Sprintf("/services/%s/limits/%s/resourceAvailability", service, l.Name)
	var result Result
	switch err := v.cloud.get(ctx, limits, path, query, &is); {
	case err != nil && ocirest.IsNotFound(err):
		result = skipped("%s: the limit is %s; this user may not ask what is left", name, number(l.Value))
	case err != nil:
		result = unavailable(name, err)
	case is.Available == nil:
		result = skipped("%s: the limit is %s; the service does not say what is left", name, number(l.Value))
	default:
		return is, nil
	}
	return is, &result
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// more says where to ask for a higher limit.
func (v *visit) more(service string, value, used float64) string {
	where := fmt.Sprintf("%s, region %s", failure.AskForMore(service), v.cloud.Region)
	switch {
	case value == 0:
		return where + "\n" + failure.FreeAccount
	case used > 0:
		return fmt.Sprintf("free some of the %s that are used, or %s", number(used), where)
	}
	return where
}

func at(domain string) string {
	if domain == "" {
		return ""
	}
	return " in " + domain
}
