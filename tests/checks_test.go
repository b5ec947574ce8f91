package tests

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"oke-guestbook/plan/problem/problemtest"
)

// TestSecrets wants the kubeconfig and every password marked as secret wherever they go, on their way to the state.
func TestSecrets(t *testing.T) {
	r, err := run(t, "dev", map[string]string{"guestbooks": `[{"name":"own"},{"name":"other","externalDatabase":"mongo.example.com","databasePassword":"kept outside"}]`})
	if err != nil {
		t.Fatal(err)
	}
	provider, err := r.find("pulumi:providers:kubernetes", "oke-guestbook-dev")
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := provider.Inputs["kubeconfig"]
	if !kubeconfig.IsSecret() {
		t.Fatalf("the provider's kubeconfig is no secret: %v", kubeconfig)
	}
	if got := kubeconfig.SecretValue().Element.StringValue(); !strings.HasSuffix(got, "at PUBLIC_ENDPOINT") {
		t.Errorf("dev has a public endpoint, and its kubeconfig is %q", got)
	}
	for name, files := range map[string][]resource.PropertyKey{
		"own-credentials":   {"root-password", "password", "backup-password", "keyfile"},
		"other-credentials": {"password"},
	} {
		secret, err := r.find("kubernetes:core/v1:Secret", name)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]string{}
		flatten(nil, secret.Inputs["stringData"], values)
		for _, file := range files {
			if kept := values[resource.PropertyPath{string(file)}.String()]; !strings.Contains(kept, "kept") {
				t.Errorf("%s has %s = %q, not the kept password", name, file, kept)
			}
		}
	}
	for _, res := range r.resources {
		for _, part := range []string{"kubeconfig of", "kept as", "kept outside"} {
			if plain := plainText(resource.NewProperty(res.Inputs), part); plain != "" {
				t.Errorf("%s %q carries a secret in clear: %s", res.Type, res.Name, plain)
			}
		}
	}
}

// plainText returns the first string outside of a secret that holds part.
func plainText(v resource.PropertyValue, part string) string {
	switch {
	case v.IsString() && strings.Contains(v.StringValue(), part):
		return v.StringValue()
	case v.IsArray():
		for _, item := range v.ArrayValue() {
			if found := plainText(item, part); found != "" {
				return found
			}
		}
	case v.IsObject():
		for _, item := range v.ObjectValue() {
			if found := plainText(item, part); found != "" {
				return found
			}
		}
	}
	return ""
}

// TestRefused gives settings that cannot be met and wants one error that names them, with nothing registered.
// The settings package tests the checks themselves.
func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name, stack string
		set         map[string]string
		want        []string // for problemtest.Check
	}{
		{"no compartment", "dev", map[string]string{"compartmentId": ""}, []string{"compartmentId"}},
		{"typing error", "dev", map[string]string{"vcnCdir": "10.0.0.0/16"}, []string{"vcnCdir vcnCidr?"}},
		{"version that the region lacks", "dev", map[string]string{"kubernetesVersion": "v1.30.1"},
			[]string{"kubernetesVersion v1.30.1 v1.35.4 v1.36.3", "nodePools[0].kubernetesVersion v1.30.1 v1.35.4 v1.36.3"}},
		{"availability domain that the region lacks", "dev", map[string]string{"availabilityDomains": "[1,4]"}, []string{"availabilityDomains 4"}},
		{"image without a registry host", "dev", map[string]string{"mongoImage": "mongo:4.2"}, []string{"mongoImage mongo:4.2"}},
		{"moving tag in production", "prod", map[string]string{"frontendImage": "iad.ocir.io/tenancy/guestbook:latest"},
			[]string{"frontendImage iad.ocir.io/tenancy/guestbook:latest"}},
		{"zero replicas", "dev", map[string]string{"frontendReplicas": "0"}, []string{"frontendReplicas 1"}},
		{"replicas outside the autoscaler's bounds", "dev", map[string]string{"frontendReplicas": "5", "frontendMinReplicas": "2", "frontendMaxReplicas": "4"},
			[]string{"frontendReplicas 5 frontendMinReplicas 2 frontendMaxReplicas 4"}},
		{"bounds the wrong way round", "dev", map[string]string{"frontendMinReplicas": "4", "frontendMaxReplicas": "2"},
			[]string{"frontendMinReplicas 4 frontendMaxReplicas 2"}},
		{"quota of CPU below the replicas' need", "dev", map[string]string{"quotaCpuMillis": "600"},
			[]string{"quotaCpuMillis 600 850 8 50 1 250 2 100"}},
		{"quota of memory below the replicas' need", "dev", map[string]string{"quotaMemoryMb": "1000"},
			[]string{"quotaMemoryMb 1000 1536 8 64 1 512 2 256"}},
		{"volume below the smallest", "dev", map[string]string{"storageGb": "49"}, []string{"storageGb 50 32768 49"}},
		{"schedule that does not parse", "prod", map[string]string{"backupSchedule": "every night"}, []string{"backupSchedule every night"}},
		{"duplicate names", "dev", map[string]string{"guestbooks": `[{"name":"seoul"},{"name":"seoul"}]`}, []string{"guestbooks[1].name seoul"}},
		{"duplicate namespaces", "dev", map[string]string{"guestbooks": `[{"name":"seoul"},{"name":"busan","namespace":"seoul"}]`},
			[]string{"guestbooks[1].namespace seoul"}},
		{"the log agents' namespace", "dev", map[string]string{"namespace": "guestbook-logs"}, []string{"namespace guestbook-logs"}},
		{"restore into a database elsewhere", "prod", map[string]string{"externalDatabase": "mongo.example.com", "databasePassword": "example", "restoreFrom": "a.archive.gz"},
			[]string{"restoreFrom"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := run(t, tc.stack, tc.set)
			problemtest.Check(t, err, tc.want...)
			for _, res := range r.resources {
				t.Errorf("%s %q was registered", res.Type, res.Name)
			}
		})
	}
}

