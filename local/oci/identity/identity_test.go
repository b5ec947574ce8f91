package identity_test

import (
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestIdentity(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		const linuxOnArm = "&operatingSystem=Oracle%20Linux&shape=VM.Standard.A1.Flex"
		const compartment, root = "compartmentId=" + oci.CompartmentID, "compartmentId=" + oci.TenancyID
		for model, path := range map[string]string{
			"identity.AvailabilityDomain": "/availabilityDomains?" + root,
			"identity.FaultDomain":        "/faultDomains?" + compartment + "&availabilityDomain=" + oci.AvailabilityDomains[2],
			"identity.Compartment":        "/compartments?" + root + "&compartmentIdInSubtree=true&name=" + oci.CompartmentName,
			"identity.RegionSubscription": "/tenancies/" + oci.TenancyID + "/regionSubscriptions",
			"core.Image":                  "/images?" + compartment + linuxOnArm,
			"core.Shape":                  "/shapes?" + compartment,
			"core.Service":                "/services",
		} {
			items := c.GetList(ocitest.Core + path)
			if len(items) == 0 {
				t.Errorf("%s: empty", path)
			}
			for _, item := range items {
				c.Conforms(model, item)
			}
		}
		c.Conforms("identity.Tenancy", c.Want(200, "GET", ocitest.Core+"/tenancies/"+oci.TenancyID, nil).Body)
		c.Conforms("containerengine.NodePoolOptions", c.Want(200, "GET", ocitest.OKE+"/nodePoolOptions/all", nil).Body)
		few := c.Get(ocitest.OKE + "/nodePoolOptions/all?nodePoolOsArch=AARCH64&nodePoolK8sVersion=v1.35.2")
		if sources := few.Objects("sources"); len(sources) != 3 || sources[0]["imageId"] != ocitest.ImageFor("v1.35.2",
			true) || len(few.List("shapes")) != 3 {
			t.Errorf("options for one version and architecture: %v", few)
		}
		c.Conforms("containerengine.ClusterOptions", c.Want(200, "GET", ocitest.OKE+"/clusterOptions/all", nil).Body)
		c.Refused(400, "InvalidParameter", "availabilityDomain", "GET",
			ocitest.Core+"/faultDomains?compartmentId="+oci.TenancyID+"&availabilityDomain=AD-1", nil)

		policy := engine.Doc{
			"name": "backup", "description": "d",
			"statements": []any{"Allow dynamic-group backup to manage objects in compartment x"},
		}
		live := c.Create("policies", ocitest.Changed(policy, "versionDate", "2018-01-01"))
		if got := live["versionDate"]; got != "2018-01-01" {
			t.Errorf("version date %v", got)
		}
		id := live.Str("id")
		policy["compartmentId"] = oci.CompartmentID
		c.Refused(409, "NotAuthorizedOrResourceAlreadyExists", "backup", "POST", ocitest.Core+"/policies", policy)
		c.Refused(400, "InvalidParameter", "No permissions found", "POST", ocitest.Core+"/policies",
			ocitest.Changed(ocitest.Changed(policy, "name", "other"), "statements", []any{"Let me in"}))
		first := c.Want(200, "GET", ocitest.Core+"/policies/"+id, nil).Header.Get("etag")
		if again := c.Want(200, "GET", ocitest.Core+"/policies/"+id, nil).Header.Get("etag"); again != first {
			t.Errorf("the etag changed from %s to %s", first, again)
		}
		c.Remove("policies", id)
		body := engine.Doc{
			"compartmentId": oci.TenancyID, "name": "nodes", "description": "d",
			"matchingRule": "ALL {instance.compartment.id = 'x'}",
		}
		c.Refused(400, "InvalidParameter", "Unable to parse matching rule", "POST", ocitest.Core+"/dynamicGroups",
			ocitest.Changed(body, "matchingRule", "bad_matching_rule"))
		group := c.Create("dynamicGroups", body)
		c.Remove("dynamicGroups", group.Str("id"))
	})
}

// TestTagNamespaces lists none: the tags of any are taken.
func TestTagNamespaces(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		const path = ocitest.Core + "/tagNamespaces"
		if got := c.GetList(path + "?compartmentId=" + oci.TenancyID); len(got) > 0 {
			t.Error(got)
		}
		c.Refused(400, "MissingParameter", "compartmentId", "GET", path, nil)
	})
}
