package tests

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"oke-guestbook/internal/mocks"
)

// TestDefinedTagsEverywhere expects the defined tags wherever the freeform ones are, and so on everything in OCI.
func TestDefinedTagsEverywhere(t *testing.T) {
	onPath(t, "oke")
	for _, stack := range []string{"local", "prod"} {
		r, err := run(t, stack, map[string]string{
			"definedTags": `{"Operations.CostCenter":"42"}`, "clusterType": "enhanced", "backupSchedule": "0 3 * * *",
			"flowLogs": `["workers"]`,
		})
		if err != nil {
			t.Fatal(err)
		}
		tagged := 0
		for _, res := range r.Resources {
			for path := range mocks.Flatten(resource.NewProperty(res.Inputs)) {
				if !strings.HasSuffix(path, "freeformTags.stack") {
					continue
				}
				tagged++
				defined := strings.TrimSuffix(path, "freeformTags.stack") + `definedTags["Operations.CostCenter"]`
				if mocks.Flatten(resource.NewProperty(res.Inputs))[defined] != "42" {
					t.Errorf("%s: %s %s has no %s", stack, res.Type, res.Name, defined)
				}
			}
		}
		if tagged < 10 {
			t.Errorf("%s: only %d have freeform tags", stack, tagged)
		}
	}
}

// TestDefinedTagsAreLookedUp expects an error before anything is made about tags that do not exist. There is none where
// the user sees no tag namespaces, or no similar one, and none about what was retired after the stack was made.
func TestDefinedTagsAreLookedUp(t *testing.T) {
	seen := map[string][]string{"Operations": {"CostCenter", "RetiredTeam"}, "RetiredSpace": {"CostCenter"}}
	for tag, test := range map[string]struct {
		seen map[string][]string
		want string
	}{
		"Operations.CostCenter":   {seen, ""},
		"Operatoins.CostCenter":   {seen, "no tag namespace Operatoins, but Operations, RetiredSpace"},
		"Operations.CostCentre":   {seen, "no key CostCentre, but CostCenter, RetiredTeam"},
		"Operations.RetiredTeam":  {seen, "Operations.RetiredTeam is retired"},
		"RetiredSpace.CostCenter": {seen, "the tag namespace RetiredSpace is retired"},
		"Unseen.CostCenter":       {nil, ""},
		"Finance.CostCenter":      {seen, ""}, // a policy may show only some
	} {
		r := mocks.New(project, "local")
		r.TagNamespaces = test.seen
		err := update(t, "local", map[string]string{"definedTags": `{"` + tag + `":"42"}`}, r)
		if (err == nil) != (test.want == "") || err != nil && !reports(err, "definedTags", test.want) {
			t.Errorf("%s: %v, want %q", tag, err, test.want)
		}
		if err != nil && len(r.Resources) > 0 {
			t.Errorf("%s: %d resources before the error", tag, len(r.Resources))
		}
	}
	stack := mocks.New(project, "local")
	if err := update(t, "local", nil, stack); err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"Operations.RetiredTeam", "RetiredSpace.CostCenter"} {
		next := stack.Next()
		next.TagNamespaces = seen
		if err := update(t, "local", map[string]string{"definedTags": `{"` + tag + `":"42"}`}, next); err != nil {
			t.Errorf("%s, which the stack has already: %v", tag, err)
		}
	}
	for _, hidden := range []string{"getTagNamespaces", "getCompartment"} {
		hidden = "oci:Identity/" + hidden + ":" + hidden
		r := mocks.New(project, "local")
		r.TagNamespaces, r.Denied = seen, []string{hidden}
		if err := update(t, "local", map[string]string{"definedTags": `{"Other.Key":"42"}`}, r); err != nil {
			t.Errorf("the user may not ask %s: %v", hidden, err)
		}
	}
}
