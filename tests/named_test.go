package tests

import (
	"slices"
	"strings"
	"testing"

	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/setting"
	"oke-guestbook/settings"
)

// poolWith is the setting nodePools with one pool in the first availability domain.
func poolWith(field string) map[string]string {
	return map[string]string{"nodePools": pool(`"size":2,"availabilityDomains":[1],` + field)}
}

// named are settings that name everything by OCID that they can, beside a VCN.
var named = map[string]string{
	"clusterType": "enhanced", "kmsKeyId": "ocid1.key.oc1.iad.a.vault", "vaultIds": `["` + mocks.OtherVault + `"]`,
	"nodePools": pool(`"size":2,"availabilityDomains":[1],"capacityReservationId":"ocid1.capacityreservation.oc1.iad.a",` +
		`"bootVolumeKmsKeyId":"ocid1.key.oc1.iad.a","imageId":"ocid1.image.oc1.iad.own","nsgIds":["` + mocks.OwnGroup + `"]`),
	"alarmTopicId":  "ocid1.onstopic.oc1.iad.a",
	"budgetMonthly": "100", "budgetEmails": `["ops@example.com"]`, "tenancyId": "ocid1.tenancy.oc1..a",
}

// existing are the settings of a stack in an existing VCN, with one more.
func existing(key, value string) map[string]string {
	set := map[string]string{"vcnId": mocks.ExistingVCN, "vcnCidr": "10.20.0.0/16"}
	set[key] = value
	return set
}

// unseen are settings with the OCID of something that does not exist, by the setting's key without indices.
var unseen = map[string]struct {
	key string // of the problem; empty: the same
	set map[string]string
}{
	"compartmentId": {"", map[string]string{"compartmentId": "ocid1.compartment.oc1.." + mocks.Unseen}},
	"tenancyId": {"", map[string]string{
		"budgetMonthly": "1", "budgetEmails": `["ops@example.com"]`, "tenancyId": "ocid1.tenancy.oc1." + mocks.Unseen,
	}},
	"alarmTopicId": {"", map[string]string{
		"clusterType": "enhanced", "alarmTopicId": "ocid1.onstopic.oc1.iad" + mocks.Unseen,
	}},
	"tlsCertificateId": {"", map[string]string{
		"tlsCertificateId": "ocid1.certificate.oc1.iad" + mocks.Unseen, "loadBalancerPorts": `["80","443"]`,
	}},
	"dnsZoneId":         {"", byACME("dnsZoneId", "ocid1.dns-zone.oc1."+mocks.Unseen)},
	"vcnId":             {"", existing("vcnId", "ocid1.vcn.oc1.iad"+mocks.Unseen)},
	"internetGatewayId": {"", existing("internetGatewayId", "ocid1.internetgateway.oc1.iad"+mocks.Unseen)},
	"natGatewayId":      {"", existing("natGatewayId", "ocid1.natgateway.oc1.iad"+mocks.Unseen)},
	"serviceGatewayId":  {"", existing("serviceGatewayId", "ocid1.servicegateway.oc1.iad"+mocks.Unseen)},
	"drgId": {"", map[string]string{
		"drgId": "ocid1.drg.oc1.iad" + mocks.Unseen, "peerCidrs": `["172.16.0.0/16"]`,
	}},
	"subnets.id": {"subnets.workers.id", existing("subnets",
		`{"workers":{"id":"ocid1.subnet.oc1.iad`+mocks.Unseen+`","cidr":"10.20.8.0/22"}}`)},
	"kmsKeyId": {"", map[string]string{"kmsKeyId": "ocid1.key.oc1.iad" + mocks.Unseen}},
	"vaultIds": {"vaultIds[0]", map[string]string{"vaultIds": `["ocid1.vault.oc1.iad` + mocks.Unseen + `"]`}},
	"imageVerificationKeys": {
		"imageVerificationKeys[0]", map[string]string{"imageVerificationKeys": `["ocid1.key.oc1.iad` + mocks.Unseen + `"]`},
	},
	"nodePools.imageId": {
		"nodePools[0].imageId", poolWith(`"imageId":"ocid1.image.oc1.iad` + mocks.Unseen + `"`),
	},
	"nodePools.capacityReservationId": {
		"nodePools[0].capacityReservationId",
		poolWith(`"capacityReservationId":"ocid1.capacityreservation.oc1.iad` + mocks.Unseen + `"`),
	},
	"nodePools.bootVolumeKmsKeyId": {
		"nodePools[0].bootVolumeKmsKeyId", poolWith(`"bootVolumeKmsKeyId":"ocid1.key.oc1.iad` + mocks.Unseen + `"`),
	},
	"nodePools.nsgIds": {
		"nodePools[0].nsgIds[0]", poolWith(`"nsgIds":["ocid1.networksecuritygroup.oc1.iad` + mocks.Unseen + `"]`),
	},
}

