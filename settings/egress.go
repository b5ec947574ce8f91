package settings

import (
	"net"
	"strconv"
	"strings"

	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/rules"
)

// validateEgress refuses servers outside of the cluster to whose ports no security rule lets Pods connect. Where the
// server is, its name does not say: a rule for any network passes. Rules of a subnet that exists are not known.
func (s *Settings) validateEgress(list *problem.List) {
	role := layout.Workers
	if s.Network.PodNetwork == layout.VCNNative {
		role = layout.Pods
	}
	if s.Network.Subnets[role].ID != "" {
		return
	}
	const text = "Pods cannot connect to port %d of %s: allow it by extraRules, such as " +
		"{from: %s, to: <its network>, protocol: tcp, ports: %q}"
	for i, g := range s.Guestbooks {
		if host := g.ExternalDatabase; host != "" && !s.reaches(role, host, flows.MongoPort) {
			s.policy(i).Add(list, "externalDatabase", nil, text, flows.MongoPort, host, role, strconv.Itoa(flows.MongoPort)).
				DependsOn("extraRules", "podNetwork", "internetEgress")
		}
	}
	host, port, _ := net.SplitHostPort(s.LogDestination)
	if number, _ := strconv.Atoi(port); host != "" && !s.reaches(role, host, number) {
		list.Add("logDestination", text, number, host, role, port).DependsOn("extraRules", "podNetwork", "internetEgress")
	}
}

// reaches reports whether a rule may let Pods, which are in the role's subnet, connect to a port of a host.
func (s *Settings) reaches(role layout.Role, host string, port int) bool {
	inside := net.ParseIP(host) == nil && (strings.Count(host, ".") < 2 || strings.HasSuffix(host, ".svc") ||
		strings.HasSuffix(host, ".cluster.local")) // perhaps a Service of the cluster
	if inside {
		return true
	}
	oracles := strings.HasSuffix(host, ".oraclecloud.com") || strings.HasSuffix(host, ".oraclecloudapps.com")
	for _, flow := range rules.Table(s.Network) {
		tcp := flow.Protocol == rules.All || flow.Protocol == rules.TCP &&
			(flow.Ports == layout.PortRange{} || flow.Ports.Min <= port && port <= flow.Ports.Max)
		switch {
		case flow.From != string(role) || !tcp || s.Network.Has(layout.Role(flow.To)):
		case flow.To != layout.OSN || oracles:
			return true
		}
	}
	return false
}
