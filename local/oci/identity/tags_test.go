package identity_test

import (
	"fmt"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

const namespaces = ocitest.Core + "/tagNamespaces"

// TestDefinedTagsMustExist puts tags on a VCN: of a namespace and a key that exist, that do not, and that are retired.
func TestDefinedTagsMustExist(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		tagged := func(namespace, key string) engine.Doc {
			return engine.Doc{
				"compartmentId": oci.CompartmentID, "cidrBlock": "10.0.0.0/16",
				"definedTags": engine.Doc{namespace: engine.Doc{key: "42"}},
			}
		}
		refused := func(namespace, key, words string) {
			t.Helper()
			c.Refused(400, "RelatedResourceNotAuthorizedOrNotFound", words, "POST", ocitest.Core+"/vcns",
				tagged(namespace, key))
		}
		refused("Operations", "CostCenter", "TagNamespace Operations does not exists.")
		space := c.Namespace("Operations", "CostCenter")
		c.Refused(409, "TagNamespaceOrTagAlreadyExists", "Operations", "POST", namespaces, engine.Doc{
			"compartmentId": oci.CompartmentID, "name": "operations", "description": "d",
		})
		c.Refused(409, "TagNamespaceOrTagAlreadyExists", "CostCenter", "POST", namespaces+"/"+space+"/tags", engine.Doc{
			"name": "costcenter", "description": "d",
		})
		refused("Operations", "CostCentre", "TagDefinition Operations.CostCentre does not exists.")
		vcn := c.Create("vcns", tagged("operations", "costCenter")).Str("id")

		tag := namespaces + "/" + space + "/tags/COSTCENTER"
		state := func(want string) {
			t.Helper()
			if got := c.Get(tag).Str("lifecycleState"); got != want {
				t.Errorf("the tag is %s, want %s", got, want)
			}
		}
		for _, path := range []string{namespaces + "/" + space, tag} {
			c.Want(200, "PUT", path, engine.Doc{"isRetired": true})
			state("INACTIVE")
			refused("Operations", "CostCenter", "Operations.CostCenter is retired")
			kept := engine.Doc{"definedTags": tagged("Operations", "CostCenter")["definedTags"]}
			c.Want(200, "PUT", ocitest.Core+"/vcns/"+vcn, kept)
			c.Want(200, "PUT", path, engine.Doc{"isRetired": false})
		}
		state("ACTIVE")
		c.Create("vcns", tagged("Operations", "CostCenter"))
	})
}

// TestTagNamespacesAreListed expects those of the compartment, or of all below the root.
func TestTagNamespacesAreListed(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		space := c.Namespace("Operations", "CostCenter", "Team")
		for query, want := range map[string]int{
			"compartmentId=" + oci.CompartmentID:                              0,
			"compartmentId=" + oci.TenancyID:                                  1,
			"compartmentId=" + oci.TenancyID + "&includeSubcompartments=true": 1,
		} {
			if got := c.GetList(namespaces + "?" + query); len(got) != want {
				t.Errorf("%s: %v, want %d", query, got, want)
			}
		}
		list := c.GetList(namespaces + "/" + space + "/tags")
		if names := fmt.Sprint(list[0]["name"], list[1]["name"]); len(list) != 2 || names != "CostCenterTeam" {
			t.Errorf("keys %v", list)
		}
		c.Conforms("identity.TagNamespaceSummary", c.GetList(namespaces + "?compartmentId=" + oci.TenancyID)[0])
		c.Conforms("identity.TagSummary", list[0])
		c.Conforms("identity.Tag", c.Get(namespaces+"/"+space+"/tags/Team"))
		c.Refused(404, "NotAuthorizedOrNotFound", "Tim", "GET", namespaces+"/"+space+"/tags/Tim", nil)
	})
}