// unasked are settings with an OCID that is not looked up, and why.
var unasked = map[string]string{
	"reservedAddressCompartmentId": "the address is, and its compartment compared",
	"containerLogsGroup":           "only a list of all dynamic groups tells, which those who set it may not see",
}

// TestUnseen expects each setting that holds an OCID to be looked up before anything is made, and an error that names
// it where nothing has the OCID: whether the provider's function fails then, or answers without values.
func TestUnseen(t *testing.T) {
	var declared settings.Settings
	for _, key := range holdOCIDs("", declared.Settings()) {
		if _, ok := unseen[key]; !ok && unasked[key] == "" {
			t.Errorf("no row has an OCID of nothing in %s", key)
		}
	}
	for key, c := range unseen {
		if c.key != "" {
			key = c.key
		}
		for _, fails := range []bool{false, true} {
			r := mocks.New(project, "local")
			r.FailsUnseen = fails
			err := update(t, "local", c.set, r)
			if !reports(err, key, "") || len(r.Resources) > 0 {
				t.Errorf("%s, fails %t: %v; made %v", key, fails, err, r.Resources)
			}
		}
	}
}

// TestDenied expects an error of questions to the compartment that get no values, as the official plugin answers a 404.
func TestDenied(t *testing.T) {
	for token, want := range map[string][2]string{
		"oci:ContainerEngine/getClusterOption:getClusterOption":   {"compartmentId", "may not list the cluster options"},
		"oci:ContainerEngine/getNodePoolOption:getNodePoolOption": {"compartmentId", "may not list the node pool options"},
		"oci:ContainerEngine/getClusters:getClusters":             {"compartmentId", "may not list the clusters"},
		"oci:Core/getSubnets:getSubnets":                          {"compartmentId", "the subnets of"},
		"oci:ObjectStorage/getNamespace:getNamespace":             {"compartmentId", "no namespace"},
		"oci:LoadBalancer/getLoadBalancers:getLoadBalancers":      {"reservedAddress", "load balancers of"},
		"oci:NetworkLoadBalancer/getNetworkLoadBalancers:getNetworkLoadBalancers": {
			"reservedAddress", "network load balancers of",
		},
	} {
		r := mocks.New(project, "local")
		r.Denied = []string{token}
		err := update(t, "local", map[string]string{
			"clusterType": "enhanced", "backupSchedule": "0 3 * * *", "reservedAddress": mocks.NetworkAddress,
		}, r)
		if !reports(err, want[0], want[1]) {
			t.Errorf("%s: %v", token, err)
		}
	}
}

// holdOCIDs returns the keys of settings that hold OCIDs. Those of guestbooks are the stack's.
func holdOCIDs(prefix string, group setting.Group) (keys []string) {
	for _, s := range group {
		if s.Key == "guestbooks" {
			continue
		}
		if slices.ContainsFunc(s.Allowed, func(text string) bool { return strings.HasPrefix(text, "an OCID ") }) {
			keys = append(keys, prefix+s.Key)
		}
		keys = append(keys, holdOCIDs(prefix+s.Key+".", s.Fields)...)
	}
	return keys
}

