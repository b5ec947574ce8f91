package doctor_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"oke-guestbook/local/oci"
)

// nodePool gives the stack a node pool of two nodes with one more field.
func nodePool(field string, value any) func(*setup) {
	return set("nodePools", []any{map[string]any{
		"name": "workers", "size": 1, "ocpus": 2, "memoryGb": 12, "availabilityDomains": []int{1}, field: value,
	}})
}

// and makes several changes.
func and(changes ...func(*setup)) func(*setup) {
	return func(s *setup) {
		for _, change := range changes {
			change(s)
		}
	}
}

// existing puts the stack into a VCN, and names something in it that nobody has.
func existing(key, kind string) func(*setup) {
	return inVCN(func(s *setup, _ string) { set(key, fmt.Sprintf(nobodys, kind))(s) })
}

func answer(path, body string) func(*setup) { return func(s *setup) { s.answers[path] = body } }

// unseen names in each setting that takes an OCID something that nobody has. The keys are those of docs/settings.md.
var unseen = map[string]struct {
	setting string // as the finding names it; empty: the key
	change  func(*setup)
}{
	"compartmentId": {"", set("compartmentId", "ocid1.compartment.oc1..nobodys")},
	"tenancyId": {"", and(
		set("budgetMonthly", 50), set("budgetEmails", []string{"ops@example.com"}),
		set("tenancyId", "ocid1.tenancy.oc1..nobodys"),
	)},
	"alarmTopicId": {"", and(
		set("clusterType", "enhanced"), set("alarmTopicId", fmt.Sprintf(nobodys, "onstopic")),
	)},
	"vcnId":             {"", set("vcnId", fmt.Sprintf(nobodys, "vcn"))},
	"internetGatewayId": {"", existing("internetGatewayId", "internetgateway")},
	"natGatewayId":      {"", existing("natGatewayId", "natgateway")},
	"serviceGatewayId":  {"", existing("serviceGatewayId", "servicegateway")},
	"drgId": {"", and(
		set("drgId", fmt.Sprintf(nobodys, "drg")), set("peerCidrs", []string{"172.16.0.0/16"}),
	)},
	"kmsKeyId": {"", set("kmsKeyId", fmt.Sprintf(nobodys, "key"))},
	"vaultIds": {"vaultIds[0]", set("vaultIds", []string{fmt.Sprintf(nobodys, "vault")})},
	"imageVerificationKeys": {
		"imageVerificationKeys[0]", set("imageVerificationKeys", []string{fmt.Sprintf(nobodys, "key")}),
	},
	"tlsCertificateId": {"", certified("")},
	"dnsZoneId":        {"", zoned("", "")},
	"id": {"subnets.workers.id", inVCN(func(s *setup, _ string) {
		set("subnets", map[string]any{"workers": map[string]any{
			"id": fmt.Sprintf(nobodys, "subnet"), "cidr": "198.18.16.0/20",
		}})(s)
	})},
	"imageId": {"nodePools[0].imageId", nodePool("imageId", fmt.Sprintf(nobodys, "image"))},
	"capacityReservationId": {
		"nodePools[0].capacityReservationId", nodePool("capacityReservationId", fmt.Sprintf(nobodys, "capacityreservation")),
	},
	"bootVolumeKmsKeyId": {
		"nodePools[0].bootVolumeKmsKeyId", nodePool("bootVolumeKmsKeyId", fmt.Sprintf(nobodys, "key")),
	},
	"nsgIds": {
		"nodePools[0].nsgIds[0]", nodePool("nsgIds", []string{fmt.Sprintf(nobodys, "networksecuritygroup")}),
	},
}

// unasked are settings with an OCID that is not looked up, and why.
var unasked = map[string]string{
	"reservedAddressCompartmentId": "the address is, and its compartment compared",
	"containerLogsGroup":           "only a list of all dynamic groups tells, which those who set it may not see",
}

