package doctor

import (
	"context"
	"errors"

	"oke-guestbook/internal/ocilogin"
	"oke-guestbook/internal/ocirest"
	"oke-guestbook/plan/layout"
	"oke-guestbook/settings"
)

// Stack is the stack to check.
type Stack struct {
	Dir     string // of Pulumi.yaml
	Project string
	Name    string
	File    map[string]any // section config of the stack's file
	Group   string         // of those who run pulumi, for the statements of policies that they lack
	Domain  string         // identity domain of Group; empty for none
}

// Run checks a stack. What needs the answer of an earlier check that failed is reported as skipped.
func Run(ctx context.Context, s Stack) *Report {
	v := &visit{Stack: s}
	results := all(ctx, check{"Tools", v.tools}, check{"Settings", v.readSettings})
	results = append(results, all(ctx, check{"Credentials", v.logIn})...)
	if v.cloud != nil {
		results = append(results, all(ctx, check{"Account", v.account})...)
	}
	results = append(results, all(ctx, v.others()...)...)
	report := &Report{Stack: s.Name, Results: results}
	report.OK = report.Failed() == 0
	return report
}

// visit is what the checks of a stack share. Each stage fills in what later ones use.
type visit struct {
	Stack
	config   map[string]string  // as pulumi hands it to the program
	settings *settings.Settings // nil: they have problems
	plan     layout.Layout
	login    *ocilogin.Login // nil: there is none
	cloud    *cloud          // nil: there is no login

	compartmentID string   // empty: unset, or not usable
	domains       []string // availability domains, sorted
}

// others are the checks that need nothing of each other.
func (v *visit) others() []check {
	images := advised("correct the image of the setting, or try again if its registry is down", v.images)
	checks := []check{{"Images", images}, {"This machine", v.routes}, {"This machine", v.endpoint}}
	switch {
	case v.settings == nil:
		return []check{{"Rest", why("the settings need a change first: rights, limits, versions, images and network")}}
	case v.cloud == nil || v.compartmentID == "":
		return append(checks, check{
			"Rest", why("there is no access to the compartment yet: rights, limits, versions and network"),
		})
	}
	return append([]check{
		{"Rights", v.rights},
		{"Offer", v.offer},
		{"Limits", v.limits},
		{"Network", v.network},
		{"Network", v.addresses},
		{"Network", v.certificates},
		{"Network", v.hostRecords},
		{"OCIDs", v.named},
		{"Tags", v.tags},
	}, checks...)
}

// advised is a check whose failures without advice of their own have this one.
func advised(advice string, run func(context.Context) []Result) func(context.Context) []Result {
	return func(ctx context.Context) []Result {
		results := run(ctx)
		for i, r := range results {
			if r.Status == Failed && r.Do == "" {
				results[i] = r.do("%s", advice)
			}
		}
		return results
	}
}

// why is a check that is skipped.
func why(text string) func(context.Context) []Result {
	return func(context.Context) []Result { return []Result{skipped("%s", text)} }
}

// logIn finds the credentials.
func (v *visit) logIn(ctx context.Context) []Result {
	login, err := ocilogin.Find(ctx, ocilogin.Options{Provider: true, Config: v.config})
	var bad *ocilogin.Problem
	if errors.As(err, &bad) {
		return []Result{failed("%s", bad.Text).do("%s", bad.Do)}
	}
	v.login, v.cloud = login, &cloud{ocirest.New(login.Keys, login.Region, patience)}
	return []Result{ok("%s", login.From)}
}
