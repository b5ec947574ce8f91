package e2e

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/ociclient"
)

// TestVirtualNodes adds virtual nodes to a stack with a guestbook, which stays off them, and changes what only new
// virtual nodes get. Beside them it has, for a while, pools with the settings that no other test uses.
func TestVirtualNodes(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	s.settings("clusterType=enhanced", "podNetwork=vcn-native", "internetEgress=workers-and-pods",
		"virtualNodePools[0].name=burst", "virtualNodePools[0].labels.team=web",
		"oidcIssuers[0].url="+issuer, "oidcIssuers[0].clientId=oke") // later it would be a restart of the API server more
	s.up()
	const virtual = "node-role.kubernetes.io/virtual-node"
	nodes := func() (names []string) {
		t.Helper()
		var found list[node]
		s.kubectl(&found, "get", "nodes", "-l", virtual+",team=web")
		for _, n := range found.Items {
			names = append(names, n.Metadata.Name)
		}
		return names
	}
	first := nodes()
	if len(first) != 1 {
		t.Fatalf("virtual nodes %v", first)
	}
	pool := func() string {
		t.Helper()
		for urn, id := range s.ids() {
			if strings.Contains(urn, "virtualNodePool:VirtualNodePool") {
				return id
			}
		}
		t.Fatal("no pool of virtual nodes in the state")
		return ""
	}

	step(t, "no Pod of the stack is on a virtual node", func() {
		var pods list[pod]
		s.kubectl(&pods, "get", "pods", "-A", "--field-selector", "spec.nodeName="+first[0])
		if len(pods.Items) > 0 {
			t.Errorf("%v", pods.Items)
		}
	})
	s.unchanged("after the first update")
	removed := s.poolsWithEverySetting()

	step(t, "the pool grows in place", func() {
		old := pool()
		s.settings("virtualNodePools[0].size=2")
		s.up()
		if got := nodes(); len(got) != 2 || pool() != old {
			t.Errorf("virtual nodes %v of pool %s, which was %s", got, pool(), old)
		}
	})
	step(t, "another shape of Pods makes a new pool before the old one goes", func() {
		old := pool()
		s.settings("virtualNodePools[0].podShape=Pod.Standard.A1.Flex")
		s.up()
		if got := nodes(); len(got) != 2 || pool() == old {
			t.Errorf("virtual nodes %v of pool %s, which was %s", got, pool(), old)
		}
		s.unchanged("after the replacement")
	})
	step(t, "a pool that Pods of the stack could get to is refused", func() {
		s.settings("virtualNodePools[0].taints[0]=team=web:PreferNoSchedule")
		s.refused("virtualNodePools[0].taints NoSchedule")
	})

	s.unset("virtualNodePools")
	removed()
	if got := nodes(); len(got) > 0 {
		t.Errorf("virtual nodes are left: %v", got)
	}
	s.destroy()
	s.destroyed()
}

// issuer is of tokens that the cluster of TestVirtualNodes accepts; nothing answers there.
const issuer = "https://issuer.example.com"

// instance is what the tests read of an instance.
type instance struct {
	FaultDomain, ImageID, CapacityReservationID string
	Metadata                                    map[string]string
	PreemptibleInstanceConfig                   struct {
		PreemptionAction struct{ Type string }
	}
}

