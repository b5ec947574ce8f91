// Package tags compares defined tags with the tag namespaces of the tenancy.
package tags

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"oke-guestbook/plan/problem"
)

// Definition is a tag namespace, or a key of one.
type Definition struct {
	ID      string `pulumi:"id" json:"id"`
	Name    string `pulumi:"name" json:"name"`
	Retired bool   `pulumi:"isRetired" json:"isRetired"`
}

// Tenancy is what the user sees of a tenancy.
type Tenancy struct {
	Namespaces []Definition                  // at least one
	Keys       func(Definition) []Definition // of a namespace; none if the user sees none
}

// Check adds the defined tags, by namespace and key, that do not exist, and for a new stack those that are retired. It
// returns warnings of what may be right: a namespace that is like none that the user sees, and what is retired for a
// stack that exists, whose resources keep it.
func Check(list *problem.List, defined map[string]string, seen Tenancy, newStack bool) (warnings []string) {
	asked := map[string][]Definition{}
	retired := func(format string, args ...any) {
		if newStack {
			list.Add("definedTags", "%s, so that no new resource takes it", fmt.Sprintf(format, args...))
			return
		}
		warnings = append(warnings, fmt.Sprintf(format, args...)+": resources keep it, and a new one does not take it")
	}
	for _, tag := range slices.Sorted(maps.Keys(defined)) {
		name, key, _ := strings.Cut(tag, ".")
		namespace, found := find(seen.Namespaces, name)
		if !found {
			if hasLike(seen.Namespaces, name) {
				list.Add("definedTags", "%s: this user sees no tag namespace %s, but %s: check its name, and that the user "+
					"may use it (use tag-namespaces in tenancy)", tag, name, names(seen.Namespaces))
			} else {
				warnings = append(warnings, fmt.Sprintf("%s is not checked: this user sees no tag namespace %s, but %s",
					tag, name, names(seen.Namespaces)))
			}
			continue
		}
		if _, known := asked[namespace.ID]; !known {
			asked[namespace.ID] = seen.Keys(namespace)
		}
		keys := asked[namespace.ID]
		definition, found := find(keys, key)
		switch {
		case len(keys) > 0 && !found:
			list.Add("definedTags", "%s: the tag namespace %s has no key %s, but %s", tag, name, key, names(keys))
		case namespace.Retired:
			retired("%s: the tag namespace %s is retired", tag, name)
		case definition.Retired:
			retired("%s is retired", tag)
		}
	}
	return warnings
}

// hasLike reports whether the name may be a misspelt one of these: one letter of four differs at most.
func hasLike(all []Definition, name string) bool {
	return slices.ContainsFunc(all, func(d Definition) bool {
		return levenshtein.Distance(strings.ToLower(d.Name), strings.ToLower(name), nil) <= len(name)/4
	})
}

// find returns the definition of a name, which the service compares without case.
func find(all []Definition, name string) (Definition, bool) {
	at := slices.IndexFunc(all, func(d Definition) bool { return strings.EqualFold(d.Name, name) })
	if at < 0 {
		return Definition{}, false
	}
	return all[at], true
}

// most is how many names a message has.
const most = 10

func names(all []Definition) string {
	var list []string
	for _, d := range all {
		list = append(list, d.Name)
	}
	slices.Sort(list)
	if len(list) > most {
		list = append(list[:most], "others")
	}
	return strings.Join(list, ", ")
}
