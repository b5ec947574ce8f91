package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	"oke-guestbook/internal/golden"
)

func policies(t *testing.T, args ...string) (out, notes string, err error) {
	t.Helper()
	var o, n strings.Builder
	err = run(append([]string{"policies"}, args...), &o, &n)
	return o.String(), n.String(), err
}

// TestPoliciesOfTheStacks compares the statements of the repository's stacks with golden files.
func TestPoliciesOfTheStacks(t *testing.T) {
	for _, stack := range []string{"local", "dev", "prod"} {
		got, _, err := policies(t, "-C", root, "--stack", stack)
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, "policies-"+stack+".txt", got)
	}
}

// A guestbook's password is encrypted, and its image is not set yet: neither keeps the statements from being printed.
func TestPoliciesNeedNoSecrets(t *testing.T) {
	dir := project(t, simple+"  oke-guestbook:externalDatabase: db.example\n"+
		"  oke-guestbook:databasePassword: {secure: AAAB}\n"+
		"  oke-guestbook:compartmentId: ocid1.tenancy.oc1..root\n")
	out, notes, err := policies(t, "-C", dir, "--stack", "test", "--domain", "Default", "--group", "OKE operators")
	want := "Allow group 'Default'/'OKE operators' to manage vcns in tenancy\n"
	if err != nil || notes != "" || !strings.Contains(out, want) || !strings.Contains(out, "root compartment") {
		t.Errorf("%v, notes %q, want %q in\n%s", err, notes, want, out)
	}
}

// TestPoliciesKnowTheAddressesCompartment expects the statements for the compartment that the settings name.
func TestPoliciesKnowTheAddressesCompartment(t *testing.T) {
	const other = "ocid1.compartment.oc1..other"
	dir := project(t, simple+"  oke-guestbook:reservedAddress: 192.0.2.7\n"+
		"  oke-guestbook:reservedAddressCompartmentId: "+other+"\n")
	want := "manage floating-ips in compartment id " + other
	if out, _, err := policies(t, "-C", dir, "--stack", "test"); err != nil || !strings.Contains(out, want) {
		t.Errorf("%v, want %q in\n%s", err, want, out)
	}
}

func TestPoliciesInJSON(t *testing.T) {
	out, notes, err := policies(t, "-C", project(t, simple), "--stack", "test", "--json")
	if err != nil || !json.Valid([]byte(out)) || !strings.HasPrefix(notes, "compartmentId is not set yet: ") {
		t.Errorf("%v, notes %q, got %s", err, notes, out)
	}
}

func TestPoliciesAreRefused(t *testing.T) {
	dir := project(t, simple)
	for _, test := range []struct {
		name string
		args []string
		want string // a part of the error
	}{
		{
			"unknown stack",
			[]string{"-C", dir, "--stack", "staging"},
			"Pulumi.staging.yaml is missing; name one of test, or make it: pulumi stack init staging",
		},
		{"empty stack", []string{"-C", dir, "--stack", ""}, "STACK: is empty"},
		{"empty group", []string{"-C", dir, "--stack", "test", "--group", ""}, "--group: is empty"},
		{"quoted domain", []string{"-C", dir, "--stack", "test", "--domain", `a'b`}, "--domain: "},
		{"flag without its setting", []string{
			"-C", dir, "--stack", "test", "--key-compartment", "ocid1.compartment.oc1..a",
		}, "--key-compartment: leave it out"},
		{"OCID of another kind in the settings", []string{
			"-C", project(t, simple+"  oke-guestbook:compartmentId: ocid1.vcn.oc1.iad.v\n"), "--stack", "test",
		}, "stack test: compartmentId: "},
		{"key of another kind", []string{
			"-C", project(t, simple+"  oke-guestbook:kmsKeyId: ocid1.vault.oc1.iad.v\n"), "--stack", "test",
		}, "stack test: kmsKeyId: "},
		{"bad network", []string{
			"-C", project(t, withSettings(t, []string{"oke-guestbook:vcnCidr: 10.0.0.1/16"})), "--stack", "test",
		}, "stack test: vcnCidr: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := run(append([]string{"policies"}, test.args...), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %s", err, test.want)
			}
		})
	}
}

// make passes an empty group on, so that it is refused.
func TestMakePassesTheGroupOn(t *testing.T) {
	args := []string{"-n", "-C", root, "policies", "STACK=dev", "GROUP=", "DOMAIN=Default", "ARGS=--json"}
	out, err := exec.CommandContext(t.Context(), "make", args...).CombinedOutput()
	want := `policies --stack "dev" --group "" --domain "Default" --json`
	if err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v: want %s in %s", err, want, out)
	}
}
