package tags

import (
	"fmt"
	"strings"
	"testing"

	"oke-guestbook/plan/problem"
)

func TestCheck(t *testing.T) {
	namespaces := []Definition{{"o", "Operations", false}, {"old", "Old", true}, {"empty", "Empty", false}}
	for i := range 10 {
		namespaces = append(namespaces, Definition{ID: fmt.Sprint(i), Name: fmt.Sprint("Z", i)})
	}
	keys := map[string][]Definition{
		"o": {{"a", "CostCenter", false}, {"b", "Team", true}}, "old": {{"c", "CostCenter", false}},
	}
	for tag, want := range map[string]string{
		"Operations.CostCenter": "",
		"operations.costcenter": "",
		"Empty.Key":             "", // the user may not see its keys
		"Operatoins.CostCenter": "Operatoins, but Empty, Old, Operations, Z0, Z1, Z2, Z3, Z4, Z5, Z6, others:",
		"Operations.CostCentre": "Operations has no key CostCentre, but CostCenter, Team",
		"Operations.Team":       "Operations.Team is retired",
		"Old.CostCenter":        "the tag namespace Old is retired",
	} {
		var list problem.List
		asked := 0
		Check(&list, map[string]string{tag: "42", "Operations.CostCenter": "42"}, namespaces,
			func(d Definition) []Definition {
				asked++
				return keys[d.ID]
			})
		got := list.Problems()
		if want == "" && len(got) > 0 || want != "" &&
			(len(got) != 1 || got[0].Key != "definedTags" || !strings.Contains(got[0].Text, want)) {
			t.Errorf("%s: %v, want %q", tag, got, want)
		}
		if asked > 2 {
			t.Errorf("%s: %d questions for the keys of two namespaces", tag, asked)
		}
	}
}