// TestUnusable expects an error about what exists and cannot be used for the setting.
func TestUnusable(t *testing.T) {
	const reservation, key = "ocid1.capacityreservation.oc1.iad", "ocid1.key.oc1.iad"
	offered := func(image string) string { return `"imageId":"ocid1.image.oc1.iad.Oracle-Linux-8.10-` + image + `"` }
	group := func(id string) string { return `"nsgIds":["` + id + `"]` }
	for _, c := range []struct {
		key, fact string
		set       map[string]string
	}{
		{"compartmentId", "DELETED", map[string]string{"compartmentId": "ocid1.compartment.oc1." + mocks.Unusable}},
		{"kmsKeyId", "DISABLED", map[string]string{"kmsKeyId": key + mocks.Unusable}},
		{"kmsKeyId", "vaultIds", map[string]string{"kmsKeyId": key + mocks.InVault}},
		{"vaultIds[0]", "INACTIVE", map[string]string{
			"vaultIds": `["ocid1.vault.oc1.iad` + mocks.Unusable + `"]`, "kmsKeyId": key + ".a",
		}},
		{
			"nodePools[0].bootVolumeKmsKeyId", "RSA key, and an AES key",
			poolWith(`"bootVolumeKmsKeyId":"` + key + mocks.RSA + `"`),
		},
		{"imageVerificationKeys[0]", "AES key, and an RSA key", map[string]string{
			"imageVerificationKeys": `["ocid1.key.oc1.iad.a"]`,
		}},
		{"nodePools[0].imageId", "INACTIVE", poolWith(`"imageId":"ocid1.image.oc1.iad` + mocks.Unusable + `"`)},
		{
			"nodePools[0].capacityReservationId", "INACTIVE",
			poolWith(`"capacityReservationId":"` + reservation + mocks.Unusable + `"`),
		},
		{"nodePools[0].capacityReservationId", "AD-2", map[string]string{
			"nodePools": pool(`"size":2,"availabilityDomains":[2],"capacityReservationId":"` + reservation + `.a"`),
		}},
		{"nodePools[0].capacityReservationId", "with 1 OCPUs", map[string]string{
			"nodePools": strings.NewReplacer(`"size":2`, `"size":3`, `"ocpus":2`, `"ocpus":1`).
				Replace(poolWith(`"capacityReservationId":"` + reservation + `.a"`)["nodePools"]),
		}},
		{"nodePools[0].imageId", "for x86, and VM.Standard.A1.Flex is Arm", poolWith(
			offered("2026.09.30-0-OKE-1.36.4-1500"))},
		{"nodePools[0].imageId", "Kubernetes v1.35.2, and the nodes get v1.36.4", poolWith(
			offered("aarch64-2026.06.30-0-OKE-1.35.2-1400"))},
		{"nodePools[0].imageId", "Kubernetes v1.33.1", poolWith(`"imageId":"` + mocks.WithdrawnImage + `"`)},
		{"nodePools[0].imageId", "for Arm, and VM.Standard.E5.Flex is x86", map[string]string{"nodePools": strings.Replace(
			pool(`"size":2,`+offered("aarch64-2026.09.30-0-OKE-1.36.4-1500")), "A1", "E5", 1)}},
		{"nodePools[0].nsgIds[0]", "workers", poolWith(group(mocks.StackGroup))},
		{"nodePools[0].nsgIds[0]", mocks.OtherVCN, poolWith(group(mocks.OtherGroup))},
		{"nodePools[0].nsgIds[0]", mocks.ExistingVCN, poolWith(group(mocks.ExistingGroup))},
		{"nodePools[0].nsgIds[0]", mocks.OtherVCN, existing("nodePools", poolWith(group(mocks.OtherGroup))["nodePools"])},
		{"alarmTopicId", "INACTIVE", map[string]string{
			"clusterType": "enhanced", "alarmTopicId": "ocid1.onstopic.oc1.iad" + mocks.Unusable,
		}},
	} {
		r, err := run(t, "local", c.set)
		if !reports(err, c.key, c.fact) || len(r.Resources) > 0 {
			t.Errorf("%s: %v, want %q; made %v", c.key, err, c.fact, r.Resources)
		}
	}
	for _, set := range []map[string]string{
		named, poolWith(offered("aarch64-2026.09.30-0-OKE-1.36.4-1500")),
		poolWith(offered("aarch64-2026.06.30-0-OKE-1.35.2-1400") + `,"kubernetesVersion":"v1.35.2"`),
		existing("nodePools", poolWith(group(mocks.ExistingGroup))["nodePools"]),
	} {
		if _, err := run(t, "local", set); err != nil {
			t.Error(err)
		}
	}
}
