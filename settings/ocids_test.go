package settings

import (
	"testing"
)

// TestForeignOCIDs has OCIDs of resources that the stack cannot reach.
func TestForeignOCIDs(t *testing.T) {
	phoenix := func(kind string) string { return "ocid1." + kind + ".oc1.phx.aaaa" }
	checkRefusals(t, []refusal{
		{
			"image", one(`"imageId":"` + phoenix("image") + `"`),
			[]string{poolKey + "imageId us-phoenix-1 us-ashburn-1 oci:region"},
		},
		{
			"image of a region by name", one(`"imageId":"ocid1.image.oc1.eu-frankfurt-1.aaaa"`),
			[]string{poolKey + "imageId eu-frankfurt-1"},
		},
		{"group", one(`"nsgIds":["` + phoenix("networksecuritygroup") + `"]`), []string{poolKey + "nsgIds[0] us-phoenix-1"}},
		{
			"subnet and VCN", with("vcnId", phoenix("vcn"), "securityBy", "groups",
				"subnets", `{"workers":{"cidr":"10.0.64.0/18","id":"`+phoenix("subnet")+`"}}`),
			[]string{"subnets.workers.id us-phoenix-1", "vcnId us-phoenix-1"},
		},
		{
			"certificate of a guestbook, by the region's key", with("oci:region", "iad", "loadBalancerPorts", `["80","443"]`,
				"guestbooks", `[{"name":"a"},{"name":"b","tlsCertificateId":"`+phoenix("certificate")+`"}]`),
			[]string{"guestbooks[1].tlsCertificateId us-phoenix-1"},
		},
		{
			"certificate of all guestbooks", https("tlsCertificateId", phoenix("certificate"),
				"guestbooks", `[{"name":"a"},{"name":"b"}]`),
			[]string{"tlsCertificateId us-phoenix-1"},
		},
		{
			"another realm", one(`"bootVolumeKmsKeyId":"ocid1.key.oc2.us-luke-1.aaaa.bbbb"`),
			[]string{poolKey + "bootVolumeKmsKeyId oc2 compartmentId oc1"},
		},
		{
			"compartment of another realm than the region", with("compartmentId", "ocid1.compartment.oc2..aaaa"),
			[]string{"compartmentId oc2 us-ashburn-1 oc1"},
		},
		{
			"another tenancy", with("compartmentId", "ocid1.tenancy.oc1..aaaa", "tenancyId", "ocid1.tenancy.oc1..bbbb"),
			[]string{"tenancyId compartmentId"},
		},
		{"region in capitals", with("oci:region", "US-ASHBURN-1"), []string{"oci:region US-ASHBURN-1"}},
		{"region with a blank", with("oci:region", "us-ashburn-1 "), []string{"oci:region us-ashburn-1"}},
	})
	for name, set := range map[string]map[string]string{
		"a replicated key":       with("kmsKeyId", phoenix("key"), "vaultIds", `["`+phoenix("vault")+`"]`),
		"another realm's region": with("compartmentId", "ocid1.compartment.oc2..aaaa", "oci:region", "us-luke-1"),
		"an unknown key":         one(`"imageId":"ocid1.image.oc1.zzz.aaaa"`),
		"the region, by key":     with("oci:region", "iad", "alarmTopicId", ""),
		"the region, by name":    one(`"imageId":"ocid1.image.oc1.us-ashburn-1.aaaa"`),
		"the root compartment":   with("compartmentId", "ocid1.tenancy.oc1..aaaa", "tenancyId", "ocid1.tenancy.oc1..aaaa"),
	} {
		if _, err := load(set); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
