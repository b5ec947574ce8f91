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
