package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestPagesAndFilters(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		for i := range 7 {
			c.Create("vcns", engine.Doc{"cidrBlock": "10.0.0.0/16", "displayName": fmt.Sprint("net-", i)})
		}
		base := ocitest.Core + "/vcns?compartmentId=" + oci.CompartmentID
		var names []string
		page, pages := "", 0
		for {
			r := c.Want(200, "GET", base+"&limit=3&sortBy=DISPLAYNAME"+page, nil)
			for _, v := range r.List() {
				names = append(names, v.Str("displayName"))
			}
			pages++
			next := r.Header.Get("opc-next-page")
			if next == "" {
				break
			}
			page = "&page=" + next
		}
		if got := strings.Join(names, " "); got != "net-0 net-1 net-2 net-3 net-4 net-5 net-6" || pages != 3 {
			t.Errorf("%d pages: %s", pages, got)
		}
		for query, want := range map[string]int{
			"": 7, "&displayName=net-3": 1, "&displayName=none": 0,
			"&lifecycleState=AVAILABLE": 7, "&lifecycleState=TERMINATED": 0,
		} {
			if got := len(c.GetList(base + query)); got != want {
				t.Errorf("%q: %d items, want %d", query, got, want)
			}
		}
		c.Refused(400, "InvalidParameter", "limit", "GET", base+"&limit=0", nil)
		c.Refused(400, "InvalidParameter", "page", "GET", base+"&page=x", nil)
		c.Refused(400, "InvalidParameter", "colour", "GET", base+"&colour=red", nil)
		if got := len(c.GetList(ocitest.Core + "/vcns?compartmentId=" + oci.TenancyID)); got != 0 {
			t.Errorf("%d VCNs in the root compartment", got)
		}
	})
}

// TestFiltersOfTheAPI lists by fields that no resource of the local cloud has a value of.
func TestFiltersOfTheAPI(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		c.Network()
		c.Create("networkSecurityGroups", engine.Doc{"vcnId": c.List("vcns")[0]["id"]})
		for _, query := range []string{
			"networkSecurityGroups?vlanId=other", "privateIps?vlanId=other", "privateIps?ipState=AVAILABLE",
			"privateIps?lifetime=RESERVED", "instances?capacityReservationId=other", "instances?computeClusterId=other",
			"bootVolumes?volumeGroupId=other", "volumes?clusterPlacementGroupId=other",
			"drgAttachments?drgNatPolicyId=other",
		} {
			if got := c.GetList(ocitest.Core + "/" + query + "&compartmentId=" + oci.CompartmentID); len(got) != 0 {
				t.Errorf("%s: %v", query, got)
			}
		}
	})
}

func TestAvailabilityDomainsCompareWithoutCase(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		want := oci.AvailabilityDomains[1]
		lower := strings.ToLower(want)
		subnet := c.Create("subnets", engine.Doc{"vcnId": n.Vcn, "cidrBlock": "10.0.40.0/24", "availabilityDomain": lower})
		volume := c.Create("volumes", engine.Doc{"availabilityDomain": lower})
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		pool := c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools", ocitest.Changed(ocitest.PoolBody(n, cluster, 1),
			"nodeConfigDetails.placementConfigs",
			[]any{engine.Doc{"availabilityDomain": lower, "subnetId": subnet.Str("id")}}), nil))
		node := c.Get(ocitest.OKE + "/nodePools/" + pool).Objects("nodes")[0]
		for _, doc := range []engine.Doc{subnet, volume, node} {
			if doc["availabilityDomain"] != want {
				t.Errorf("%s is in %v, want %s", doc["id"], doc["availabilityDomain"], want)
			}
		}
		query := "?compartmentId=" + oci.CompartmentID + "&availabilityDomain=" + lower
		if got := c.GetList(ocitest.Core + "/volumes" + query); len(got) != 1 {
			t.Errorf("volumes: %v", got)
		}
		if got := c.GetList(ocitest.Core + "/faultDomains" + query); len(got) != 3 {
			t.Errorf("fault domains: %v", got)
		}
	})
}
