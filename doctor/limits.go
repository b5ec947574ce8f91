package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/internal/ocirest"
	"oke-guestbook/recovery/failure"
)

// limit is one that a service has.
type limit struct {
	Name               string  `json:"name"`
	Scope              string  `json:"scopeType"` // GLOBAL, REGION or AD
	AvailabilityDomain string  `json:"availabilityDomain"`
	Value              float64 `json:"value"`
}

// limits compares the service limits, and what is left of them, with what the settings ask for.
func (v *visit) limits(ctx context.Context) []Result {
	running, err := v.running(ctx)
	if err == nil && running.ControlPlane != "" {
		return []Result{skipped("the stack exists: what it has is part of what is used")}
	}
	needs := v.needs(v.sizes(ctx))
	known := map[string][]limit{}
	for _, n := range needs {
		if _, asked := known[n.service]; asked {
			continue
		}
		values, err := list[limit](ctx, v.cloud, limits, "/limitValues",
			ocirest.In(v.login.Tenancy, "serviceName", n.service))
		switch {
		case ocirest.IsNotFound(err):
			return []Result{skipped("this user may not read the limits (read resource-availability in tenancy)")}
		case err != nil:
			return []Result{unavailable("limits of "+n.service, err)}
		}
		known[n.service] = values
	}
	var checks []check
	for _, n := range needs {
		checks = append(checks, check{"", func(ctx context.Context) []Result {
			return v.compare(ctx, n, known[n.service])
		}})
	}
	return condense(all(ctx, checks...), len(needs))
}

// condense replaces the needs that are met by one line.
func condense(results []Result, needs int) []Result {
	rest := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Status == OK })
	if len(rest) == 0 {
		return []Result{ok("%d service limits have room for what the settings ask", needs)}
	}
	if met := len(results) - len(rest); met > 0 {
		rest = append(rest, ok("%d others have room", met))
	}
	return rest
}

// sizes returns those of shapes. An error leaves them out: fixed shapes' cores are then not compared.
func (v *visit) sizes(ctx context.Context) map[string]size {
	type shape struct {
		Shape string `json:"shape"`
		size
	}
	shapes, _ := list[shape](ctx, v.cloud, compute, "/shapes", ocirest.In(v.compartmentID))
	sizes := map[string]size{}
	for _, s := range shapes {
		sizes[s.Shape] = s.size
	}
	return sizes
}

// compare compares one need with the limits of its names that the service has.
func (v *visit) compare(ctx context.Context, n need, known []limit) (results []Result) {
	for _, l := range known {
		inDomain := l.Scope != "AD" || l.AvailabilityDomain == n.domain
		if slices.Contains(n.names, l.Name) && inDomain {
			results = append(results, v.left(ctx, n, l))
		}
	}
	if len(results) == 0 {
		return []Result{skipped("%s%s: the Limits service has no limit of %s", n.title(), at(n.domain),
			strings.Join(n.names, " or "))}
	}
	return results
}

func (n need) title() string {
	if len(n.names) == 0 {
		return n.service
	}
	return n.service + " " + n.names[0]
}

// left asks what is left of a limit.
func (v *visit) left(ctx context.Context, n need, l limit) Result {
	domain := ""
	if l.Scope == "AD" {
		domain = n.domain
	}
	name, free, used := n.service+" "+l.Name+at(domain), l.Value, 0.0
	if !n.per && l.Value > 0 {
		query := ocirest.In(v.login.Tenancy)
		if domain != "" {
			query.Set("availabilityDomain", domain)
		}
		var availability struct{ Used, Available *float64 }
		path := fmt.Sprintf("/services/%s/limits/%s/resourceAvailability", n.service, l.Name)
		switch err := v.cloud.get(ctx, limits, path, query, &availability); {
		case err != nil && ocirest.IsNotFound(err):
			return skipped("%s: the limit is %s; this user may not ask what is left", name, number(l.Value))
		case err != nil:
			return unavailable(name, err)
		case availability.Available == nil:
			return skipped("%s: the limit is %s; the service does not say what is left", name, number(l.Value))
		}
		free = *availability.Available
		if availability.Used != nil {
			used = *availability.Used
		}
	}
	if free < n.amount {
		help := v.more(n.service, l.Value, used)
		if domain != "" {
			help += "\nor set availabilityDomains to others"
		}
		return failed("%s: %s needs %s %s, and %s of %s are left", name, n.what, number(n.amount), n.unit, number(free),
			number(l.Value)).do("%s", help)
	}
	return ok("%s", name)
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
