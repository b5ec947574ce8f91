package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
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
		"frontendImage": "iad.ocir.io/tenancy/guestbook:v1", "logDestination": "collector.logs:24224",
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

// imageIndex is an image for one architecture.
const imageIndex = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` +
	`{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"digest":"sha256:` +
	`44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","platform":{"os":"linux","architecture":"%s"}}]}`

// TestRegistriesAreAsked expects a refusal of images that a registry does not give to the stack's nodes, before
// anything is made, and a warning where it says nothing.
func TestRegistriesAreAsked(t *testing.T) {
	t.Setenv("CLIENT_HOST_OVERRIDES", "")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case r.URL.Path == "/v2/" && user == "":
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/v2/":
		case strings.HasPrefix(r.URL.Path, "/v2/private/") && (user != "tenancy/user" || password != "example"):
			w.WriteHeader(http.StatusForbidden)
		case strings.HasSuffix(r.URL.Path, "/busy"):
			w.WriteHeader(http.StatusTooManyRequests)
		case strings.HasSuffix(r.URL.Path, "/arm64"), strings.HasSuffix(r.URL.Path, "/amd64"):
			w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
			_, _ = fmt.Fprintf(w, imageIndex, r.URL.Path[len(r.URL.Path)-len("arm64"):])
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	host := server.Listener.Addr().String()
	const arm = "VM.Standard.A1.Flex"
	for _, c := range []struct {
		name  string
		set   map[string]string
		wants []string // in the error; none: accepted
	}{
		{"public", map[string]string{"frontendImage": host + "/a:arm64"}, nil},
		{"private", map[string]string{
			"frontendImage": host + "/private/a:arm64", "registryUsername": "tenancy/user", "registryPassword": "example",
		}, nil},
		{"anonymous", map[string]string{"frontendImage": host + "/private/a:arm64"}, []string{
			"frontendImage: ", host + "/private/a:arm64 anonymously", "403", "set registryUsername, and registryPassword",
		}},
		{"wrong password", map[string]string{
			"frontendImage": host + "/private/a:arm64", "registryUsername": "tenancy/user", "registryPassword": "old",
		}, []string{"frontendImage: ", "/private/a:arm64 as tenancy/user", "correct registryUsername or registryPassword"}},
		{"credentials of another registry", map[string]string{
			"frontendImage": host + "/private/a:arm64", "mongoImage": "127.0.0.1:1/m:1", "registry": "127.0.0.1:1",
			"registryUsername": "tenancy/user", "registryPassword": "example",
		}, []string{"frontendImage: ", "registryPassword are for 127.0.0.1:1"}},
		{"no tag", map[string]string{"frontendImage": host + "/a:v1"}, []string{
			"frontendImage: ", "has no image " + host + "/a:v1", "make push IMAGE=", "404",
		}},
		{"foreign", map[string]string{"frontendImage": host + "/a:amd64"}, []string{
			"frontendImage: ", host + "/a:amd64 is for amd64", "node pool workers is arm64", arm,
		}},
		{"foreign in one of two", map[string]string{"guestbooks": fmt.Sprintf(
			`[{"name":"a","frontendImage":"%[1]s/a:arm64"},{"name":"b","frontendImage":"%[1]s/a:amd64"}]`, host)}, []string{
			"guestbooks[1].frontendImage: ",
		}},
		{"chores", map[string]string{"frontendImage": host + "/a:arm64", "choresImage": host + "/b:v1"}, []string{
			"choresImage: ", "/b:v1",
		}},
		{"agents", map[string]string{
			"frontendImage": host + "/a:arm64", "logDestination": "collector.logs:24224", "logAgentImage": host + "/c:v1",
			"networkPolicies": "enforced", "networkPolicyImage": host + "/d:v1",
		}, []string{"logAgentImage: ", "/c:v1", "networkPolicyImage: ", "/d:v1"}},
		{"busy", map[string]string{"frontendImage": host + "/a:busy"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := mocks.New(project, "local")
			r.Registries = true
			err := update(t, "local", c.set, r)
			if (err != nil) != (len(c.wants) > 0) {
				t.Fatalf("error %v, want %q", err, c.wants)
			}
			for _, want := range c.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q", err, want)
				}
			}
			if err != nil && len(r.Resources) > 0 {
				t.Errorf("made %v", r.Resources)
			}
		})
	}
}
