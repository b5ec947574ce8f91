package settings

import (
	"net/url"
	"slices"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/workload"
)

// httpsPort is the only port of ACME servers.
const httpsPort = 443

// validateACME checks that the ACME server and the frontend of guestbook i reach each other, and that its host name is
// no other guestbook's.
func (s *Settings) validateACME(list *problem.List, i int) {
	g, policy := s.Guestbooks[i], s.policy(i)
	if g.DNSZoneID != "" || g.ACME() {
		same := func(o workload.Guestbook) bool { return o.TLSHostname == g.TLSHostname }
		if j := slices.IndexFunc(s.Guestbooks[:i], same); j >= 0 && g.TLSHostname != "" {
			policy.Add(list, "tlsHostname", []string{"acmeDirectory", "dnsZoneId"}, "%s is the name of guestbook %s, and leads "+
				"to one load balancer", g.TLSHostname, s.Guestbooks[j].Name).DependsOn(s.policy(j).DependsOn("tlsHostname")...)
		}
	}
	if !g.ACME() {
		return
	}
	role, needed := layout.Workers, layout.EgressWorkers
	if s.Network.PodNetwork == layout.VCNNative {
		role, needed = layout.Pods, layout.EgressWorkersAndPods
	}
	if !s.Network.EgressToInternet(role) {
		policy.Add(list, "acmeDirectory", nil, "needs internetEgress %s: the frontend connects to the ACME server, and with "+
			"%s its Pods reach no internet", needed, s.Network.InternetEgress).DependsOn("internetEgress", "podNetwork")
	}
	if u, err := url.Parse(g.ACMEDirectory); err == nil && !s.reaches(role, u.Hostname(), httpsPort) &&
		s.Network.EgressToInternet(role) {
		policy.Add(list, "acmeDirectory", nil, "no rule and route lead Pods to port 443 of %s", u.Hostname()).
			DependsOn("peerCidrs", "vcnCidr", "extraRules", "podNetwork")
	}
	if g.Exposure == workload.Public && !slices.Contains(s.Network.LoadBalancerAllowedCIDRs, layout.Anywhere) {
		policy.Add(list, "acmeDirectory", []string{"exposure"}, "needs %s in loadBalancerAllowedCidrs: the ACME server "+
			"connects from addresses that nobody publishes", layout.Anywhere).DependsOn("loadBalancerAllowedCidrs")
	}
}
