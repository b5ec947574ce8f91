package tags

import (
	"fmt"
	"strings"
	"testing"

	"oke-guestbook/plan/problem"
)

func TestCheck(t *testing.T) {
	seen := Tenancy{Namespaces: []Definition{{"o", "Operations", false}, {"old", "Old", true}, {"empty", "Empty", false}}}
	for i := range 10 {
		seen.Namespaces = append(seen.Namespaces, Definition{ID: fmt.Sprint(i), Name: fmt.Sprint("Z", i)})
	}
	keys := map[string][]Definition{
		"o": {{"a", "CostCenter", false}, {"b", "Team", true}}, "old": {{"c", "CostCenter", false}},
	}
	for tag, want := range map[string]struct{ exists, isNew string }{ // what begins with "warning: " is one
		"Operations.CostCenter": {"", ""},
		"operations.costcenter": {"", ""},
		"Empty.Key":             {"", ""}, // the user may not see its keys
		"Operatoins.CostCenter": both("Operatoins, but Empty, Old, Operations, Z0, Z1, Z2, Z3, Z4, Z5, Z6, others:"),
		"Finance.CostCenter":    both("warning: Finance.CostCenter is not checked: this user sees no tag namespace Finance"),
		"Ops.CostCenter":        both("warning: Ops.CostCenter is not checked"),
		"Operations.CostCentre": both("Operations has no key CostCentre, but CostCenter, Team"),
		"Old.CostCentre":        both("Old has no key CostCentre, but CostCenter"),
		"Operations.Team":       {"warning: Operations.Team is retired: resources keep it", "Operations.Team is retired"},
		"Old.CostCenter": {
			"warning: Old.CostCenter: the tag namespace Old is retired", "the tag namespace Old is retired",
		},
	} {
		for newStack, want := range map[bool]string{false: want.exists, true: want.isNew} {
			var list problem.List
			asked := 0
			seen.Keys = func(d Definition) []Definition {
				asked++
				return keys[d.ID]
			}
			warnings := Check(&list, map[string]string{tag: "42", "Operations.CostCenter": "42"}, seen, newStack)
			var got []string
			for _, p := range list.Problems() {
				got = append(got, p.String())
			}
			for _, w := range warnings {
				got = append(got, "warning: "+w)
			}
			isWarning := strings.HasPrefix(want, "warning: ")
			if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want) ||
				!isWarning && !strings.HasPrefix(got[0], "definedTags: ")) {
				t.Errorf("%s, new stack %t: %q, want %q", tag, newStack, got, want)
			}
			if asked > 2 {
				t.Errorf("%s: %d questions for the keys of two namespaces", tag, asked)
			}
		}
	}
}

// both is what is said of a stack, whether or not it exists.
func both(want string) struct{ exists, isNew string } {
	return struct{ exists, isNew string }{want, want}
}
