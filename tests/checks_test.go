package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"oke-guestbook/catalog"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/problem/problemtest"
)

// TestSecrets expects the kubeconfig and every password to be a secret in all inputs, on their way to the state.
func TestSecrets(t *testing.T) {
	r, err := run(t, "dev", map[string]string{"guestbooks": `[
		{"name":"own"}, {"name":"other","externalDatabase":"mongo.database","databasePassword":"kept outside"}
	]`})
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"kubeconfig of", "kept as", "kept outside"}
	found := map[string]bool{}
	for _, res := range r.Resources {
		for _, text := range mocks.Flatten(resource.NewProperty(res.Inputs)) {
			for _, part := range secrets {
				found[part] = found[part] || strings.Contains(text, part)
			}
		}
		for _, part := range secrets {
			if plain := plainText(resource.NewProperty(res.Inputs), part); plain != "" {
				t.Errorf("%s %q has a secret in plain text: %s", res.Type, res.Name, plain)
			}
		}
	}
	for _, part := range secrets {
		if !found[part] {
			t.Errorf("no resource has the secret %q", part)
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

// TestWithdrawnVersion changes something else on a stack whose version and images the region does not offer any more.
func TestWithdrawnVersion(t *testing.T) {
	for _, version := range []string{"", "v1.35", "v1.35.2"} {
		set := map[string]string{"kubernetesVersion": version}
		before := mocks.New(project, "dev")
		before.KubernetesVersions = []string{"v1.35.2"}
		if err := update(t, "dev", set, before); err != nil {
			t.Fatal(err)
		}
		after := before.Next()
		after.KubernetesVersions = []string{"v1.38.1"}
		set["frontendReplicas"] = "3"
		if err := update(t, "dev", set, after); err != nil {
			t.Errorf("kubernetesVersion %q: %v", version, err)
		}
		for _, e := range effects(before, after) {
			if !strings.HasPrefix(e.typ, "kubernetes:") {
				t.Errorf("kubernetesVersion %q: %s %s %s %v", version, e.verb, e.typ, e.name, e.paths)
			}
		}
	}
}

// TestReplacedCluster changes each setting that replaces the cluster. If the region does not offer its version any
// more, the old cluster would be deleted, and OKE would refuse the new one. Volumes of the stack would be deleted, too.
func TestReplacedCluster(t *testing.T) {
	volume := map[string]any{
		"availabilityDomain": "Uocm:US-ASHBURN-AD-2", "state": "AVAILABLE",
		"freeformTags": map[string]any{"project": project, "stack": "local"},
	}
	existing := map[string]string{"vcnId": mocks.ExistingVCN, "vcnCidr": "10.20.0.0/16", "securityBy": "groups"}
	inSubnet := map[string]string{"subnets": `{"api":{"id":"` + mocks.ExistingWorkers + `","cidr":"10.20.8.0/22"}}`}
	maps.Copy(inSubnet, existing)
	for _, tc := range []struct {
		setting     string
		before, set map[string]string
	}{
		{setting: "kmsKeyId", set: map[string]string{"kmsKeyId": "ocid1.key.oc1.iad.vault.example"}},
		{setting: "podNetwork", set: map[string]string{"podNetwork": "vcn-native"}},
		{setting: "podsCidr", set: map[string]string{"podsCidr": "10.245.0.0/16"}},
		{setting: "servicesCidr", set: map[string]string{"servicesCidr": "10.97.0.0/16"}},
		{setting: "apiEndpoint", set: publicAPI},
		{setting: "vcnId", set: existing},
		{setting: "vcnId", before: existing},
		{setting: "subnets.api.id", before: existing, set: inSubnet},
	} {
		before := mocks.New(project, "local")
		before.KubernetesVersions = []string{"v1.35.2"}
		if err := update(t, "local", tc.before, before); err != nil {
			t.Fatalf("before %s: %v", tc.setting, err)
		}
		var volumes []map[string]any
		after := func(set map[string]string, versions ...string) error {
			next := before.Next()
			next.KubernetesVersions, next.Volumes = versions, volumes
			err := update(t, "local", set, next)
			if err != nil && len(next.Resources) > 0 {
				t.Errorf("%s: %d resources were registered before the refusal", tc.setting, len(next.Resources))
			}
			return err
		}
		problemtest.Check(t, after(tc.set, "v1.36.4"), tc.setting+" v1.35.2 v1.36.4 kubernetesVersion")
		if err := after(tc.before, "v1.36.4"); err != nil {
			t.Errorf("%s, not changed: %v", tc.setting, err)
		}
		volumes = []map[string]any{volume}
		problemtest.Check(t, after(tc.set, "v1.35.2", "v1.36.4"), tc.setting+" volumes 1 backup")
		if err := after(tc.before, "v1.36.4"); err != nil {
			t.Errorf("%s, not changed, with a volume: %v", tc.setting, err)
		}
		volumes = nil
		if tc.setting != "kmsKeyId" {
			continue // what else the change needs is checked elsewhere
		}
		if err := after(tc.set, "v1.35.2", "v1.36.4"); err != nil {
			t.Errorf("%s, with a version that is offered: %v", tc.setting, err)
		}
		with := maps.Clone(tc.set)
		with["kubernetesVersion"] = "v1.36.4"
		if err := after(with, "v1.36.4"); err != nil {
			t.Errorf("%s, with another version: %v", tc.setting, err)
		}
	}
}

// TestVolumesOfOthers expects that volumes with the stack's tags say nothing about storageGb: other workloads of the
// cluster have such volumes, too. They are not even asked for where no nodes go.
func TestVolumesOfOthers(t *testing.T) {
	before := mocks.New(project, "local")
	if err := update(t, "local", nil, before); err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]map[string]string{
		"nothing changes": nil, "another guestbook": {"guestbooks": `[{"name":"b"}]`}, "no own database": elsewhere,
	} {
		next := before.Next()
		next.Volumes = []map[string]any{{
			"availabilityDomain": "Uocm:US-ASHBURN-AD-2", "state": "AVAILABLE", "sizeInGbs": "200",
			"freeformTags": map[string]any{"project": project, "stack": "local"},
		}}
		err := update(t, "local", set, next)
		if asked := slices.Contains(next.Asked, "oci:Core/getVolumes:getVolumes"); err != nil || asked {
			t.Errorf("%s: %v; asked for volumes: %t", name, err, asked)
		}
	}
}

// TestRefused gives settings that cannot be met and expects an error that names the setting and the fact, with nothing
// registered. The settings package tests the checks themselves.
func TestRefused(t *testing.T) {
	type settings = map[string]string
	for _, tc := range []struct {
		name, stack string
		set         settings
		key, fact   string
	}{
		{"no compartment", "dev", settings{"compartmentId": ""}, "compartmentId", ""},
		{"typing error", "dev", settings{"vcnCdir": "10.0.0.0/16"}, "vcnCdir", "vcnCidr"},
		{
			"version that the region lacks", "dev",
			settings{"kubernetesVersion": "v1.30.1"},
			"kubernetesVersion", "v1.35.2, v1.36.4",
		},
		{"minor version that the region lacks", "dev", settings{"kubernetesVersion": "v1.34"}, "kubernetesVersion", "v1.34"},
		{
			"nodes newer than the control plane", "dev",
			settings{
				"kubernetesVersion": "v1.35",
				"nodePools":         `[{"name":"workers","size":2,"ocpus":2,"memoryGb":12,"kubernetesVersion":"v1.36"}]`,
			},
			"nodePools[0].kubernetesVersion", "v1.36",
		},
		{
			"availability domain that the region lacks", "dev",
			settings{"availabilityDomains": "[1,4]"},
			"availabilityDomains", "4",
		},
		{"image without a registry host", "dev", settings{"mongoImage": "mongo:4.2"}, "mongoImage", `"mongo:4.2"`},
		{
			"moving tag in production", "prod",
			settings{"frontendImage": "iad.ocir.io/tenancy/guestbook:latest"},
			"frontendImage", `"iad.ocir.io/tenancy/guestbook:latest"`,
		},
		{
			"somebody else's reserved address", "dev",
			settings{"reservedAddress": "192.0.2.9"},
			"reservedAddress", "NotAuthorizedOrNotFound",
		},
		{
			"address of another compartment", "dev",
			settings{"reservedAddress": mocks.ForeignAddress},
			"reservedAddress", "set reservedAddressCompartmentId to " + mocks.ForeignCompartment,
		},
		{
			"address of a compartment that is not the one named", "dev",
			settings{
				"reservedAddress": mocks.ForeignAddress, "reservedAddressCompartmentId": "ocid1.compartment.oc1..another",
			},
			"reservedAddress", "--address-compartment=" + mocks.ForeignCompartment,
		},
		{
			"address that is not reserved", "dev",
			settings{"reservedAddress": mocks.EphemeralAddress},
			"reservedAddress", "EPHEMERAL",
		},
		{
			"address of another stack's load balancer", "dev",
			settings{"reservedAddress": mocks.TakenAddress},
			"reservedAddress", "ASSIGNED",
		},
		{
			"address of something else", "dev",
			settings{"reservedAddress": mocks.NATAddress},
			"reservedAddress", "ASSIGNED",
		},
		{
			"certificate that nobody knows", "dev",
			byOCIDOf("ocid1.certificate.oc1.iad.unknown"),
			"tlsCertificateId", "no such certificate",
		},
		{"expired certificate", "dev", byOCIDOf(mocks.ExpiredCertificate), "tlsCertificateId", "expired"},
		{
			"certificate that is deleted soon", "dev", byOCIDOf(mocks.DeletedCertificate),
			"tlsCertificateId", "PENDING_DELETION",
		},
		{"certificate without a key", "dev", byOCIDOf(mocks.KeylessCertificate), "tlsCertificateId", "private key"},
		{
			"certificate of another host", "dev", byOCIDOf(mocks.CertificateID, "tlsHostname", "www.example.com"),
			"tlsCertificateId", "www.example.com is not among its names, guestbook.example.com",
		},
		{
			"host name in another zone", "dev",
			byACME("dnsZoneId", mocks.ZoneID, "tlsHostname", "guestbook.example.org"),
			"dnsZoneId", "guestbook.example.org is not in the zone, example.com",
		},
		{
			"host name that is an alias", "dev", byACME("dnsZoneId", mocks.ZoneID, "tlsHostname", mocks.AliasHost),
			"dnsZoneId", "CNAME",
		},
		{"zero replicas", "dev", settings{"frontendReplicas": "0"}, "frontendReplicas", "1"},
		{
			"replicas outside the autoscaler's bounds", "dev",
			settings{"frontendReplicas": "5", "frontendMinReplicas": "2", "frontendMaxReplicas": "4"},
			"frontendReplicas", "frontendMinReplicas 2 to frontendMaxReplicas 4",
		},
		{
			"bounds in the wrong order", "dev",
			settings{"frontendMinReplicas": "4", "frontendMaxReplicas": "2"},
			"frontendMinReplicas", "frontendMaxReplicas",
		},
		{"quota of CPU below the replicas' need", "dev", settings{"quotaCpuMillis": "600"}, "quotaCpuMillis", "650"},
		{"quota of memory below the replicas' need", "dev", settings{"quotaMemoryMb": "1000"}, "quotaMemoryMb", "1024"},
		{"volume below the smallest", "dev", settings{"storageGb": "49"}, "storageGb", "50"},
		{
			"schedule that does not parse", "prod",
			settings{"backupSchedule": "every night"},
			"backupSchedule", `"every night"`,
		},
		{
			"duplicate names", "dev",
			settings{"guestbooks": `[{"name":"seoul"},{"name":"seoul"}]`},
			"guestbooks[1].name", `"seoul"`,
		},
		{
			"duplicate namespaces", "dev",
			settings{"guestbooks": `[{"name":"seoul"},{"name":"busan","namespace":"seoul"}]`},
			"guestbooks[1].namespace", `"seoul"`,
		},
		{"the log agents' namespace", "dev", settings{"namespace": "guestbook-logs"}, "namespace", `"guestbook-logs"`},
		{
			"backup that the bucket lacks", "prod",
			settings{"restoreFrom": "2026-11-23T03-00-00Z.archive.gzip"},
			"restoreFrom", "2026-11-23T03-00-00Z.archive.gz:",
		},
		{
			"restore into an external database", "prod",
			settings{"externalDatabase": "mongo.database", "databasePassword": "example", "restoreFrom": "a.archive.gz"},
			"restoreFrom", "externalDatabase",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := run(t, tc.stack, tc.set)
			if !reports(err, tc.key, tc.fact) {
				t.Errorf("got %v, want a problem of %s with %q", err, tc.key, tc.fact)
			}
			for _, res := range r.Resources {
				t.Errorf("%s %q was registered", res.Type, res.Name)
			}
		})
	}
}

