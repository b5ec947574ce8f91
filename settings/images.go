package settings

import (
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/workload"
)

// validateReachOfRegistries refuses images that the nodes cannot pull without the internet: a service gateway leads to
// Oracle's registry of the region only (Oracle: "Service Gateway", services of "All Services in Oracle Services
// Network").
func (s *Settings) validateReachOfRegistries(list *problem.List) {
	if s.Network.InternetEgress != layout.EgressNone {
		return
	}
	check := func(key, image string, dependsOn ...string) {
		of := workload.OracleRegion(image)
		// A host has the region's name or its key, of which nothing here knows the region.
		if of != "" && (s.Region == "" || of == s.Region || region.Test(of) != nil) {
			return
		}
		list.Add(key, "%s is not in Oracle's registry of the region, such as iad.ocir.io, and internetEgress is %s: "+
			"the nodes reach no other registry", image, layout.EgressNone).
			DependsOn("internetEgress", "oci:region").DependsOn(dependsOn...)
	}
	for i, g := range s.Guestbooks {
		policy := s.policy(i)
		on := policy.DependsOn("profile", "frontendImage", "mongoImage", "choresImage", "externalDatabase")
		for _, image := range []struct {
			key, name string
			used      bool
		}{
			{"frontendImage", g.FrontendImage, g.FrontendImage != ""},
			{"mongoImage", g.MongoImage, g.OwnDatabase()},
			{"choresImage", g.ChoresImage, g.ChoresImage != "" && g.Hardened()},
		} {
			if image.used {
				check(policy.Prefix+image.key, image.name, on...)
			}
		}
	}
	if s.LogDestination != "" {
		check("logAgentImage", s.LogAgentImage, "logDestination")
	}
	if s.Policies == workload.Enforced {
		check("networkPolicyImage", s.EnforcerImage, "networkPolicies")
	}
}
