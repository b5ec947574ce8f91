package logs_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/logs"
	"oke-guestbook/internal/mocks"
)

func deploy(destination string) (*mocks.Recorder, error) {
	r := mocks.New("project", "stack")
	return r, r.Run(func(ctx *pulumi.Context) error {
		_, err := logs.New(ctx, "logs", &logs.Args{
			Image: "docker.io/fluent/fluent-bit:4.0.3", Destination: destination, Namespaces: []string{"seoul", "busan"},
		})
		return err
	})
}

// daemonSet returns the agents' DaemonSet.
func daemonSet(t *testing.T) mocks.Resource {
	t.Helper()
	r, err := deploy("logs.example.com:24224")
	if err != nil {
		t.Fatal(err)
	}
	set, err := r.Find("kubernetes:apps/v1:DaemonSet", "logs")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestPlaceholders expects the agent's container to have exactly the variables that its configuration names.
func TestPlaceholders(t *testing.T) {
	set := daemonSet(t)
	path := resource.PropertyPath{"spec", "template", "spec", "containers", 0, "env"}
	env, _ := path.Get(resource.NewProperty(set.Inputs))
	got := map[string]string{}
	for _, variable := range mocks.Items(env) {
		v := mocks.Properties(variable)
		got[mocks.Text(v["name"])] = mocks.Text(v["value"])
	}
	want := map[string]string{"HOST": "logs.example.com", "PORT": "24224", "NAMESPACES": "seoul|busan"}
	if !maps.Equal(got, want) {
		t.Errorf("the agent has %v, want %v", got, want)
	}
	config, err := os.ReadFile("fluent-bit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, match := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllSubmatch(config, -1) {
		named = append(named, string(match[1]))
	}
	slices.Sort(named)
	if !slices.Equal(named, slices.Sorted(maps.Keys(want))) {
		t.Errorf("the configuration names %v, want the keys of %v", named, want)
	}
}

// TestBadDestination expects an error before anything is registered.
func TestBadDestination(t *testing.T) {
	if r, err := deploy("logs.example.com"); err == nil || len(r.Resources) > 0 {
		t.Errorf("got %v, with %d resources", err, len(r.Resources))
	}
}

// TestAgentsFollowTheirConfiguration expects another configuration to change the Pods, which read it once.
func TestAgentsFollowTheirConfiguration(t *testing.T) {
	set := daemonSet(t)
	path := resource.PropertyPath{"spec", "template", "metadata", "annotations", "checksum/config"}
	got, _ := path.Get(resource.NewProperty(set.Inputs))
	config, err := os.ReadFile("fluent-bit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x", sha256.Sum256(config)); mocks.Text(got) != want {
		t.Errorf("the checksum is %v, want %s", got, want)
	}
}