// TestUnseen expects a ✗ that names the setting for each that takes an OCID.
func TestUnseen(t *testing.T) {
	documented, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(\\w+)` \\|[^|]*\\|[^|]*\\| an OCID ")
	rows := row.FindAllStringSubmatch(string(documented), -1)
	if len(rows) < len(unseen) {
		t.Errorf("docs/settings.md has %d settings with an OCID, want %d or more", len(rows), len(unseen))
	}
	for _, row := range rows {
		if _, covered := unseen[row[1]]; !covered && unasked[row[1]] == "" {
			t.Errorf("nothing looks up %s", row[1])
		}
	}
	for key, c := range unseen {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t)
			c.change(s)
			setting := c.setting
			if setting == "" {
				setting = key
			}
			out, status := s.run()
			if status != 1 || strings.Count(out, "✗") != 1 || !strings.Contains(out, "✗ "+setting) {
				t.Errorf("status %d, no single finding about %s in\n%s", status, setting, out)
			}
		})
	}
}

const (
	reservationID = "ocid1.capacityreservation.oc1.iad.a"
	groupID       = "ocid1.networksecuritygroup.oc1.iad.a"
	keyID         = "ocid1.key.oc1.iad.a"
	imageID       = "ocid1.image.oc1.iad.a"
	topicID       = "ocid1.onstopic.oc1.iad.a"
	vaultID       = "ocid1.vault.oc1.iad.a"
	vaultList     = `[{"lifecycleState":"ACTIVE","managementEndpoint":"https://a-management.kms.example"}]`
)

var namedFindings = []finding{
	{
		"nothing",
		and(
			set("clusterType", "enhanced"), set("kmsKeyId", keyID), set("alarmTopicId", topicID),
			nodePool("capacityReservationId", reservationID),
			answer("/20181201/topics/"+topicID, `{"lifecycleState":"ACTIVE"}`),
			answer("/20180608/vaults", vaultList),
			answer("/20180608/keys/"+keyID, `{"lifecycleState":"ENABLED"}`),
			answer("/20160918/computeCapacityReservations/"+reservationID, `{"lifecycleState":"ACTIVE",`+
				`"availabilityDomain":"`+oci.AvailabilityDomains[0]+`","instanceReservationConfigs":[`+
				`{"instanceShape":"VM.Standard.A1.Flex","instanceShapeConfig":{"ocpus":2,"memoryInGBs":12}}]}`),
		),
		[]string{"✓ 3 resources that the settings name"},
	},
	{
		"a key that nobody has", set("kmsKeyId", fmt.Sprintf(nobodys, "key")),
		[]string{
			"✗ kmsKeyId: this user sees no key ocid1.key.oc1.iad.nobodys", "make policies STACK=test",
			"it was looked for in the vaults of the compartment and in those of vaultIds",
		},
	},
	{
		"a disabled key",
		and(
			set("kmsKeyId", keyID), answer("/20180608/vaults", vaultList),
			answer("/20180608/keys/"+keyID, `{"lifecycleState":"DISABLED"}`),
		),
		[]string{"✗ kmsKeyId: the key " + keyID + " is DISABLED, and must be ENABLED"},
	},
	{
		"a key of another algorithm",
		and(
			nodePool("bootVolumeKmsKeyId", keyID), set("vaultIds", []string{vaultID}),
			answer("/20180608/vaults/"+vaultID, `{"lifecycleState":"ACTIVE","managementEndpoint":"https://a.example"}`),
			answer("/20180608/keys/"+keyID, `{"lifecycleState":"ENABLED","keyShape":{"algorithm":"RSA"}}`),
		),
		[]string{"✗ nodePools[0].bootVolumeKmsKeyId: the key " + keyID + " is an RSA key, and an AES key is needed"},
	},
	{
		"a vault that is being deleted, with its key",
		and(
			set("kmsKeyId", keyID), set("vaultIds", []string{vaultID}),
			answer("/20180608/vaults/"+vaultID, `{"lifecycleState":"PENDING_DELETION"}`),
		),
		[]string{"✗ vaultIds[0]: the vault " + vaultID + " is PENDING_DELETION, and must be ACTIVE"},
	},
	{
		"a topic that is being deleted",
		and(
			set("clusterType", "enhanced"), set("alarmTopicId", topicID),
			answer("/20181201/topics/"+topicID, `{"lifecycleState":"DELETING"}`),
		),
		[]string{"✗ alarmTopicId: the topic " + topicID + " is DELETING, and must be ACTIVE"},
	},
	{
		"an image that is disabled",
		and(nodePool("imageId", imageID), answer("/20160918/images/"+imageID, `{"lifecycleState":"DISABLED"}`)),
		[]string{"✗ nodePools[0].imageId: the image " + imageID + " is DISABLED, and must be AVAILABLE"},
	},
	{
		"a reservation elsewhere, of other machines",
		and(
			nodePool("capacityReservationId", reservationID),
			answer("/20160918/computeCapacityReservations/"+reservationID, `{"lifecycleState":"ACTIVE",`+
				`"availabilityDomain":"Uocm:US-ASHBURN-AD-2","instanceReservationConfigs":[{"instanceShape":"BM.Standard3.64"}]}`),
		),
		[]string{
			"✗ nodePools[0].capacityReservationId: the reservation is in Uocm:US-ASHBURN-AD-2, and the pool in",
			"✗ nodePools[0].capacityReservationId: the reservation holds no machines as the pool's",
		},
	},
	{
		"a group of another VCN",
		and(
			nodePool("nsgIds", []string{groupID}),
			answer("/20160918/networkSecurityGroups/"+groupID, `{"lifecycleState":"AVAILABLE","vcnId":"ocid1.vcn.oc1.iad.b"}`),
		),
		[]string{"✗ nodePools[0].nsgIds[0]: the group is of VCN ocid1.vcn.oc1.iad.b, which is not the stack's"},
	},
	{
		"a group of the stack's own VCN",
		and(
			nodePool("nsgIds", []string{groupID}),
			answer("/20160918/networkSecurityGroups/"+groupID, `{"lifecycleState":"AVAILABLE","vcnId":"ocid1.vcn.oc1.iad.b"}`),
			answer("/20160918/vcns/ocid1.vcn.oc1.iad.b", `{"freeformTags":{"project":"oke-guestbook","stack":"test"}}`),
		),
		[]string{"✓ 1 resources that the settings name"},
	},
}