// poolsWithEverySetting adds pools and sets what is about the whole cluster, in one update. It returns what takes all
// of that and the issuer away, in one update, too.
func (s *stack) poolsWithEverySetting() (remove func()) {
	s.t.Helper()
	rest, cluster := s.rest(), s.output("clusterId")
	const script = "#!/bin/bash\ntouch /var/run/mine\n"
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFvEYjVb2VVlB2sF3lvFXJ8w3v3p5jR1lJcRvJ5h0m1K test"
	images := s.imagesFor(rest, newer)
	reservation := s.post(rest, core+"/computeCapacityReservations", object{
		"compartmentId": oci.CompartmentID, "availabilityDomain": oci.AvailabilityDomains[0],
		"instanceReservationConfigs": []any{object{
			"instanceShape": "VM.Standard.A1.Flex", "reservedCount": 1,
			"instanceShapeConfig": object{"ocpus": 2, "memoryInGBs": 12},
		}},
	})
	vault, verifier := s.verificationKey(rest)
	group := s.post(rest, core+"/networkSecurityGroups", with(object{"vcnId": s.output("vcnId")}))
	const policies = core + "/policies"
	policy := s.post(rest, policies, object{ // clusterPolicy would make it, and wait for 90 seconds
		"compartmentId": oci.CompartmentID, "name": "reservation", "description": "of the node pools", "statements": []string{
			"Allow any-user to use compute-capacity-reservations in compartment id " + oci.CompartmentID +
				" where request.principal.type = 'nodepool'",
		},
	})

	step(s.t, "a key in a vault of another compartment needs vaultIds", func() {
		s.settings("imageVerificationKeys[0]=" + verifier)
		s.refused("imageVerificationKeys[0] vaultIds " + verifier)
	})
	step(s.t, "pools with every setting", func() {
		s.settings("vaultIds[0]="+vault, "nodeImageRelease=summer",
			"nodePools[0].size=3", // one in each domain, so that the others can leave the volumes' domain again
			"nodePools[1].name=special", "nodePools[1].ocpus=2", "nodePools[1].memoryGb=12",
			"nodePools[1].taints[0]=team=web:NoSchedule", "nodePools[1].taints[1]=slow:PreferNoSchedule",
			"nodePools[1].cloudInit="+script, "nodePools[1].sshPublicKey="+key,
			"nodePools[1].availabilityDomains[0]=1", "nodePools[1].faultDomains[0]=2",
			"nodePools[1].capacityReservationId="+reservation, "nodePools[1].maxPodsPerNode=20",
			"nodePools[1].imageId="+images[0], "nodePools[1].labels.pool=special",
			"nodePools[1].nsgIds[0]="+group,
			"nodePools[2].name=spot", "nodePools[2].ocpus=2", "nodePools[2].memoryGb=12",
			"nodePools[2].preemptible=true", "nodePools[2].labels.pool=spot")
		s.up()
		s.unchanged("with every setting")
	})
	s.specialNode(rest, images[0], reservation, script, key)
	s.onlyIn(rest, group, "special")
	if _, spot := s.nodeOf(rest, "spot"); spot.PreemptibleInstanceConfig.PreemptionAction.Type != "TERMINATE" ||
		!slices.Contains(images[1:], spot.ImageID) || spot.CapacityReservationID != "" {
		s.t.Errorf("the preemptible node's instance: %+v; images %v", spot, images)
	}
	s.clusterTrusts(rest, cluster, verifier, issuer)
	if name := "oke-guestbook-local-image-" + newer + "-aarch64-summer"; s.byName()[name] == "" {
		s.t.Errorf("no image is kept as %s: %v", name, s.byName())
	}

	return func() {
		s.t.Helper()
		for _, setting := range []string{
			"vaultIds", "imageVerificationKeys", "oidcIssuers", "nodeImageRelease", "nodePools[2]", "nodePools[1]",
		} {
			s.unset(setting)
		}
		s.up()
		var nodes list[node]
		if s.kubectl(&nodes, "get", "nodes", "-l", "pool"); len(nodes.Items) > 0 || s.output("clusterId") != cluster {
			s.t.Errorf("cluster %s, which was %s, has the nodes %v", s.output("clusterId"), cluster, nodes)
		}
		s.clusterTrusts(rest, cluster, "", "")
		if used := s.reserved(rest, reservation); used != 0 {
			s.t.Errorf("%d instances use the reservation after the last is gone", used)
		}
		for _, path := range []string{
			core + "/computeCapacityReservations/" + reservation, core + "/networkSecurityGroups/" + group,
			policies + "/" + policy,
		} {
			_, err := rest.Do(s.t.Context(), "DELETE", path, nil, nil, nil)
			s.must(err)
		}
	}
}

// specialNode checks the node of the pool with most settings.
func (s *stack) specialNode(rest *ociclient.Client, image, reservation, script, key string) {
	s.t.Helper()
	n, made := s.nodeOf(rest, "special")
	var taints []string
	for _, t := range n.Spec.Taints {
		taints = append(taints, t.Key+"="+t.Value+":"+t.Effect)
	}
	if !slices.Equal(taints, []string{"team=web:NoSchedule", "slow=:PreferNoSchedule"}) || n.Status.Capacity.Pods != "20" {
		s.t.Errorf("the node has the taints %v and room for %s Pods", taints, n.Status.Capacity.Pods)
	}
	text, err := base64.StdEncoding.DecodeString(made.Metadata["user_data"])
	s.must(err)
	own, okes := strings.Index(string(text), script), strings.Index(string(text), "oke_init_script")
	if okes < 0 || own < okes {
		s.t.Errorf("user_data lacks OKE's script and the setting's after it:\n%s", text)
	}
	if made.FaultDomain != "FAULT-DOMAIN-2" || made.ImageID != image || made.CapacityReservationID != reservation ||
		made.Metadata["ssh_authorized_keys"] != key {
		s.t.Errorf("the node's instance: %+v; want image %s, reservation %s", made, image, reservation)
	}
	if used := s.reserved(rest, reservation); used != 1 {
		s.t.Errorf("%d instances use the reservation, want the node's", used)
	}
}

