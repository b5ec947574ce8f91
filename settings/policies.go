package settings

import (
	"fmt"
	"strings"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/setting"
	"oke-guestbook/plan/workload"
)

func (s *Settings) networkPolicies() setting.Group {
	return setting.Group{
		setting.Of(&s.Policies, "networkPolicies", workload.Inert,
			"Whether the network policies of guestbooks hold: enforced, by kube-network-policies on each node; or inert, "+
				"declared and without effect, so that every Pod of the cluster reaches the databases' port",
			setting.OneOf(workload.Enforced, workload.Inert)),
		setting.Of(&s.EnforcerImage, "networkPolicyImage", workload.EnforcerImage,
			"Image of kube-network-policies, with its registry host",
			setting.Func("an image with registry host, and tag or digest", workload.CheckImage),
			setting.Func("", workload.CheckPinned)),
	}
}

// validateNetworkPolicies checks that there is something to enforce.
func (s *Settings) validateNetworkPolicies(list *problem.List) {
	s.networkPolicies().Check(list, "")
	if s.Policies == workload.Enforced && len(s.withPolicies()) == 0 {
		list.Add("networkPolicies", "%s needs a guestbook of profile %s: no other has network policies; set it to %s",
			workload.Enforced, workload.Hardened, workload.Inert).DependsOn("profile", "guestbooks")
	}
}

// withPolicies returns the names of the guestbooks that have network policies.
func (s *Settings) withPolicies() (names []string) {
	for _, g := range s.Guestbooks {
		if g.Hardened() {
			names = append(names, g.Name)
		}
	}
	return names
}

// InertPolicies says in one sentence that the stack's network policies do nothing, and what does. It returns nothing if
// they are enforced, or if there are none.
func (s *Settings) InertPolicies() string {
	names := s.withPolicies()
	if s.Policies == workload.Enforced || len(names) == 0 {
		return ""
	}
	noun := "guestbook"
	if len(names) > 1 {
		noun += "s"
	}
	return fmt.Sprintf("networkPolicies is %s: the network policies of %s %s do nothing: every Pod of the cluster "+
		"reaches the ports of their Pods, the database's and the metrics' too. Set it to %s",
		workload.Inert, noun, strings.Join(names, ", "), workload.Enforced)
}
