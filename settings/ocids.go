package settings

import (
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/setting"
	"oke-guestbook/plan/workload"
)

// anywhere are the kinds of resources that settings may name with the region of another: a vault and its keys keep
// their OCIDs where they are replicated to (Oracle, "Replicating the Vault for Disaster Recovery", read 2026-11-29).
var anywhere = []string{"vault", "key"}

// validateOCIDs refuses OCIDs of another realm than the stack's, and of another region.
func (s *Settings) validateOCIDs(list *problem.List) {
	realm, _ := realmAndRegion(s.CompartmentID)
	own := workload.RegionNamed(s.Region)
	if of := workload.Realm(s.Region); of != "" && realm != "" && realm != of {
		list.Add("compartmentId", "is of realm %s, and region %s of realm %s: change one of the two", realm, s.Region, of).
			DependsOn("oci:region")
		return
	}
	seen := map[string]bool{"": true} // guestbooks inherit those of the stack
	s.Settings().Texts("", func(at setting.Setting, key, text string) {
		if !at.IsOCID() || seen[text] || !s.listed && strings.HasPrefix(key, "guestbooks[") {
			return
		}
		seen[text] = true
		of, in := realmAndRegion(text)
		in = workload.RegionNamed(in)
		switch {
		case of == "" || realm == "":
		case of != realm:
			list.Add(key, "%s is of realm %s, and compartmentId of realm %s: a stack is in one realm", text, of, realm).
				DependsOn("compartmentId")
		case in != own && region.Test(in) == nil && region.Test(own) == nil &&
			!slices.Contains(anywhere, setting.KindOf(text)):
			list.Add(key, "%s is of region %s, and the stack of %s: name one of that region, or change oci:region", text, in,
				own).DependsOn("oci:region")
		}
	})
	if setting.KindOf(s.CompartmentID) == "tenancy" && s.TenancyID != "" && s.TenancyID != s.CompartmentID {
		list.Add("tenancyId", "is another tenancy than compartmentId, %s: name that one, or leave it out", s.CompartmentID).
			DependsOn("compartmentId")
	}
}

// realmAndRegion returns parts of an OCID, such as oc1 and iad: "" where it has none.
func realmAndRegion(ocid string) (realm, region string) {
	if parts := setting.OCIDParts(ocid); parts != nil {
		return parts[2], parts[3]
	}
	return "", ""
}
