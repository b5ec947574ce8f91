package drift

import (
	"strings"
	"testing"
)

// preview is as v3.253.0 prints it, with fewer fields.
const preview = `{"steps": [
	{"op": "refresh", "urn": "urn:pulumi:dev::p::oci:Core/subnet:Subnet::same", "detailedDiff": null,
		"oldState": {"outputs": {"a": 1}}, "newState": {"outputs": {"a": 2}}},
	{"op": "update", "urn": "urn:pulumi:dev::p::p:net:Network$oci:Core/vcn:Vcn::net",
		"detailedDiff": {"displayName": {"kind": "update", "inputDiff": true}},
		"oldState": {"inputs": {"displayName": "net"}}, "newState": {"inputs": {"displayName": "other"}}},
	{"op": "update", "urn": "urn:pulumi:dev::p::kubernetes:core/v1:Service::web",
		"detailedDiff": {
			"spec.ports[1].port": {"kind": "update", "inputDiff": true},
			"metadata.annotations[\"example.com/a.b\"]": {"kind": "delete", "inputDiff": true},
			"status.note": {"kind": "update", "inputDiff": false},
			"spec.ports[7].port": {"kind": "add", "inputDiff": true}},
		"oldState": {
			"inputs": {"spec": {"ports": [{"port": 1}, {"port": 80}]}, "metadata": {"annotations": {"example.com/a.b": "x\ty"}}},
			"outputs": {"status": {"note": "[secret]"}}},
		"newState": {"inputs": {"spec": {"ports": [{"port": 1}, {"port": 81}]}},
			"outputs": {"status": {"note": "` + long + `"}}}},
	{"op": "delete", "urn": "urn:pulumi:dev::p::kubernetes:policy/v1:PodDisruptionBudget::web",
		"oldState": {"id": "web"}}]}`

const long = "012345678901234567890123456789012345678901234567890123456789"

const table = `RESOURCE                 PROPERTY                                 STATE     CLOUD
Service web              metadata.annotations["example.com/a.b"]  "x\ty"    -
Service web              spec.ports[1].port                       80        81
Service web              spec.ports[7].port                       -         -
Service web              status.note                              [secret]  012345678901234567890123456789012345678…
PodDisruptionBudget web                                           exists    is gone
Vcn net                  displayName                              net       other
`

func TestDifferences(t *testing.T) {
	all, err := Parse([]byte(preview))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := WriteTable(&out, all); err != nil || out.String() != table {
		t.Errorf("%v, got\n%s\nwant\n%s", err, out.String(), table)
	}
}

func TestNoDifferences(t *testing.T) {
	if all, err := Parse([]byte(`{"steps": [{"op": "refresh", "urn": "u"}]}`)); err != nil || len(all) > 0 {
		t.Errorf("got %v, %v", all, err)
	}
	if _, err := Parse([]byte("error: no stack named")); err == nil {
		t.Error("text that is no JSON is no error")
	}
}

func TestInterrupted(t *testing.T) {
	all, err := Interrupted([]byte(`{"deployment": {"pending_operations": [
		{"type": "creating", "resource": {"urn": "urn:pulumi:dev::p::oci:Core/vcn:Vcn::net"}}]}}`))
	if err != nil || len(all) != 1 || all[0].Resource != "Vcn net" || all[0].State != "creating" {
		t.Errorf("got %v, %v", all, err)
	}
	if all, err := Interrupted([]byte(`{"deployment": {"resources": []}}`)); err != nil || len(all) > 0 {
		t.Errorf("got %v, %v", all, err)
	}
}
