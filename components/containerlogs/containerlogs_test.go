package containerlogs_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/containerlogs"
	"oke-guestbook/internal/mocks"
)

const (
	group   = "oci:Identity/dynamicGroup:DynamicGroup"
	policy  = "oci:Identity/policy:Policy"
	agent   = "oci:Logging/unifiedAgentConfiguration:UnifiedAgentConfiguration"
	nodesID = "ocid1.dynamicgroup.oc1..nodes"
)

func TestContainerLogs(t *testing.T) {
	for what, groupID := range map[string]string{"a dynamic group of the stack's": "", "an existing one": nodesID} {
		t.Run(what, func(t *testing.T) {
			r := mocks.New("project", "stack")
			err := r.Run(func(ctx *pulumi.Context) error {
				_, err := containerlogs.New(ctx, "s", &containerlogs.Args{
					CompartmentID: "ocid1.compartment.oc1..a", Namespaces: []string{"seoul", "busan"}, GroupID: groupID,
					TenancyID: "ocid1.tenancy.oc1..a", Region: "eu-frankfurt-1", HomeRegion: "us-ashburn-1",
				})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if made, err := r.Find(group, "s-containers"); (err == nil) != (groupID == "") {
				t.Errorf("dynamic group %+v: %v", made, err)
			} else if groupID == "" && (mocks.Text(made.Inputs["compartmentId"]) != "ocid1.tenancy.oc1..a" ||
				mocks.Text(made.Inputs["matchingRule"]) != "instance.compartment.id = 'ocid1.compartment.oc1..a'") {
				t.Errorf("dynamic group %+v", made.Inputs)
			}
			made, err := r.Find(policy, "s-containers")
			if err != nil {
				t.Fatal(err)
			}
			statement := mocks.Text(mocks.Items(made.Inputs["statements"])[0])
			if !strings.HasPrefix(statement, "Allow dynamic-group id ocid1.dynamicgroup.oc1.") ||
				groupID != "" && !strings.Contains(statement, groupID) ||
				!strings.Contains(statement, " to use log-content in compartment id ocid1.compartment.oc1..a where "+
					"target.loggroup.id = 'ocid1.loggroup.oc1.") {
				t.Errorf("statement %s", statement)
			}
			made, err = r.Find(agent, "s-containers")
			if err != nil {
				t.Fatal(err)
			}
			config := mocks.Properties(made.Inputs["serviceConfiguration"])
			source := mocks.Properties(mocks.Items(config["sources"])[0])
			paths := mocks.Items(source["paths"])
			if len(paths) != 2 || mocks.Text(paths[0]) != "/var/log/containers/*_seoul_*.log" {
				t.Errorf("paths %v", paths)
			}
			destination := mocks.Text(mocks.Properties(config["destination"])["logObjectId"])
			if !strings.HasPrefix(destination, "ocid1.log.oc1.") {
				t.Errorf("destination %s", destination)
			}
		})
	}
}
