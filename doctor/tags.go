package doctor

import (
	"context"
	"net/url"

	"oke-guestbook/internal/ocirest"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/tags"
)

// tags compares the defined tags with the tag namespaces that the user sees.
func (v *visit) tags(ctx context.Context) []Result {
	defined := v.settings.DefinedTags
	if len(defined) == 0 {
		return nil
	}
	const path = "/tagNamespaces"
	namespaces, err := list[tags.Definition](ctx, v.cloud, identity, path,
		ocirest.In(v.login.Tenancy, "includeSubcompartments", "true"))
	if err != nil && !ocirest.IsNotFound(err) {
		return []Result{unavailable("definedTags", err)}
	}
	if len(namespaces) == 0 {
		return []Result{skipped("definedTags: this user sees no tag namespaces of the tenancy")}
	}
	running, errRunning := v.running(ctx) // offer tells of the error
	newStack := errRunning == nil && running.ControlPlane == ""
	keys := func(namespace tags.Definition) []tags.Definition {
		keys, askErr := list[tags.Definition](ctx, v.cloud, identity, path+"/"+namespace.ID+"/tags", url.Values{})
		if askErr != nil && !ocirest.IsNotFound(askErr) {
			err = askErr
		}
		return keys
	}
	var problems problem.List
	seen := tags.Tenancy{Namespaces: namespaces, Keys: keys}
	warnings := tags.Check(&problems, defined, seen, newStack)
	results := judged(&problems)
	for _, warning := range warnings {
		results = append(results, skipped("definedTags: %s", warning))
	}
	switch {
	case err != nil:
		results = append(results, unavailable("definedTags", err))
	case len(results) == 0:
		results = []Result{ok("%d defined tags exist", len(defined))}
	}
	return results
}
