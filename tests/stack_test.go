// Package tests runs the whole program on Pulumi mocks.
package tests

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/internal/golden"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/internal/registry"
	"oke-guestbook/settings"
	"oke-guestbook/settings/stackfile"
	"oke-guestbook/stack"
)

const project = "oke-guestbook"

// environments are the stacks that the repository has files for.
var environments = []string{"local", "dev", "prod"}

// required are the settings that a stack's file leaves to its user.
var required = map[string]map[string]string{
	"dev":  {"compartmentId": compartment, "frontendImage": image, "apiAllowedCidrs": `["203.0.113.7/32"]`},
	"prod": {"compartmentId": compartment, "frontendImage": image, "bastionAllowedCidrs": `["203.0.113.0/24"]`},
}

const (
	compartment = "ocid1.compartment.oc1..aaaaexample"
	image       = "iad.ocir.io/tenancy/guestbook:v1"
)

// run runs the program as a new stack, with the settings of its file, its required settings, and set.
func run(t *testing.T, name string, set map[string]string) (*mocks.Recorder, error) {
	t.Helper()
	r := mocks.New(project, name)
	return r, update(t, name, set, r)
}

// update runs the program as an update of a stack. The existing gateways that settings name exist.
func update(t *testing.T, name string, set map[string]string, r *mocks.Recorder) error {
	t.Helper()
	program, option := prepared(t, name, set, r)
	return r.Run(program, option)
}

// prepared returns the program and its configuration, and makes the existing gateways that settings name exist.
func prepared(
	t *testing.T, name string, set map[string]string, r *mocks.Recorder,
) (pulumi.RunFunc, pulumi.RunOption) {
	t.Helper()
	config := configuration(t, name, set)
	r.CompartmentID = config[project+":compartmentId"]
	for _, key := range []string{"internetGatewayId", "natGatewayId", "serviceGatewayId"} {
		if id := config[project+":"+key]; id != "" && !strings.HasSuffix(id, mocks.Unseen) {
			r.ExistingGateways = append(r.ExistingGateways, id)
		}
	}
	var ask stack.Ask
	if r.Registries {
		ask = registry.Ask
	}
	return func(ctx *pulumi.Context) error { return stack.Deploy(ctx, config, ask) }, func(info *pulumi.RunInfo) {
		info.Config = config
		info.ConfigSecretKeys = []string{
			"oci:privateKey", project + ":databasePassword", project + ":tlsPrivateKey", project + ":guestbooks",
			project + ":registryPassword",
		}
	}
}

// configuration returns the settings of a stack's file, its required settings, and set.
func configuration(t *testing.T, name string, set map[string]string) map[string]string {
	t.Helper()
	_, file, err := stackfile.Read("..", name)
	if err != nil {
		t.Fatal(err)
	}
	config, _ := settings.AsHanded(project, file)
	config["oci:region"] = "us-ashburn-1"
	for _, more := range []map[string]string{required[name], set} {
		for key, value := range more {
			if !strings.Contains(key, ":") {
				key = project + ":" + key
			}
			config[key] = value
		}
	}
	return config
}

// TestGraph compares type, name and parent of everything that an environment makes with its golden file. A line that
// changes is a resource that is replaced.
func TestGraph(t *testing.T) {
	for _, name := range environments {
		t.Run(name, func(t *testing.T) {
			r, err := run(t, name, nil)
			if err != nil {
				t.Fatal(err)
			}
			lines := make([]string, 0, len(r.Resources))
			for _, res := range r.Resources {
				lines = append(lines, strings.TrimRight(fmt.Sprintf("%-50s %-50s %s", res.Type, res.Name, res.Parent), " "))
			}
			slices.Sort(lines)
			if duplicates := len(lines) - len(slices.Compact(slices.Clone(lines))); duplicates > 0 {
				t.Errorf("%d resources have the type and name of another", duplicates)
			}
			golden.Check(t, name+".graph", strings.Join(lines, "\n")+"\n")
		})
	}
}
