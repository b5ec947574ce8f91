package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/oci"
)

// made is what the cloud shows of a policy, a cluster, a node pool or an instance.
type made struct {
	ID, Name, LifecycleState string
	TimeCreated              time.Time
	Statements               []string
	DefinedTags              map[string]map[string]string
	Metadata                 struct{ TimeCreated time.Time }
}

// TestClusterPolicy deploys into a VCN of the root compartment, with boot volumes of a key there and with defined tags,
// by a policy that the stack makes. Then it gives a new node another key, and so the stack another policy.
func TestClusterPolicy(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.o.Delay = 500 // 5 seconds, as the cloud is 100 times as fast
	const wait = 8 * time.Second
	s.must(s.o.Prepare(t.Context()))
	rest := s.rest()
	inRoot := func(props object) object {
		props["compartmentId"] = oci.TenancyID
		return props
	}
	vcn := s.post(rest, core+"/vcns", inRoot(object{"cidrBlocks": []any{"10.20.0.0/16"}}))
	vault, key := s.key(oci.TenancyID)
	otherVault, otherKey := s.key(oci.TenancyID)
	namespace := s.post(rest, core+"/tagNamespaces", inRoot(object{"name": "Operations", "description": "d"}))
	_, err := rest.Do(t.Context(), "POST", core+"/tagNamespaces/"+namespace+"/tags", nil,
		object{"name": "CostCenter", "description": "d"}, nil)
	s.must(err)
	counts := s.inventory()

	policy := func() made {
		t.Helper()
		var all []made
		s.get(rest, core+"/policies?compartmentId="+oci.TenancyID, &all)
		if len(all) != 1 {
			t.Fatalf("the root compartment has the policies %+v, want one", all)
		}
		return all[0]
	}
	// waited checks the policy's statements, and that what was made then had waited for it.
	waited := func(p made, then time.Time, statements ...string) {
		t.Helper()
		if age := then.Sub(p.TimeCreated); age < wait {
			t.Errorf("the policy was %s old when it was used, want %s", age, wait)
		}
		for _, want := range statements {
			if text := strings.Join(p.Statements, "\n"); !strings.Contains(text, want) {
				t.Errorf("no statement with %q in\n%s", want, text)
			}
		}
	}

	step(t, "a tag namespace that does not exist is refused", func() {
		s.settings("vcnId="+vcn, "vcnCidr=10.20.0.0/16", "vaultIds[0]="+vault, "nodePools[0].bootVolumeKmsKeyId="+key,
			"clusterPolicy=true", "tenancyId="+oci.TenancyID, fmt.Sprintf("policyWaitSeconds=%d", wait/time.Second),
			`definedTags["Operatoins.CostCenter"]=ops`)
		s.refused("definedTags Operatoins Operations")
		if out, err := s.pulumi("config", "rm", "--stack", "local", "definedTags"); err != nil {
			t.Fatalf("pulumi config rm: %v\n%s", err, out)
		}
		s.settings(`definedTags["Operations.CostCenter"]=ops`)
	})
	var before made
	step(t, "the cluster waits for its policy", func() {
		s.up()
		s.unchanged("with the policy")
		var cluster made
		s.get(rest, oke+"/clusters/"+s.output("clusterId"), &cluster)
		if cluster.DefinedTags["Operations"]["CostCenter"] != "ops" {
			t.Errorf("the cluster has the tags %v", cluster.DefinedTags)
		}
		before = policy()
		waited(before, cluster.Metadata.TimeCreated, "use tag-namespaces in tenancy", "use subnets in tenancy",
			"use vnics in tenancy", "manage volumes in tenancy", "use key-delegates in tenancy", key)
	})
	step(t, "a node with another key waits for another policy", func() {
		s.settings("vaultIds[1]="+otherVault, "nodePools[0].bootVolumeKmsKeyId="+otherKey, "nodePools[0].size=3")
		s.up()
		s.unchanged("with the other policy")
		now := policy()
		if now.ID == before.ID || now.Name == before.Name {
			t.Errorf("policy %s %s is now %s %s", before.Name, before.ID, now.Name, now.ID)
		}
		var pools, nodes []made
		s.get(rest, oke+"/nodePools?compartmentId="+oci.CompartmentID, &pools)
		if len(pools) != 1 || pools[0].LifecycleState != "ACTIVE" {
			t.Errorf("node pools %+v, want one that is ACTIVE", pools)
		}
		s.get(rest, core+"/instances?compartmentId="+oci.CompartmentID, &nodes)
		newest := slices.MaxFunc(nodes, func(a, b made) int { return a.TimeCreated.Compare(b.TimeCreated) })
		waited(now, newest.TimeCreated, otherKey)
	})
	step(t, "destroy leaves nothing", func() {
		s.destroy()
		if got := s.inventory(); !maps.Equal(got, counts) {
			t.Errorf("the cloud held %v and holds %v", counts, got)
		}
	})
}
