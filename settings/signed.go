package settings

import (
	"strings"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/workload"
)

// validateSigned refuses images that a cluster with imageVerificationKeys does not run: of Oracle's registry only those
// that are named by digest are verified and run (Oracle documentation, "Enforcing the Use of Signed Images from
// Registry", 2025-01-15; read 2026-11-29). Whether an image of another registry runs is not documented in one voice.
func (s *Settings) validateSigned(list *problem.List) {
	if len(s.Cluster.ImageKeys) == 0 {
		return
	}
	unsigned := func(image string) bool {
		return workload.OracleRegion(image) != "" && !strings.Contains(image, "@")
	}
	const text = "%s must be named by its digest, @sha256:..., as the cluster has imageVerificationKeys"
	for i, g := range s.Guestbooks {
		policy := s.policy(i)
		for _, image := range []struct{ key, name string }{
			{"frontendImage", g.FrontendImage}, {"choresImage", g.ChoresImage}, {"mongoImage", g.MongoImage},
		} {
			if unsigned(image.name) {
				policy.Add(list, image.key, nil, text, image.name).DependsOn("imageVerificationKeys")
			}
		}
	}
	if s.Policies == workload.Enforced && unsigned(s.EnforcerImage) {
		list.Add("networkPolicyImage", text, s.EnforcerImage).DependsOn("imageVerificationKeys", "networkPolicies")
	}
	if s.LogDestination != "" && unsigned(s.LogAgentImage) {
		list.Add("logAgentImage", text, s.LogAgentImage).DependsOn("imageVerificationKeys")
	}
}

// issuers are where the issuers of the cluster's settings answer.
func issuers(all []cluster.OIDCIssuer) (list []layout.Issuer) {
	for _, i := range all {
		addr, port := i.Endpoint()
		cidr := layout.Anywhere
		if addr.Is4() {
			cidr = addr.String() + "/32"
		}
		list = append(list, layout.Issuer{CIDR: cidr, Port: port})
	}
	return list
}
