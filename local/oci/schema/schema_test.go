package schema_test

import (
	"encoding/json"
	"testing"

	"oke-guestbook/local/oci/schema"
)

func TestCheck(t *testing.T) {
	for _, test := range []struct{ name, model, value, problem string }{
		{
			"whole", "core.CreateVcnDetails",
			`{"compartmentId":"c","cidrBlocks":["10.0.0.0/16"],"freeformTags":{"a":"b"},"definedTags":{"n":{"k":1}}}`,
			"",
		},
		{"null is absent", "core.CreateVcnDetails", `{"compartmentId":"c","displayName":null}`, ""},
		{"mandatory field", "core.CreateVcnDetails", `{}`, "compartmentId: is required"},
		{"mandatory field is null", "core.CreateVcnDetails", `{"compartmentId":null}`, "compartmentId: is required"},
		{
			"unknown field", "core.CreateVcnDetails", `{"compartmentId":"c","cidr":"x"}`,
			"cidr: is not a field that can be given here",
		},
		{"string", "core.CreateVcnDetails", `{"compartmentId":1}`, "compartmentId: must be a string"},
		{"list", "core.CreateVcnDetails", `{"compartmentId":"c","cidrBlocks":"x"}`, "cidrBlocks: must be a list"},
		{
			"item of a list", "core.CreateVcnDetails", `{"compartmentId":"c","cidrBlocks":["x",2]}`,
			"cidrBlocks[1]: must be a string",
		},
		{
			"value of a map", "core.CreateVcnDetails", `{"compartmentId":"c","freeformTags":{"a":1}}`,
			"freeformTags.a: must be a string",
		},
		{
			"bool", "core.CreateVcnDetails", `{"compartmentId":"c","isIpv6Enabled":"no"}`,
			"isIpv6Enabled: must be true or false",
		},
		{"whole number", "core.PortRange", `{"min":1.5,"max":2}`, "min: must be a whole number"},
		{"number", "containerengine.NodeShapeConfig", `{"ocpus":"2"}`, "ocpus: must be a number"},
		{
			"time", "core.Vcn",
			`{"id":"i","compartmentId":"c","cidrBlock":"x","cidrBlocks":[],"lifecycleState":"AVAILABLE","timeCreated":"today"}`,
			"timeCreated: must be a time in RFC 3339 format",
		},
		{"date", "identity.UpdatePolicyDetails", `{"versionDate":"2018-01-01"}`, ""},
		{
			"time for a date", "identity.UpdatePolicyDetails", `{"versionDate":"2018-01-01T00:00:00Z"}`,
			"versionDate: must be a date in the format YYYY-MM-DD",
		},
		{
			"enumeration", "core.RouteRule", `{"networkEntityId":"n","destinationType":"CIDR"}`,
			"destinationType: must be one of CIDR_BLOCK, SERVICE_CIDR_BLOCK",
		},
		{"variant", "containerengine.NodeSourceDetails", `{"sourceType":"IMAGE","imageId":"i"}`, ""},
		{"no variant", "containerengine.NodeSourceDetails", `{"imageId":"i"}`, "sourceType: must be one of IMAGE"},
		{"field of a variant", "containerengine.NodeSourceDetails", `{"sourceType":"IMAGE"}`, "imageId: is required"},
		{
			"nested", "core.CreateRouteTableDetails",
			`{"compartmentId":"c","vcnId":"v","routeRules":[{"networkEntityId":"n"},{"target":"n"}]}`,
			"routeRules[1].networkEntityId: is required",
		},
		{"not an object", "core.CreateVcnDetails", `[]`, "must be an object"},
		{"unknown model", "core.Nothing", `{}`, "no model core.Nothing"},
	} {
		var value any
		if err := json.Unmarshal([]byte(test.value), &value); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := schema.Check(test.model, value); err != nil {
			got = err.Error()
		}
		if got != test.problem {
			t.Errorf("%s: %q, want %q", test.name, got, test.problem)
		}
	}
}

func TestHas(t *testing.T) {
	for field, want := range map[string]bool{"imageId": true, "sourceType": true, "image": false} {
		if got := schema.Has("containerengine.NodeSourceDetails", field); got != want {
			t.Errorf("NodeSourceDetails has %s: %v", field, got)
		}
	}
}
