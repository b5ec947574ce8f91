package tests

import (
	"maps"
	"strings"
	"testing"

	"oke-guestbook/internal/mocks"
)

const policyType = "oci:Identity/policy:Policy"

// keyElsewhere are settings with a key that is in another compartment, and the policy for it.
var keyElsewhere = map[string]string{
	"kmsKeyId": "ocid1.key.oc1.iad.a.vault", "vaultIds": `["` + mocks.OtherVault + `"]`, "clusterPolicy": "true",
	"tenancyId": "ocid1.tenancy.oc1..root",
}

// TestClusterPolicy expects the policy in the root compartment, for the compartment of the key, before the cluster and
// the node pools.
func TestClusterPolicy(t *testing.T) {
	r, err := run(t, "local", keyElsewhere)
	if err != nil {
		t.Fatal(err)
	}
	policies := 0
	for _, res := range r.Resources {
		switch res.Type {
		case policyType:
			policies++
			statements := mocks.Text(res.Inputs["statements"].ArrayValue()[0])
			if got := mocks.Text(res.Inputs["compartmentId"]); got != keyElsewhere["tenancyId"] ||
				!strings.Contains(statements, "to use keys in compartment id "+mocks.Networkers+" where all {") {
				t.Errorf("policy in %s: %s", got, statements)
			}
		case "oci:ContainerEngine/cluster:Cluster", "oci:ContainerEngine/nodePool:NodePool":
			if depends := strings.Join(res.Options.GetDependencies(), " "); !strings.Contains(depends, policyType) {
				t.Errorf("%s depends on %s", res.Name, depends)
			}
		}
	}
	if policies != 1 {
		t.Errorf("%d policies", policies)
	}
}

// TestClusterPolicyNeedsTheTenancy expects a problem before anything is made, as only the cloud knows where the key is.
func TestClusterPolicyNeedsTheTenancy(t *testing.T) {
	set := maps.Clone(keyElsewhere)
	delete(set, "tenancyId")
	r, err := run(t, "local", set)
	if err == nil || !strings.Contains(err.Error(), "tenancyId: is required with clusterPolicy") || len(r.Resources) > 0 {
		t.Errorf("%v; made %d resources", err, len(r.Resources))
	}
}
