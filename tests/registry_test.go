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
		"networkPolicies": "enforced", "networkPolicyImage": "iad.ocir.io/tenancy/kube-network-policies:v1",
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
	want := []string{"guestbook-logs-registry", "network-policies-registry", "school-registry", "seoul-registry"}
	if !slices.Equal(made, want) {
		t.Errorf("credentials %v, want %v", made, want)
	}
	want = []string{
		"Deployment school-frontend registry", "Deployment seoul-frontend registry", "Job seoul-setup registry",
		"ServiceAccount guestbook-logs registry",
		"ServiceAccount network-policies kube-network-policies-registry",
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

// TestImagesInRegistry expects a refusal of images that no node could pull, before anything is made.
func TestImagesInRegistry(t *testing.T) {
	const image = "iad.ocir.io/tenancy/" + mocks.PrivateRepository
	for _, c := range []struct {
		image       string
		credentials bool
		want        string // empty: accepted
	}{
		{image + ":v1", false, "frontendImage: guestbook \"guestbook\" cannot pull " + image + ":v1"},
		{"us-ashburn-1.ocir.io/tenancy/private:v1", false, "registryUsername"},
		{image + ":v1", true, ""},
		{image + ":v2", true, "there is no image " + image + ":v2"},
		{"phx.ocir.io/tenancy/private:v2", false, ""},   // another region, which is not asked
		{"iad.ocir.io/other/private:v2", false, ""},     // another tenancy
		{"iad.ocir.io/tenancy/elsewhere:v2", false, ""}, // perhaps in another compartment
		{"docker.io/tenancy/guestbook:v2", false, ""},   // another registry
	} {
		set := map[string]string{"frontendImage": c.image}
		if c.credentials {
			maps.Copy(set, private)
		}
		r, err := run(t, "local", set)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.image, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: error %v, want %q", c.image, err, c.want)
		case c.want != "" && len(r.Resources) > 0:
			t.Errorf("%s: made %v", c.image, r.Resources)
		}
	}
}
