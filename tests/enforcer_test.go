package tests

import (
	"slices"
	"strings"
	"testing"

	"oke-guestbook/internal/mocks"
)

// TestPodsWaitForEnforcer expects each workload of a guestbook with policies to be made after the policies and what
// enforces them, and no enforcer where policies are inert.
func TestPodsWaitForEnforcer(t *testing.T) {
	const enforcer = "DaemonSet::network-policies"
	for _, name := range []string{"prod", "dev"} {
		r, err := run(t, name, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, missing := r.Find("kubernetes:apps/v1:DaemonSet", "network-policies")
		if on := missing == nil; on != (name == "prod") {
			t.Errorf("%s: an enforcer: %t", name, on)
		}
		if name != "prod" {
			continue
		}
		waiting := map[string]bool{}
		for _, res := range r.Resources {
			if waits := res.Options.GetDependencies(); slices.ContainsFunc(waits, endsWith(enforcer)) {
				waiting[res.Name] = slices.ContainsFunc(waits, endsWith("NetworkPolicy::guestbook-backend"))
			}
		}
		for _, workload := range []string{"frontend", "mongo", "setup", "backup"} {
			if !waiting["guestbook-"+workload] {
				t.Errorf("%s does not wait for the policies and their enforcer: %v", workload, waiting)
			}
		}
	}
}

func endsWith(end string) func(string) bool {
	return func(text string) bool { return strings.HasSuffix(text, end) }
}

// TestEnforcerIsOnEachNode expects a Pod that any node takes, whatever its taints, and that may use the node's network
// but nothing else of it.
func TestEnforcerIsOnEachNode(t *testing.T) {
	r, err := run(t, "prod", nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := r.Find("kubernetes:apps/v1:DaemonSet", "network-policies")
	if err != nil {
		t.Fatal(err)
	}
	flat := mocks.Flatten(mocks.Properties(set.Inputs["spec"])["template"])
	for field, want := range map[string]string{
		"spec.tolerations[0].operator": "Exists", "spec.tolerations[0].effect": "", "spec.nodeSelector": "",
		"spec.hostNetwork": "true", "spec.hostPID": "", "spec.volumes": "",
		"spec.priorityClassName":                                  "system-node-critical",
		"spec.containers[0].securityContext.privileged":           "",
		"spec.containers[0].securityContext.capabilities.add[0]":  "NET_ADMIN",
		"spec.containers[0].securityContext.capabilities.add[1]":  "",
		"spec.containers[0].securityContext.capabilities.drop[0]": "ALL",
	} {
		if got := flat[field]; got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
}