// onlyIn checks that a security group has one VNIC, which is of the only node of a pool.
func (s *stack) onlyIn(rest *ociclient.Client, group, pool string) {
	s.t.Helper()
	n, _ := s.nodeOf(rest, pool)
	var vnics []struct{ ResourceID string }
	s.get(rest, core+"/networkSecurityGroups/"+group+"/vnics", &vnics)
	if len(vnics) != 1 || vnics[0].ResourceID != n.Spec.ProviderID {
		s.t.Errorf("security group %s has the VNICs %v, want that of instance %s", group, vnics, n.Spec.ProviderID)
	}
}

// fullNode is a Kubernetes node with what the settings of a pool show in.
type fullNode struct {
	Spec struct {
		ProviderID string
		Taints     []struct{ Key, Value, Effect string }
	}
	Status struct{ Capacity struct{ Pods string } }
}

// nodeOf returns the only node with the value of label pool, and its instance.
func (s *stack) nodeOf(rest *ociclient.Client, pool string) (n fullNode, made instance) {
	s.t.Helper()
	var nodes list[fullNode]
	if s.kubectl(&nodes, "get", "nodes", "-l", "pool="+pool); len(nodes.Items) != 1 {
		s.t.Fatalf("nodes of pool %s: %+v", pool, nodes)
	}
	s.get(rest, core+"/instances/"+nodes.Items[0].Spec.ProviderID, &made)
	return nodes.Items[0], made
}

// reserved counts the instances that use a capacity reservation.
func (s *stack) reserved(rest *ociclient.Client, reservation string) int {
	s.t.Helper()
	var doc struct{ UsedInstanceCount int }
	s.get(rest, core+"/computeCapacityReservations/"+reservation, &doc)
	return doc.UsedInstanceCount
}

// clusterTrusts checks the key that the cluster verifies images by, and the issuer whose tokens its API server accepts;
// empty for none.
func (s *stack) clusterTrusts(rest *ociclient.Client, id, key, issuerURL string) {
	s.t.Helper()
	var cluster struct {
		ImagePolicyConfig struct {
			IsPolicyEnabled bool
			KeyDetails      []struct{ KmsKeyID string }
		}
		Options struct {
			OpenIDConnectTokenAuthenticationConfig struct {
				IsOpenIDConnectAuthEnabled bool
				ConfigurationFile          string
			}
		}
	}
	s.get(rest, oke+"/clusters/"+id, &cluster)
	policy, tokens := cluster.ImagePolicyConfig, cluster.Options.OpenIDConnectTokenAuthenticationConfig
	if policy.IsPolicyEnabled != (key != "") || key != "" && fmt.Sprint(policy.KeyDetails) != "[{"+key+"}]" {
		s.t.Errorf("policy for images %+v, want key %q", policy, key)
	}
	file, err := base64.StdEncoding.DecodeString(tokens.ConfigurationFile)
	s.must(err)
	if tokens.IsOpenIDConnectAuthEnabled != (issuerURL != "") || !strings.Contains(string(file), issuerURL) {
		s.t.Errorf("want tokens of issuer %q; OpenID Connect is %t, with the file\n%s", issuerURL,
			tokens.IsOpenIDConnectAuthEnabled, file)
	}
	if told := strings.Contains(strings.Join(s.processes(), "\n"), "--authentication-config="); told != (issuerURL != "") {
		s.t.Errorf("the API server has a file of issuers: %t, want issuer %q", told, issuerURL)
	}
}

// verificationKey creates an RSA key in a vault of the root compartment.
func (s *stack) verificationKey(rest *ociclient.Client) (vault, key string) {
	s.t.Helper()
	vault = s.post(rest, "/20180608/vaults", object{
		"compartmentId": oci.TenancyID, "displayName": "keys", "vaultType": "DEFAULT",
	})
	var made struct{ ID string }
	_, err := rest.Do(s.t.Context(), "POST", "/20180608/keys", nil, object{
		"compartmentId": oci.TenancyID, "displayName": "signatures", "keyShape": object{"algorithm": "RSA", "length": 256},
	}, &made)
	s.must(err)
	return vault, made.ID
}

// imagesFor returns the node images for Arm and a Kubernetes version, the oldest first.
func (s *stack) imagesFor(rest *ociclient.Client, version string) (ids []string) {
	s.t.Helper()
	var options struct {
		Sources []struct{ ImageID, SourceName string }
	}
	s.get(rest, oke+"/nodePoolOptions/all", &options)
	for _, source := range options.Sources {
		if strings.Contains(source.SourceName, "aarch64") && strings.Contains(source.SourceName, "OKE-"+version[1:]+"-") {
			ids = append(ids, source.ImageID)
		}
	}
	if len(ids) < 2 {
		s.t.Fatalf("want two images for %s, one of them not the newest: %v", version, ids)
	}
	return ids
}