// TestRefusedAddress sets addresses that are not reserved for the user. The error has the setting, the guestbook and the reason.
func TestRefusedAddress(t *testing.T) {
	for address, reason := range map[string]string{"192.0.2.9": "404-NotAuthorizedOrNotFound", ephemeralAddress: "EPHEMERAL"} {
		r, err := run(t, "dev", map[string]string{"reservedAddress": address})
		for _, part := range []string{"reservedAddress", `"guestbook"`, address, reason} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("got %v, want %q in it", err, part)
			}
		}
		for _, res := range r.resources {
			t.Errorf("%s %q was registered", res.Type, res.Name)
		}
	}
}

// TestTeardown checks the order that a destroy takes: it is the reverse of the dependencies.
func TestTeardown(t *testing.T) {
	r, err := run(t, "dev", nil)
	if err != nil {
		t.Fatal(err)
	}
	needs := func(typ, name, dependency string) {
		t.Helper()
		res, err := r.find(typ, name)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(res.Options.GetDependencies(), func(urn string) bool { return strings.HasSuffix(urn, dependency) }) {
			t.Errorf("%s %q does not depend on %s: %v", typ, name, dependency, res.Options.GetDependencies())
		}
	}
	needs("kubernetes:apps/v1:StatefulSet", "guestbook-mongo", "PersistentVolumeClaim::guestbook-data-0")
	needs("kubernetes:core/v1:PersistentVolumeClaim", "guestbook-data-0", "NodePool::oke-guestbook-dev-workers")
	needs("kubernetes:core/v1:PersistentVolumeClaim", "guestbook-data-0", "Namespace::guestbook")
	needs("kubernetes:core/v1:Service", "guestbook-frontend", "Namespace::guestbook")
	for _, res := range r.resources {
		if !strings.HasPrefix(res.Type, "kubernetes:") || res.Type == "kubernetes:core/v1:Namespace" {
			continue
		}
		deletedOnItsOwn := res.Type == "kubernetes:apps/v1:StatefulSet" || res.Type == "kubernetes:core/v1:PersistentVolumeClaim"
		if goes := strings.HasSuffix(res.Options.GetDeletedWith(), "Namespace::guestbook"); goes == deletedOnItsOwn {
			t.Errorf("%s %q is deleted with %q", res.Type, res.Name, res.Options.GetDeletedWith())
		}
		if waits := slices.ContainsFunc(res.Options.GetDependencies(), func(urn string) bool { return strings.Contains(urn, "NodePool") }); waits && !deletedOnItsOwn {
			t.Errorf("%s %q waits for a node pool", res.Type, res.Name)
		}
	}
}

// TestTags wants the project's and the stack's tag on everything in OCI that takes tags.
func TestTags(t *testing.T) {
	r, err := run(t, "prod", map[string]string{"tags": `{"team":"web"}`})
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range r.resources {
		if _, oci := ocidKinds[res.Type]; !oci || strings.HasSuffix(res.Type, "SecurityRule") || strings.HasSuffix(res.Type, ":Addon") {
			continue
		}
		tags := res.Inputs["freeformTags"]
		if !tags.IsObject() {
			t.Errorf("%s %q has no tags", res.Type, res.Name)
			continue
		}
		for key, want := range map[resource.PropertyKey]string{"project": project, "stack": "prod", "team": "web"} {
			if got := tags.ObjectValue()[key]; !got.IsString() || got.StringValue() != want {
				t.Errorf("%s %q has tag %s=%v, want %s", res.Type, res.Name, key, got, want)
			}
		}
	}
}

// TestHomeRegion wants policies to be made in the tenancy's home region, with the stack's credentials, and the bucket where the
// stack is.
func TestHomeRegion(t *testing.T) {
	r, err := run(t, "prod", map[string]string{"homeRegion": "ap-seoul-1", "oci:userOcid": "ocid1.user.oc1..a", "oci:privateKey": "-----BEGIN"})
	if err != nil {
		t.Fatal(err)
	}
	home, err := r.find("pulumi:providers:oci", "guestbook-home")
	if err != nil {
		t.Fatal(err)
	}
	want := resource.PropertyMap{
		"region": resource.NewProperty("ap-seoul-1"), "userOcid": resource.NewProperty("ocid1.user.oc1..a"),
		"privateKey": resource.MakeSecret(resource.NewProperty("-----BEGIN")),
	}
	if !home.Inputs.DeepEquals(want) {
		t.Errorf("the home region's provider gets %v, want %v", home.Inputs, want)
	}
	policy, err := r.find("oci:Identity/policy:Policy", "guestbook-backups")
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := r.find("oci:ObjectStorage/bucket:Bucket", "guestbook-backups")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(policy.Options.GetProvider(), "::guestbook-home::") || strings.Contains(bucket.Options.GetProvider(), "::guestbook-home::") {
		t.Errorf("the policy's provider is %q, the bucket's %q", policy.Options.GetProvider(), bucket.Options.GetProvider())
	}
	statement := policy.Inputs["statements"].ArrayValue()[0].StringValue()
	for _, part := range []string{
		"manage objects in compartment id " + compartment, "request.principal.namespace = 'guestbook'",
		"request.principal.service_account = 'backup'", "target.bucket.name = '" + bucket.Inputs["name"].StringValue() + "'",
		"request.principal.cluster_id = 'ocid1.cluster.oc1.iad.oke-guestbook-prod'",
	} {
		if !strings.Contains(statement, part) {
			t.Errorf("the policy does not say %q: %s", part, statement)
		}
	}
}
