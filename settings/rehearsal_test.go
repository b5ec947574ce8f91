package settings

import (
	"slices"
	"strings"
	"testing"

	"oke-guestbook/plan/setting"
	"oke-guestbook/settings/stackfile"
)

const localCompartment = "ocid1.compartment.oc1..local"

func TestRehearsal(t *testing.T) {
	file, err := stackfile.Parse("Pulumi.prod.yaml", []byte(`config:
  oci:region: eu-frankfurt-1
  oci:privateKey: {secure: v1:a}
  oke-guestbook:compartmentId: ocid1.compartment.oc1..real
  oke-guestbook:protect: true
  oke-guestbook:kmsKeyId: ocid1.key.oc1.eu-frankfurt-1.a
  oke-guestbook:registryUsername: ns/me
  oke-guestbook:registryPassword: {secure: v1:b}
  oke-guestbook:frontendReplicas: 3
  oke-guestbook:subnets: {api: {id: ocid1.subnet.oc1.eu-frankfurt-1.a, cidr: 10.0.0.0/28}}
  oke-guestbook:nodePools:
    - {name: a, size: 3, imageId: ocid1.image.oc1.eu-frankfurt-1.a, maxSurge: "1"}
  oke-guestbook:guestbooks:
    - {name: seoul, reservedAddress: 203.0.113.1, tlsPrivateKey: {secure: v1:c}, tlsCertificate: "-----"}
  frontendTitle: Ours
`))
	if err != nil {
		t.Fatal(err)
	}
	config, left := Rehearsal("oke-guestbook", localCompartment, file)
	wantLeft := []string{
		"guestbooks[0].reservedAddress", "guestbooks[0].tlsCertificate", "guestbooks[0].tlsPrivateKey", "kmsKeyId",
		"nodePools[0].imageId", "oci:privateKey", "oci:region", "protect", "registryPassword", "registryUsername",
		"subnets.api.id",
	}
	if !slices.Equal(left, wantLeft) {
		t.Errorf("left out are %q, want %q", left, wantLeft)
	}
	handed, secrets := AsHanded("oke-guestbook", config)
	if len(secrets) > 0 {
		t.Errorf("it has the secrets %v", secrets)
	}
	for key, want := range map[string]string{
		"compartmentId": localCompartment, "frontendReplicas": "3", "frontendTitle": "Ours",
		"subnets":    `{"api":{"cidr":"10.0.0.0/28"}}`,
		"nodePools":  `[{"maxSurge":"1","name":"a","size":3}]`,
		"guestbooks": `[{"name":"seoul"}]`,
	} {
		if got := handed["oke-guestbook:"+key]; got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	if len(handed) != 6 {
		t.Errorf("%v", handed)
	}
}

// The stacks of this repository can be rehearsed as they are.
func TestRehearsalsAreUsable(t *testing.T) {
	t.Setenv("OCI_REGION", "us-ashburn-1") // the local cloud's
	for _, stack := range []string{"dev", "prod"} {
		project, file, err := stackfile.Read("..", stack)
		if err != nil {
			t.Fatal(err)
		}
		config, _ := Rehearsal(project, localCompartment, file)
		config[project+":frontendImage"] = "registry.local/guestbook:v1"
		if stack == "prod" {
			config[project+":bastionAllowedCidrs"] = []any{"203.0.113.0/24"}
		} else {
			config[project+":apiAllowedCidrs"] = []any{"203.0.113.0/24"}
		}
		handed, _ := AsHanded(project, config)
		if _, err := Load(project, "rehearsal", handed, func(string) bool { return false }); err != nil {
			t.Errorf("%s: %v", stack, err)
		}
	}
}

// No setting that takes an OCID is kept: nothing of the kind exists on the local cloud.
func TestRehearsalsHaveNoOCIDs(t *testing.T) {
	count := 0
	var try func(group setting.Group, wrap func(string, any) map[string]any)
	try = func(group setting.Group, wrap func(string, any) map[string]any) {
		for _, s := range group {
			if slices.ContainsFunc(s.Allowed, func(text string) bool { return strings.HasPrefix(text, "an OCID ") }) {
				count++
				_, left := Rehearsal("p", localCompartment, wrap(s.Key, "ocid1.x.oc1..a"))
				if len(left) != 1 && s.Key != "compartmentId" {
					t.Errorf("%s is kept", s.Key)
				}
			}
			try(s.Fields, func(key string, value any) map[string]any {
				return wrap(s.Key, []any{map[string]any{key: value}})
			})
		}
	}
	try(new(Settings).Settings(), func(key string, value any) map[string]any { return map[string]any{"p:" + key: value} })
	if count < 15 {
		t.Errorf("%d settings were tried, want 15 or more", count)
	}
}
