package limits_test

import (
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/limits"
	"oke-guestbook/local/oci/ocitest"
)

func preset(t *testing.T, name string) oci.Config {
	t.Helper()
	values, err := limits.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return oci.Config{Limits: values, ControlPlane: ocitest.NewControlPlane()}
}

// TestFreeAccount expects a cluster with one node of the Always Free size, and no more.
func TestFreeAccount(t *testing.T) {
	ocitest.Run(t, preset(t, "free"), func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		c.Refused(400, "LimitExceeded", "", "POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n))
		pool := c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools", ocitest.PoolBody(n, cluster, 1), nil))
		for _, domains := range [][]string{oci.AvailabilityDomains[:1], oci.AvailabilityDomains} {
			var placements []any
			for _, domain := range domains {
				placements = append(placements, engine.Doc{"availabilityDomain": domain, "subnetId": n.Workers})
			}
			wr := c.WorkRequest(c.Send("PUT", ocitest.OKE+"/nodePools/"+pool, engine.Doc{"nodeConfigDetails": engine.Doc{
				"size": 2, "placementConfigs": placements,
			}}, nil))
			if wr["status"] != "FAILED" {
				t.Errorf("a second node in %d availability domains: %v", len(domains), wr)
			}
		}
	})
}

// TestAccountThatIsNotUpgraded expects neither gateways nor a cluster.
func TestAccountThatIsNotUpgraded(t *testing.T) {
	ocitest.Run(t, preset(t, "not-upgraded"), func(c *ocitest.Cloud) {
		vcn := c.Create("vcns", engine.Doc{"cidrBlocks": []any{"10.0.0.0/16"}})
		body := engine.Doc{"compartmentId": oci.CompartmentID, "vcnId": vcn["id"]}
		c.Refused(400, "LimitExceeded", "nat-gateway-count", "POST", ocitest.Core+"/natGateways", body)
		body["services"] = []any{}
		c.Refused(400, "LimitExceeded", "service-gateway-count", "POST", ocitest.Core+"/serviceGateways", body)
	})
}

func TestUnknownPreset(t *testing.T) {
	if _, err := limits.Preset("trial"); err == nil {
		t.Error("no error")
	}
}
