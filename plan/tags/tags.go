// Package tags compares defined tags with the tag namespaces of the tenancy.
package tags

import (
	"maps"
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
)

// Definition is a tag namespace, or a key of one.
type Definition struct {
	ID      string `pulumi:"id" json:"id"`
	Name    string `pulumi:"name" json:"name"`
	Retired bool   `pulumi:"isRetired" json:"isRetired"`
}

// Check adds the defined tags, by namespace and key, that do not exist or are retired. Namespaces are those that the
// user sees, at least one. keys returns the keys of one, or none if the user sees none.
func Check(
	list *problem.List, defined map[string]string, namespaces []Definition, keys func(Definition) []Definition,
) {
	asked := map[string][]Definition{}
	for _, tag := range slices.Sorted(maps.Keys(defined)) {
		name, key, _ := strings.Cut(tag, ".")
		namespace, found := find(namespaces, name)
		if !found {
			list.Add("definedTags", "%s: this user sees no tag namespace %s, but %s: check its name, and that the user may "+
				"use it (use tag-namespaces in tenancy)", tag, name, names(namespaces))
			continue
		}
		if _, known := asked[namespace.ID]; !known {
			asked[namespace.ID] = keys(namespace)
		}
		seen := asked[namespace.ID]
		definition, found := find(seen, key)
		switch {
		case namespace.Retired:
			list.Add("definedTags", "%s: the tag namespace %s is retired, so that no resource takes its tags", tag, name)
		case len(seen) > 0 && !found:
			list.Add("definedTags", "%s: the tag namespace %s has no key %s, but %s", tag, name, key, names(seen))
		case definition.Retired:
			list.Add("definedTags", "%s is retired, so that no resource takes it", tag)
		}
	}
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
