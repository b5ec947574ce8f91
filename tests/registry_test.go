package tests

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"oke-guestbook/internal/mocks"
)

// TestRegistryCredentials expects the credentials in the namespaces whose Pods pull from the registry, named by their
// accounts, and by the frontend's Pods.
func TestRegistryCredentials(t *testing.T) {
	set := maps.Clone(private)
	maps.Copy(set, map[string]string{
		"frontendImage": "iad.ocir.io/tenancy/guestbook:v1", "logDestination": "logs.example.com:24224",
		"logAgentImage": "iad.ocir.io/tenancy/fluent-bit:v1", "registry": "iad.ocir.io",
		"guestbooks": `[{"name":"seoul"},{"name":"classroom","profile":"tutorial","frontendImage":"docker.io/a/b:v5"},
			{"name":"school","profile":"tutorial","frontendImage":"docker.io/a/b:v5",
			 "mongoImage":"iad.ocir.io/tenancy/mongo:4.2"}]`,
	})
	r, err := run(t, "local", set)
	if err != nil {
		t.Fatal(err)
	}
	const secrets = "kubernetes:core/v1:Secret"
	var made, naming []string
	for _, res := range r.Resources {
		if res.Type == secrets && mocks.Text(res.Inputs["type"]) == "kubernetes.io/dockerconfigjson" {
			checkCredentials(t, res)
			made = append(made, res.Name)
		}
		flat := mocks.Flatten(resource.NewProperty(res.Inputs))
		for path, value := range flat {
			if strings.HasSuffix(path, "imagePullSecrets[0].name") {
				naming = append(naming, res.Type[strings.LastIndex(res.Type, ":")+1:]+" "+res.Name+" "+value)
			}
		}
	}
	slices.Sort(made)
	slices.Sort(naming)
	if want := []string{"guestbook-logs-registry", "school-registry", "seoul-registry"}; !slices.Equal(made, want) {
		t.Errorf("credentials %v, want %v", made, want)
	}
	want := []string{
		"Deployment school-frontend registry", "Deployment seoul-frontend registry",
		"ServiceAccount guestbook-logs registry",
		"ServiceAccount seoul-backend registry", "ServiceAccount seoul-backup registry",
		"ServiceAccount seoul-frontend registry", "ServiceAccount seoul-setup registry",
		"StatefulSet school-mongo registry",
	}
	if !slices.Equal(naming, want) {
		t.Errorf("named by %q, want %q", naming, want)
	}
}

func checkCredentials(t *testing.T, res mocks.Resource) {
	t.Helper()
	data := res.Inputs["stringData"]
	if !data.ContainsSecrets() {
		t.Errorf("%s is not secret in the stack's state", res.Name)
	}
	var config struct {
		Auths map[string]struct {
			Username, Password string
			Auth               []byte
		}
	}
	for _, text := range mocks.Flatten(data) { // the only one
		if err := json.Unmarshal([]byte(text), &config); err != nil {
			t.Fatalf("%s: %v", res.Name, err)
		}
	}
	got := config.Auths["iad.ocir.io"]
	if got.Username != "tenancy/user" || got.Password != "example" || string(got.Auth) != "tenancy/user:example" {
		t.Errorf("%s has other credentials than those of the settings", res.Name)
	}
}