// TestKeyInClear expects a guestbook's private key in clear to be refused, though another guestbook's password is
// encrypted: Pulumi says of the whole list that it holds a secret.
func TestKeyInClear(t *testing.T) {
	const file = `config:
  oke-guestbook:guestbooks:
    - {name: a, externalDatabase: mongo.database, databasePassword: {secure: AAAB}}
    - {name: b, tlsCertificate: x, tlsPrivateKey: %s}
`
	list, err := json.Marshal([]map[string]string{
		{"name": "a", "externalDatabase": "mongo.database", "databasePassword": "example"},
		{"name": "b", "tlsCertificate": certificate, "tlsPrivateKey": privateKey},
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, refused := range map[string]bool{"in clear": true, "{secure: AAAC}": false} {
		r := mocks.New(project, "local")
		program, option := prepared(t, "local", map[string]string{
			"guestbooks": string(list), "loadBalancerPorts": `["80","443"]`,
		}, r)
		dir := t.TempDir()
		for name, text := range map[string]string{
			"Pulumi.yaml": "name: " + project, "Pulumi.local.yaml": fmt.Sprintf(file, key),
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		back, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		t.Chdir(dir)
		err = r.Run(program, option)
		t.Chdir(back)
		if refused != reports(err, "guestbooks[1].tlsPrivateKey", "is not encrypted") || !refused && err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestUsableAddresses expects an address to be accepted that a load balancer of the stack has already, and one of
// another compartment that the settings name, as policies allow it.
func TestUsableAddresses(t *testing.T) {
	for _, set := range []map[string]string{
		{"reservedAddress": mocks.ReservedAddress},
		{"reservedAddress": mocks.OwnAddress},
		{"reservedAddress": mocks.NetworkAddress},
		foreignAddress,
	} {
		if _, err := run(t, "dev", set); err != nil {
			t.Error(err)
		}
	}
}

// foreignAddress is the settings of an address in another compartment.
var foreignAddress = map[string]string{
	"reservedAddress": mocks.ForeignAddress, "reservedAddressCompartmentId": mocks.ForeignCompartment,
}

// reports reports whether an error holds a problem of a setting whose text contains a fact. An error without problems
// must contain both.
func reports(err error, key, fact string) bool {
	var found *problem.Error
	if !errors.As(err, &found) {
		return err != nil && strings.Contains(err.Error(), key) && strings.Contains(err.Error(), fact)
	}
	return slices.ContainsFunc(found.Problems, func(p problem.Problem) bool {
		return p.Key == key && strings.Contains(p.Text, fact)
	})
}

// TestTeardown checks the order of a destroy, which is the reverse of the dependencies.
func TestTeardown(t *testing.T) {
	r, err := run(t, "dev", nil)
	if err != nil {
		t.Fatal(err)
	}
	waits := func(res mocks.Resource, urnPart string) bool {
		return slices.ContainsFunc(res.Options.GetDependencies(), func(urn string) bool {
			return strings.Contains(urn, urnPart)
		})
	}
	for _, want := range []struct{ token, name, dependency string }{
		{"kubernetes:apps/v1:StatefulSet", "guestbook-mongo", "PersistentVolumeClaim::guestbook-data-0"},
		{"kubernetes:core/v1:PersistentVolumeClaim", "guestbook-data-0", "NodePool::oke-guestbook-dev-workers"},
		{"kubernetes:core/v1:PersistentVolumeClaim", "guestbook-data-0", "Namespace::guestbook"},
		{"kubernetes:core/v1:Service", "guestbook-frontend", "Namespace::guestbook"},
		{"kubernetes:core/v1:Service", "guestbook-frontend", "NodePool::oke-guestbook-dev-workers"}, // it waits for Pods
		{"kubernetes:apps/v1:Deployment", "guestbook-frontend", "NodePool::oke-guestbook-dev-workers"},
	} {
		res, err := r.Find(want.token, want.name)
		if err != nil {
			t.Fatal(err)
		}
		if !waits(res, want.dependency) {
			t.Errorf("%s %q does not depend on %s: %v", want.token, want.name, want.dependency, res.Options.GetDependencies())
		}
	}
	ownDeletion := []string{"kubernetes:apps/v1:StatefulSet", "kubernetes:core/v1:PersistentVolumeClaim"}
	withPods := []string{
		"kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job", "kubernetes:batch/v1:CronJob",
		"kubernetes:core/v1:Service",
	}
	for _, res := range r.Resources {
		if !strings.HasPrefix(res.Type, "kubernetes:") || res.Type == "kubernetes:core/v1:Namespace" {
			continue
		}
		own := slices.Contains(ownDeletion, res.Type)
		if with := res.Options.GetDeletedWith(); strings.HasSuffix(with, "Namespace::guestbook") == own {
			t.Errorf("%s %q is deleted with %q", res.Type, res.Name, with)
		}
		if waits(res, "NodePool") && !own && !slices.Contains(withPods, res.Type) {
			t.Errorf("%s %q waits for a node pool", res.Type, res.Name)
		}
	}
}

// TestTags expects the stack's tags on every OCI resource that is taggable.
func TestTags(t *testing.T) {
	r, err := run(t, "prod", map[string]string{"tags": `{"team":"web"}`})
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range r.Resources {
		if kind, _ := catalog.Lookup(res.Type); !kind.Taggable {
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

// TestHomeRegion expects the policy in the tenancy's home region, with the stack's credentials, and the bucket in the
// stack's region.
func TestHomeRegion(t *testing.T) {
	r, err := run(t, "prod", map[string]string{
		"homeRegion": "ap-seoul-1", "oci:userOcid": "ocid1.user.oc1..a", "oci:privateKey": "-----BEGIN",
	})
	if err != nil {
		t.Fatal(err)
	}
	home, err := r.Find("pulumi:providers:oci", "guestbook-home")
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
	policy, err := r.Find("oci:Identity/policy:Policy", "guestbook-backups")
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := r.Find("oci:ObjectStorage/bucket:Bucket", "guestbook-backups")
	if err != nil {
		t.Fatal(err)
	}
	const provider = "::guestbook-home::"
	ofPolicy, ofBucket := policy.Options.GetProvider(), bucket.Options.GetProvider()
	if !strings.Contains(ofPolicy, provider) || strings.Contains(ofBucket, provider) {
		t.Errorf("the policy's provider is %q, the bucket's %q", ofPolicy, ofBucket)
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

// byOCIDOf returns settings with a certificate of the Certificates service, and more in pairs.
func byOCIDOf(id string, pairs ...string) map[string]string {
	set := map[string]string{"tlsCertificateId": id, "loadBalancerPorts": `["80","443"]`}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	return set
}
